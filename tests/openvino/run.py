"""Runs models on OpenVINO's CPU plugin: the half of `make openvino` that needs OpenVINO, NumPy and
nothing of nnc.

`python run.py FOLDER`: for NAME.onnx with its inputs, NAME.npz, it writes NAME.out.npz, the outputs
by number, or NAME.txt, what went wrong. Prints the version.
"""

import sys
from pathlib import Path

import numpy as np
import openvino


def main(folder: Path) -> None:
    """Run every model of a folder."""
    core = openvino.Core()
    # Where a processor has bfloat16, the plugin would compute in it.
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    for model in sorted(folder.glob("*.onnx")):
        with np.load(model.with_suffix(".npz")) as file:
            given = dict(file)
        try:
            compiled = core.compile_model(core.read_model(model), "CPU", settings)
            found = compiled(given)
            outputs = {str(number): found[number] for number in range(len(compiled.outputs))}
            np.savez(model.with_suffix(".out.npz"), **outputs)
        except Exception as error:  # whatever the plugin raises is what is to be told
            model.with_suffix(".txt").write_text(str(error))
    print(openvino.__version__)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
