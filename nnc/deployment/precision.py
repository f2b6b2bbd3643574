"""Models of less precision, and the gate that they have to pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from nnc.backends.base import Arrays
from nnc.backends.onnx.graph import OnnxGraph
from nnc.backends.onnx.half import halve
from nnc.backends.onnx.optimize import drop_unused
from nnc.compiler.diagnostics import Diagnostic, Failed, did_you_mean
from nnc.compiler.ir import Program
from nnc.deployment import gate
from nnc.deployment.export import (
    Chunks,
    Exported,
    Options,
    finish,
    model_files,
    prepared,
    provenance,
)
from nnc.deployment.gate import Examples, Judged, Score
from nnc.deployment.latency import in_turns
from nnc.deployment.quantize import quantized
from nnc.training.data import Dataset

_ROUNDS = 7


@dataclass(frozen=True)
class Measured:
    """One precision of a model: its bytes, milliseconds for one example, and its score."""

    precision: str
    size: int
    milliseconds: float
    score: Score


def reduced(
    program: Program, weights: Arrays, name: str, options: Options, data: Dataset, allowed: float
) -> tuple[Exported, list[Measured]]:
    """The model in the precision that is asked for, and what it is beside float32.

    int8 folds BatchNorm whatever the level. What stands around the network stays in float32: the
    network inside is converted, and judged on examples that are prepared. Raises Failed: as
    `exported` does, E707 when it loses more than `allowed` (an absolute share for a metric that is
    to be large, of itself for an error), E717 for a weight that float16 can't hold, E709 for a
    layer to keep that isn't there.
    """
    _check_layers(program, options)
    if options.precision == "int8" and options.optimize != "deploy":
        options = replace(options, optimize="deploy")
    examples = gate.examples(data)
    inner = replace(options, fitted=None)
    graph = prepared(program, weights, inner)
    metadata = provenance(program, weights, options)
    exact = _bytes(graph, name, metadata)
    if options.precision == "fp16":
        less = prepared(program, weights, inner)
        halve(less, options.keep)
        drop_unused(less)
    else:
        less = quantized(graph, exact, examples.calibration, options.keep)
    made = _bytes(less, name, metadata)
    scores = _scores(program, exact, made, examples)
    if not scores[1].drop(scores[0]) <= allowed:  # NaN is never good enough
        worst = gate.worst_layers(graph, exact, made, examples.held_out)
        raise gate.refusal(graph, options.precision, *scores, allowed, worst)
    rows = _measured(options, exact, made, examples, scores)
    words = f"{scores[1].name} on {examples.share}: {scores[0].value:.4f} in float32"
    judged = f"{words}, {scores[1].value:.4f} in {options.precision}"
    if options.fitted is not None:
        finish(less, program, options)
        made = _bytes(less, name, metadata)
    return Exported(name, program, options, less, {name: made}, metadata, judged), rows


def _bytes(graph: OnnxGraph, name: str, metadata: Mapping[str, str]) -> Chunks:
    """A model that is one file."""
    (chunks,) = model_files(graph, name, metadata).values()
    return chunks


def _check_layers(program: Program, options: Options) -> None:
    known = [node.name for node in program.graph.nodes]
    wrong = [layer for layer in sorted(options.keep) if layer not in known]
    if wrong:
        near = did_you_mean(wrong[0], known) or f"the layers are {', '.join(known[:8])}"
        raise Failed([Diagnostic("E709", f"there is no layer `{wrong[0]}` to keep", help=near)])


def _scores(
    program: Program, exact: Chunks, made: Chunks, examples: Examples
) -> tuple[Score, Score]:
    held = examples.held_out
    true, other = (Judged(model).outputs(held) for model in (exact, made))
    return gate.score(program, true, true, held), gate.score(program, other, true, held)


def _measured(
    options: Options, exact: Chunks, made: Chunks, examples: Examples, scores: tuple[Score, Score]
) -> list[Measured]:
    models = {"float32": exact, options.precision: made}
    one = {name: array[:1] for name, array in examples.held_out.items()}
    times = in_turns({n: _call(m, one) for n, m in models.items()}, _ROUNDS, time.thread_time)
    return [
        Measured(name, sum(memoryview(c).nbytes for c in model), 1000 * min(times[name]), score)
        for (name, model), score in zip(models.items(), scores, strict=True)
    ]


def _call(model: Chunks, one: Arrays) -> Callable[[], object]:
    judged = Judged(model)
    return lambda: judged.run(one)


def table(rows: list[Measured]) -> str:
    """The rows for people."""
    name = rows[0].score.name
    lines = [f"{'':8}  {'bytes':>12}  {'1 example':>10}  {name}"]
    lines += [
        f"{row.precision:8}  {row.size:12,}  {row.milliseconds:7.3g} ms  {row.score.value:.4f}"
        for row in rows
    ]
    return "\n".join(lines)
