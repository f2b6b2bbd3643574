"""`make demo`: one spec, three backends, real digits, one table.

Compiles XOR and a CNN for scikit-learn's 1,797 handwritten digits to PyTorch, Keras and ONNX,
trains the generated programs, carries the trained weights through one safetensors file to every
backend, and shows what each of them says about images that training never saw.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from nnc.backends import initial, weights
from nnc.backends.base import Arrays
from nnc.backends.files import write_whole
from nnc.backends.registry import BACKENDS, REFERENCE
from nnc.compiler.ir import Program
from nnc.loading import compile_file

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPECS = Path(__file__).parents[1] / "specs"
HELD_OUT = 450
"""Images kept for the test, a quarter of all."""


@dataclass(frozen=True)
class Row:
    """What one backend says about the held-out images."""

    backend: str
    trained_by: str
    accuracy: float
    difference: float


def main() -> None:
    """Run the demo in a folder that is thrown away."""
    console = Console(highlight=False)
    with tempfile.TemporaryDirectory() as folder:
        _xor(console, Path(folder))
        _digits(console, Path(folder))


def _load(path: Path) -> Program:
    program, diagnostics = compile_file(path)
    if program is None:
        raise SystemExit("; ".join(d.message for d in diagnostics))
    return program


def _compile(program: Program, folder: Path, stem: str) -> Arrays:
    """Write every backend's artifact and the canonical initial weights beside it."""
    arrays = initial.weights(program.graph, program.seed)
    for name, backend in BACKENDS.items():
        assert backend.load_emit is not None
        emit = backend.load_emit()
        artifact = emit(program, arrays) if name == "onnx" else emit(program)
        write_whole(folder / f"{stem}_{name}{artifact.suffix}", artifact.chunks)
        weights.write(folder / f"{stem}_{name}.safetensors", arrays)
    return arrays


def _train(console: Console, folder: Path, stem: str, backend: str, *options: str) -> Path:
    """Run a generated program as its user would; gives the weights that it saved."""
    saved = folder / f"{stem}_{backend}_trained.safetensors"
    script = f"{stem}_{backend}.py"
    command = [script, *options, "--save", saved.name]
    console.print(f"\n$ python {' '.join(command)}", style="bold", markup=False)
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    # TensorFlow greets on stderr whatever its settings are: shown when something goes wrong
    ran = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**os.environ, **quiet},
        check=False,
        stderr=subprocess.PIPE,
        text=True,
    )
    if ran.returncode:
        raise SystemExit(ran.stderr)
    return saved


def _xor(console: Console, folder: Path) -> None:
    console.rule("XOR: the same spec on two frameworks, from the same weights")
    spec = SPECS / "curriculum" / "xor.nn"
    console.print(spec.read_text(encoding="utf-8"), markup=False)
    program = _load(spec)
    _compile(program, folder, "xor")
    (folder / "xor.txt").write_bytes(spec.with_name("xor.txt").read_bytes())
    finals = [
        weights.read(_train(console, folder, "xor", backend), program.graph)
        for backend in ("torch", "keras")
    ]
    apart = max(float(abs(finals[0][name] - finals[1][name]).max()) for name in finals[0])
    console.print(f"\nafter training, the two networks' weights differ by at most {apart:.1e}")


def _digits(console: Console, folder: Path) -> None:
    console.rule("Digits: a CNN on scikit-learn's real handwritten digits")
    spec = SPECS / "examples" / "digits_cnn.nn"
    console.print(spec.read_text(encoding="utf-8"), markup=False)
    program = _load(spec)
    _compile(program, folder, "digits")
    images, labels = _held_out(folder)
    rows = []
    for trainer in ("torch", "keras"):
        saved = _train(console, folder, "digits", trainer, "--data", "digits.npz")
        arrays = weights.read(saved, program.graph)
        rows += _compare(program, arrays, trainer, images, labels)
    console.print(_table(rows))


def _held_out(folder: Path) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Keep a quarter of the digits for the test and write the rest as the programs' data."""
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = (digits.images[:, None] / 16).astype(np.float32)
    labels = digits.target.astype(np.int64)
    order = np.random.Generator(np.random.Philox(0)).permutation(len(labels))
    test, train = order[:HELD_OUT], order[HELD_OUT:]
    np.savez(folder / "digits.npz", image=images[train], label=labels[train])
    return images[test], labels[test]


def _compare(
    program: Program,
    arrays: Arrays,
    trainer: str,
    images: NDArray[np.float32],
    labels: NDArray[np.int64],
) -> list[Row]:
    """The held-out images on every backend with these weights, against the float64 reference."""
    expected = REFERENCE.load_runner()(program, arrays).outputs({"image": images})["p"]
    rows = []
    for name, backend in BACKENDS.items():
        outputs = backend.load_runner()(program, arrays).outputs({"image": images})["p"]
        right = float((outputs.argmax(1) == labels).mean())
        rows.append(Row(name, trainer, right, float(abs(outputs - expected).max())))
    return rows


def _table(rows: list[Row]) -> Table:
    table = Table(title=f"{HELD_OUT} held-out images, weights carried by one safetensors file")
    for column in ("trained by", "run on", "accuracy", "largest difference from float64"):
        table.add_column(column, justify="left" if column.endswith(("by", "on")) else "right")
    titles = {name: backend.title for name, backend in BACKENDS.items()} | {"onnx": "ONNX Runtime"}
    for row in rows:
        table.add_row(
            titles[row.trained_by],
            titles[row.backend],
            f"{row.accuracy:.1%}",
            f"{row.difference:.1e}",
        )
    return table


if __name__ == "__main__":
    main()
