"""Another exporter at work on a program that nnc compiled: the same network, the same weights.

python -m bench.exporters dynamo|legacy|keras PROGRAM CLASS WEIGHTS FILE SHAPE

PROGRAM is generated PyTorch or Keras source, SHAPE that of one example with commas. Keras' exporter
needs tf2onnx.
"""

from __future__ import annotations

import importlib.util
import sys
import warnings
from pathlib import Path
from typing import Any


def main() -> None:
    exporter, program, name, weights, path, shape = sys.argv[1:]
    module = _loaded(Path(program))
    sizes = [int(size) for size in shape.split(",")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if exporter == "keras":
            _keras(module, weights, path, sizes)
        else:
            _torch(module, exporter, name, weights, path, sizes)


def _keras(module: Any, weights: str, path: str, sizes: list[int]) -> None:
    import numpy as np

    model = module.build_model()
    module.load_weights(model, weights)
    model(np.zeros((2, *sizes), np.float32))  # one that was never called isn't exported
    model.export(path, format="onnx", verbose=False)


def _torch(
    module: Any, exporter: str, name: str, weights: str, path: str, sizes: list[int]
) -> None:
    import torch

    model = getattr(module, name)()
    module.load_weights(model, weights)
    model.eval()
    example = (torch.zeros(2, *sizes),)
    if exporter == "dynamo":
        free = ({0: torch.export.Dim("batch")},)
        torch.onnx.export(
            model, example, path, dynamo=True, dynamic_shapes=free, external_data=False
        )
    else:
        axes = {"x": {0: "batch"}, "y": {0: "batch"}}
        names = {"input_names": ["x"], "output_names": ["y"]}
        torch.onnx.export(model, example, path, dynamo=False, dynamic_axes=axes, **names)


def _loaded(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
