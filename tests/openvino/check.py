"""`make openvino`: models exported with `--target openvino` on OpenVINO's CPU plugin against the
float64 reference.

OpenVINO is in an environment of its own, whose Python is the one argument; it is no part of what
nnc needs, which is why this is no part of `make test`. Models: every example of every layer, the
first ones in the oldest and the newest opset of the target too, and whole networks.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nnc.backends import registry
from nnc.backends.base import Arrays
from nnc.backends.onnx.optimize import Level
from nnc.compiler.diagnostics import Failed
from nnc.compiler.ir import Program
from nnc.deployment.export import Exported, Options, exported
from nnc.deployment.sampling import results, samples
from nnc.loading import compile_file, compile_text
from nnc.training.data import open_data
from nnc.verify import sample
from tests.matrix.examples import cases, random_weights

SPECS = Path(__file__).parents[2] / "specs"
NETWORKS = (
    *("examples/cnn64", "examples/digits_cnn", "examples/mnist_mlp", "examples/siamese"),
    *("examples/tagger", "examples/tagger_transformer", "examples/transformer"),
    *("curriculum/forecast_lstm", "curriculum/residual", "zoo/resnet18", "zoo/resnet50"),
)
PREPARED = """\
data {
  source = npz("data.npz")
  x = column("images") -> crop(20, 18) -> resize(9, 8) -> standardize
  kind = column("kind") -> category
  more = column("kind") -> one_hot
  t = column("kind")
}
model Prepared {
  input x: f32[9, 8]
  input kind: i64
  input more: f32[3]
  seen = x -> Flatten -> Dense(4)
  named = kind -> Embedding(3, 2)
  output p = (seen, named, more) -> Concat -> Dense(3)
}
train { target t: i64  loss = cross_entropy(p, t)  optimizer = sgd(lr=0.1) }
"""
OPSETS = (18, 20, 23)
LEVELS: tuple[Level, ...] = ("safe", "deploy")
LARGEST = 2e-4
"""How far an output may be from the reference, as a share of the largest: float32's own error,
with room for another order of sums."""


@dataclass(frozen=True)
class Model:
    """A model that was written, and what it is to give."""

    name: str
    expected: Arrays


def written(
    folder: Path, name: str, program: Program, weights: Arrays, given: Arrays, options: Options
) -> Model | str:
    """A model with its inputs in a folder, or why the target refuses it."""
    try:
        made = exported(program, weights, "model.onnx", options)
    except Failed as failed:
        return failed.diagnostics[0].message
    single = {k: x.astype(np.float32) if x.dtype == np.float64 else x for k, x in given.items()}
    outputs = registry.REFERENCE.load_runner()(program, weights, "float64").outputs(single)
    return _stored(folder, name, made, single, outputs)


def _stored(folder: Path, name: str, made: Exported, given: Arrays, outputs: Arrays) -> Model:
    (chunks,) = made.files.values()
    (folder / f"{name}.onnx").write_bytes(b"".join(chunks))
    np.savez(folder / f"{name}.npz", **given)  # type: ignore[arg-type]
    return Model(name, outputs)


def layers(folder: Path) -> Iterator[Model | str]:
    """Every example of every layer, and the first ones in every opset."""
    for case in cases():
        rng = np.random.default_rng(7)
        weights = random_weights(case.graph, rng)
        given = case.inputs(case.sizes()[-1], rng)
        for opset in OPSETS if case.name.endswith("-0") else OPSETS[1:2]:
            options = Options(target="openvino", opset=opset)
            yield written(folder, f"{case.name}-{opset}", case.program, weights, given, options)


def networks(folder: Path) -> Iterator[Model | str]:
    """Whole networks with random weights."""
    for spec in NETWORKS:
        program, _ = compile_file(SPECS / f"{spec}.nn")
        assert program is not None
        rng = np.random.default_rng(7)
        weights, given = sample.weights(program.graph, 7), sample.inputs(program.graph, 2, rng)
        for level in LEVELS:
            options = Options(target="openvino", optimize=level)
            name = f"{Path(spec).name}-{level}"
            yield written(folder, name, program, weights, given, options)


def prepared(folder: Path) -> Model:
    """A network that prepares what it takes."""
    rng = np.random.default_rng(7)
    images = rng.integers(0, 256, (30, 24, 22)).astype(np.uint8)
    np.savez(folder / "data.npz", images=images, kind=np.arange(30) % 3)
    program, problems = compile_text(PREPARED)
    assert program is not None, problems
    fitted = open_data(program, folder).fitted
    (folder / "data.npz").unlink()
    weights = sample.weights(program.graph, 7)
    made = exported(program, weights, "model.onnx", Options(target="openvino", fitted=fitted))
    drawn = samples(made, 2, rng)
    return _stored(folder, "prepared", made, drawn.given, results(made, weights, drawn.prepared))


def problem(folder: Path, model: Model) -> str | None:
    """What is wrong with the results of a model, or None."""
    trouble = folder / f"{model.name}.txt"
    if trouble.exists():
        lines = [line for line in trouble.read_text().splitlines() if line.strip()]
        return f"it doesn't run: {' | '.join(lines[-3:])}"
    with np.load(folder / f"{model.name}.out.npz") as file:
        found = dict(file)
    for (name, exact), given in zip(model.expected.items(), found.values(), strict=True):
        if given.shape != exact.shape:
            return f"`{name}` is {given.shape}, not {exact.shape}"
        with np.errstate(all="ignore"):
            apart = np.abs(given.astype(np.float64) - exact.astype(np.float64))
        same = (given == exact) | (np.isnan(given) & np.isnan(exact))
        finite = np.abs(exact[np.isfinite(exact)]).astype(np.float64)
        error = np.where(same, 0, apart).max(initial=0.0) / max(finite.max(initial=0.0), 1.0)
        if not error <= LARGEST:
            return f"`{name}` is wrong by {error:.1e}"
    return None


def main() -> None:
    """Write models, run them, compare."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        made = [*layers(folder), *networks(folder), prepared(folder)]
        models = [model for model in made if isinstance(model, Model)]
        refused = [model for model in made if isinstance(model, str)]
        command = [sys.argv[1], str(Path(__file__).with_name("run.py")), str(folder)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        problems = {model.name: problem(folder, model) for model in models}
    wrong = {name: why for name, why in problems.items() if why is not None}
    for name, why in wrong.items():
        print(f"{name}: {why}")
    for message in sorted(set(refused)):
        print(f"refused: {message}")
    told = f"{len(models) - len(wrong)} of {len(models)} models agree with the reference"
    print(f"OpenVINO {done.stdout.strip()}: {told}, {len(refused)} are refused")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
