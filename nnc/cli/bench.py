"""`nnc bench`: how long a network takes on every backend."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnc.cli import specs
from nnc.cli.terminal import give, running, say
from nnc.cli.verb import FILE, Verb

if TYPE_CHECKING:
    from nnc.backends.base import Arrays
    from nnc.backends.inputs import Input
    from nnc.compiler.ir import Program

BACKENDS = ("onnx", "torch", "keras")
_MOST = 2**28
"""The largest input that is drawn, in numbers: one gigabyte."""


@click.command(
    "bench",
    cls=Verb,
    example="nnc bench model.nn\nnnc bench model.onnx --batch 1 --batch 64 --format json",
    short_help="how long a network takes on every backend",
)
@specs.file_argument
@click.option(
    "--backend",
    "backends",
    multiple=True,
    type=click.Choice(BACKENDS),
    help="which one; may be repeated; all that are installed without it",
)
@click.option(
    "--batch",
    "batches",
    multiple=True,
    type=click.IntRange(1, 65536),
    help="examples at once; may be repeated; 1 and 32 without it",
)
@click.option("--rounds", type=click.IntRange(1, 1000), default=15, show_default=True)
@click.option("--weights", metavar="FILE", type=FILE, help="safetensors; without it initial ones")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
@specs.set_option
def command(
    file: str,
    backends: tuple[str, ...],
    batches: tuple[int, ...],
    rounds: int,
    weights: str | None,
    format_: str,
    settings: dict[str, Any],
) -> None:
    """Measure how long a spec or an ONNX model takes to compute its outputs.

    The backends take turns in one process. What is told is the median of a call from NumPy arrays
    to NumPy arrays, its quartiles, and the ratio to the fastest.
    """
    if file.lower().endswith(".onnx"):
        if weights is not None or settings or any(name != "onnx" for name in backends):
            raise click.UsageError("an ONNX model has its weights, and runs on onnxruntime alone")
        measured = _of_model(file)
    else:
        program = specs.program(file, settings)
        measured = _of_spec(program, specs.weights(program, weights), backends)
    from nnc.deployment import latency

    with running():
        rows = []
        for batch in (measured.batch,) if measured.batch else batches or (1, 32):
            inputs = _inputs(measured, batch)
            calls = {name: _call(run, inputs) for name, run in measured.ways.items()}
            rows += latency.measured(calls, batch, rounds)
    if format_ == "json":
        give(json.dumps(latency.to_json(rows), indent=2))
    else:
        give(latency.to_text(rows), end="")


Outputs = Callable[["Arrays"], "Arrays"]


@dataclass(frozen=True)
class _Measured:
    """What is measured: what it takes, how a batch is drawn, the ways to compute it, and how many
    examples it takes at once, where that is fixed."""

    inputs: Sequence[Input]
    draw: Callable[[int], Arrays]
    ways: Mapping[str, Outputs]
    batch: int | None = None


def _of_model(file: str) -> _Measured:
    specs.require("onnx")
    import numpy as np

    from nnc.backends.onnx.foreign.session import ForeignModel
    from nnc.deployment.drawing import random_inputs

    try:
        model = ForeignModel(Path(file))
    except OSError as error:
        raise specs.unreadable(file, error) from None

    def draw(batch: int) -> Arrays:
        return random_inputs(model.inputs, model.compared, batch, np.random.default_rng(0))

    return _Measured(model.inputs, draw, {"onnx": model.run}, model.batch)


def _of_spec(program: Program, weights: Arrays, backends: tuple[str, ...]) -> _Measured:
    """A spec with the backends that are installed, or those asked for."""
    import numpy as np

    from nnc.backends.inputs import inputs_of
    from nnc.verify import sample

    def draw(batch: int) -> Arrays:
        return sample.inputs(program.graph, batch, np.random.default_rng(0))

    return _Measured(inputs_of(program), draw, _loaded(program, weights, backends))


def _loaded(program: Program, weights: Arrays, backends: tuple[str, ...]) -> Mapping[str, Outputs]:
    """The backends, each with the network loaded."""
    from nnc.backends.registry import BACKENDS as KNOWN
    from nnc.compiler.diagnostics import Failed

    ways: dict[str, Outputs] = {}
    for name in backends or BACKENDS:
        chosen = KNOWN[name]
        if backends:
            specs.require(name)
        elif chosen.missing is not None:
            say(f"{chosen.title} is left out: it isn't installed")
            continue
        refused = chosen.refusals(program)
        if refused:
            raise Failed(refused)
        with running():
            ways[name] = chosen.load_runner()(program, weights).outputs
    return ways


def _inputs(measured: _Measured, batch: int) -> Arrays:
    from nnc.compiler.diagnostics import Diagnostic, Failed

    for given in measured.inputs:
        known = prod(dim for dim in given.shape if isinstance(dim, int))
        if batch * known > _MOST:
            what = "texts" if given.is_text else "numbers"
            message = f"`{given.name}` of {batch} examples has {batch * known:,} {what}"
            raise Failed([Diagnostic("E613", message, help="measure fewer with `--batch`")])
    try:
        return measured.draw(batch)
    except ValueError as error:
        raise Failed([Diagnostic("E613", str(error))]) from None


def _call(run: Outputs, inputs: Arrays) -> Callable[[], object]:
    return lambda: run(inputs)
