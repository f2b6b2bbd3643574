"""Why a loss is no finite number: the first place in the network where such a number stands."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nnc.backends.base import Arrays, Precision, size
from nnc.backends.reference.run import ReferenceRunner
from nnc.compiler.diagnostics import Diagnostic, Label
from nnc.compiler.ir import Program
from nnc.compiler.source import NOWHERE
from nnc.training.loop import Diverged
from nnc.training.watching import training_of

_WORK = 2 * 10**9
"""Multiply-adds that looking for the place may cost; larger batches are looked at in part."""


def explain(
    program: Program, weights: Arrays, diverged: Diverged, precision: Precision, saved: str
) -> Diagnostic:
    """E803: what is said of a run that can't go on. `saved` says what of it is kept."""
    where, labels = _first(program, weights, diverged, precision)
    lower = "a lower learning rate, or bounded gradients (`clip = global_norm(1.0)`), may help"
    cure = "take it out of the data, or replace it" if where.startswith("the data") else lower
    return Diagnostic(
        "E803",
        f"the loss is {diverged.loss} at step {diverged.step} (epoch {diverged.epoch}): {where}",
        labels,
        help=cure,
        notes=(saved,) if saved else (),
    )


def _first(
    program: Program, weights: Arrays, diverged: Diverged, precision: Precision
) -> tuple[str, tuple[Label, ...]]:
    """The first of data, weights, layers and targets that is not finite, in words."""
    graph, batch = program.graph, diverged.batch
    for value in (*graph.inputs, *training_of(program).targets):
        place = _place(batch[value.name], precision)
        if place is not None:
            found = f"the data has {place} in `{value.name}`"
            return found, (() if value.span == NOWHERE else (Label(value.span, "this one"),))
    for node in graph.nodes:
        for weight in node.weights:
            place = _place(weights[f"{node.layer}.{weight.name}"], precision)
            if place is not None and weight.role == "parameter":
                found = f"`{node.layer}.{weight.name}` has {place} since the update before"
                return found, _at(node.span, node.op.word)
    values = _values(program, weights, batch, diverged.step)
    for node in graph.nodes:
        for value in node.outputs:
            place = _place(values[value.name], precision) if value.name in values else None
            if place is not None:
                found = f"`{node.name}` is the first layer that gives {place}"
                return found, _at(node.span, node.op.word)
    name, size = _largest(weights)
    return f"every layer's result is finite; `{name}` has numbers up to {size:.3g}", ()


def _largest(weights: Arrays) -> tuple[str, float]:
    """The weight with the largest number, and its size."""
    sizes = {name: float(np.abs(array).max(initial=0)) for name, array in weights.items()}
    return max(sizes.items(), key=lambda item: item[1], default=("nothing", 0.0))


def _at(span: object, word: str) -> tuple[Label, ...]:
    from nnc.compiler.source import Span

    assert isinstance(span, Span)
    return () if span == NOWHERE else (Label(span, f"this `{word}`"),)


def _values(
    program: Program, weights: Arrays, batch: Arrays, step: int
) -> Mapping[str, np.ndarray]:
    """Every value of the network in training, as far as the examples are looked at."""
    cost = sum(node.op.cost(node.input_types) or 0 for node in program.graph.nodes)
    count = max(1, min(size(batch), _WORK // max(cost, 1)))
    part = {name: array[:count] for name, array in batch.items()}
    runner = ReferenceRunner(program, {n: np.asarray(a) for n, a in weights.items()})
    return runner.values(part, training=True, step=step)


def _place(array: np.ndarray, precision: Precision) -> str | None:
    """What of an array is not finite in a precision, and where; None when all is."""
    if array.dtype.kind != "f":
        return None
    limit = np.finfo(precision).max
    with np.errstate(invalid="ignore"):
        wrong = ~(np.abs(array) <= limit)
    if not wrong.any():
        return None
    place = np.unravel_index(int(np.argmax(wrong)), array.shape)
    kind = "nan" if np.isnan(array[place]) else "inf"
    return f"{kind} at {[int(i) for i in place]}"
