"""`make demo`: XOR and real digits, trained with what is installed, and one table.

ONNX Runtime, which comes with nnc, trains a CNN on scikit-learn's handwritten digits. Where
PyTorch and Keras are installed they train the same spec too. The trained weights go through one
safetensors file to every backend, and the table shows what each of them says about images that
training never saw.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from nnc.backends import initial, weights
from nnc.backends.base import Arrays
from nnc.backends.registry import BACKENDS, REFERENCE
from nnc.compiler.ir import Program
from nnc.loading import compile_file
from nnc.training.data import open_data

SPECS = Path(__file__).parents[1] / "specs"
TITLES = {"torch": "PyTorch", "keras": "Keras", "onnx": "ONNX Runtime"}


@dataclass(frozen=True)
class Row:
    """What one backend says about the held-out images with the weights that another trained."""

    trained_by: str
    first_loss: float
    backend: str
    accuracy: float
    difference: float


def main() -> None:
    """Run the demo in a folder that is thrown away."""
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        _xor(console, Path(folder))
        _digits(console, Path(folder))


def installed() -> list[str]:
    """The backends that can train here, ONNX Runtime first."""
    order = ("onnx", "torch", "keras")
    return [name for name in order if BACKENDS[name].missing is None]


def _train(console: Console, folder: Path, spec: str, backend: str) -> Path:
    """Train a spec as a user would; gives the folder of the run."""
    run = f"{Path(spec).stem}_{backend}"
    command = ["nnc", "train", spec, "--backend", backend, "-o", run]
    console.print(f"\n$ {' '.join(command)}", style="bold", markup=False)
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    # TensorFlow greets on stderr whatever its settings are: shown when something goes wrong
    ran = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, **quiet},
        check=False,
        capture_output=True,
        text=True,
    )
    if ran.returncode:
        raise SystemExit(ran.stderr)
    console.print((folder / run / "log.txt").read_text(encoding="utf-8"), markup=False)
    return folder / run


def _xor(console: Console, folder: Path) -> None:
    console.rule("XOR: a spec, trained")
    spec = SPECS / "curriculum" / "xor.nn"
    console.print(spec.read_text(encoding="utf-8"), markup=False)
    for name in ("xor.nn", "xor.txt"):
        shutil.copyfile(spec.with_name(name), folder / name)
    _train(console, folder, "xor.nn", "onnx")


def _digits(console: Console, folder: Path) -> None:
    console.rule("Digits: a CNN on scikit-learn's real handwritten digits")
    spec = SPECS / "examples" / "digits_cnn.nn"
    console.print(spec.read_text(encoding="utf-8"), markup=False)
    shutil.copyfile(spec, folder / "digits.nn")
    program, diagnostics = compile_file(folder / "digits.nn")
    if program is None:
        raise SystemExit("; ".join(d.message for d in diagnostics))
    _compile(console, program)
    data = open_data(program, folder)
    batch = data.batch(data.splits["test"])
    rows: list[Row] = []
    for trainer in installed():
        run = _train(console, folder, "digits.nn", trainer)
        rows += _compare(program, run, trainer, batch)
    console.print(_table(rows, len(batch["label"])))
    missing = [TITLES[name] for name in BACKENDS if BACKENDS[name].missing is not None]
    if missing:
        console.print(f"With {' and '.join(missing)} as well: pip install 'nnc\\[all]'")


def _compile(console: Console, program: Program) -> None:
    """What each backend makes of the spec."""
    arrays = initial.weights(program.graph, program.seed)
    for name, backend in BACKENDS.items():
        assert backend.load_emit is not None
        emit = backend.load_emit()
        artifact = emit(program, arrays) if name == "onnx" else emit(program)
        size = sum(map(len, artifact.chunks))
        console.print(
            f"$ nnc compile digits.nn --backend {name} -o digits_{name}{artifact.suffix}"
            f"  # {size:,} bytes",
            markup=False,
        )


def _compare(program: Program, run: Path, trainer: str, batch: Arrays) -> Iterator[Row]:
    """The held-out images on every backend with the weights of a run, against the float64
    reference."""
    arrays = weights.read(run / "weights" / "last.safetensors", program.graph)
    with (run / "history.csv").open(encoding="utf-8", newline="") as file:
        first = float(next(csv.DictReader(file))["loss"])
    inputs = {"image": batch["image"]}
    expected = REFERENCE.load_runner()(program, arrays).outputs(inputs)["p"]
    for name in installed():
        outputs = BACKENDS[name].load_runner()(program, arrays).outputs(inputs)["p"]
        right = float((outputs.argmax(1) == batch["label"]).mean())
        yield Row(trainer, first, name, right, float(abs(outputs - expected).max()))


def _table(rows: list[Row], count: int) -> Table:
    table = Table(title=f"{count} held-out images, weights carried by one safetensors file")
    table.add_column("trained by")
    table.add_column("loss of epoch 1", justify="right")
    table.add_column("run on")
    table.add_column("accuracy", justify="right")
    table.add_column("largest difference from float64", justify="right")
    for row in rows:
        table.add_row(
            TITLES[row.trained_by],
            f"{row.first_loss:.6f}",
            TITLES[row.backend],
            f"{row.accuracy:.1%}",
            f"{row.difference:.1e}",
        )
    return table


if __name__ == "__main__":
    main()
