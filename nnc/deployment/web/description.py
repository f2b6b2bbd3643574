"""What the page is made from: inputs that one can draw, drop or type, outputs with their labels,
and examples to try."""

from __future__ import annotations

from math import isqrt
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnc.compiler.ir import LossTerm, Output, Program, Value
from nnc.compiler.types import FLOATS, TensorType, elements, is_static
from nnc.compiler.vocabulary.data import Columns
from nnc.compiler.vocabulary.ops.activation import Sigmoid, Softmax
from nnc.deployment.around import in_units
from nnc.summary import summarize
from nnc.training.data import Dataset

Json: TypeAlias = dict[str, Any]
Rows: TypeAlias = "NDArray[np.int64]"

SAMPLES: Final = 12
"""Examples to try."""
FIELDS: Final = 64
"""Up to so many numbers each have a field of their own."""
SMALLEST: Final = 6
"""From so many pixels along a side a flat square input is taken for an image."""
_SEEN: Final = 10_000
"""How many training examples tell the range of an input."""


def describe(program: Program, data: Dataset | None) -> Json:
    """The page of a program; with data, its ranges, labels and examples are those of the data, and
    estimates and true answers are told in its units."""
    graph = program.graph
    parameters = summarize(program).parameters
    return {
        "name": graph.name,
        "about": f"{parameters:,} parameters. Everything is computed in this page.",
        "inputs": [_input(value, program, data) for value in graph.inputs],
        "outputs": [_output(output, program, data) for output in graph.outputs],
        "samples": _samples(program, data) if data else [],
        "training": None,
    }


# ---- inputs ----------------------------------------------------------------------------------


def _input(value: Value, program: Program, data: Dataset | None) -> Json:
    given = data.batch(seen_rows(data))[value.name] if data else None
    found: Json = {
        "name": value.name,
        "type": str(value.type),
        "shape": [d if isinstance(d, int) else None for d in value.type.shape],
        "whole": value.type.dtype not in FLOATS,
        "low": float(given.min()) if given is not None and given.size else 0.0,
        "high": float(given.max()) if given is not None and given.size else 1.0,
    }
    return found | _kind(value, program, given)


def _kind(value: Value, program: Program, given: NDArray[Any] | None) -> Json:
    """How a person gives the input."""
    type_ = value.type
    count = elements(type_.shape)
    if count is None or type_.dtype not in FLOATS:
        sample = given[0].ravel().tolist() if given is not None and len(given) else [0] * 8
        return {"kind": "tokens", "start": sample if count is None else sample[:count]}
    grey, colour = grey_pixels(type_), colour_pixels(type_, program.graph.layout)
    if colour is not None:
        channels = "last" if program.graph.layout == "channels_last" else "first"
        return {"kind": "image", "pixels": colour, "channels": channels}
    if grey is not None and (given is None or given.min(initial=0.0) >= 0):
        return {"kind": "pixels", "pixels": grey}
    middle = np.zeros(count) if given is None else np.median(given.reshape(-1, count), axis=0)
    start = [float(f"{number:.4g}") for number in middle]
    if count > FIELDS:
        return {"kind": "tokens", "start": start}
    return {"kind": "numbers", "names": names_of(value.name, program, count), "start": start}


def grey_pixels(type_: TensorType) -> list[int] | None:
    """Height and width of an input that is one grey image: [1, H, W], [H, W, 1], [H, W], or a flat
    square."""
    shape = type_.shape
    if not is_static(shape):
        return None
    if len(shape) == 1:
        side = isqrt(shape[0])
        return [side, side] if side * side == shape[0] and side >= SMALLEST else None
    sizes = [d for d in shape if d != 1]
    return list(sizes) if len(shape) <= 3 and len(sizes) == 2 and min(sizes) >= SMALLEST else None


def colour_pixels(type_: TensorType, layout: str) -> list[int] | None:
    """Height and width of an input that is one image of three colours."""
    shape = type_.shape
    if not is_static(shape) or len(shape) != 3:
        return None
    channels, *sizes = (shape[2], *shape[:2]) if layout == "channels_last" else shape
    return list(sizes) if channels == 3 else None


def names_of(name: str, program: Program, count: int) -> list[str]:
    """The names of the numbers of an input: its columns, where the data block names them."""
    fields = program.data.fields if program.data else ()
    for field in fields:
        chosen = field.columns.names if isinstance(field.columns, Columns) else ()
        named = [column for column in chosen if isinstance(column, str)]
        if name in field.names and len(named) == count:
            return named
    return [name] if count == 1 else [f"{name}[{i}]" for i in range(count)]


# ---- outputs ---------------------------------------------------------------------------------


def _output(output: Output, program: Program, data: Dataset | None) -> Json:
    """What an output says: classes behind a softmax or for a loss on logits, a share behind a
    sigmoid, else numbers."""
    term = _term(output, program)
    maker = program.graph.end(output.value)
    op = maker.op if maker else None
    found: Json = {"name": output.name, "type": str(output.value.type), "kind": "numbers"}
    units = in_units(program, data.fitted).get(output.name) if data else None
    if units is not None:
        factor, offset = (np.ravel(part).tolist() for part in units)
        found["units"] = {"factor": factor, "offset": offset}
    shape = output.value.type.shape
    fuses = term.loss.fuses if term and term.logits else None
    if (isinstance(op, Softmax) or fuses == "softmax") and len(shape) == 1 and is_static(shape):
        labels = _labels(term, data) or [str(number) for number in range(shape[0])]
        return found | {"kind": "classes", "logits": not isinstance(op, Softmax), "labels": labels}
    if (isinstance(op, Sigmoid) or fuses == "sigmoid") and elements(shape) == 1:
        labels = (_labels(term, data) or ["no", "yes"])[:2]
        return found | {"kind": "share", "logits": not isinstance(op, Sigmoid), "labels": labels}
    return found


def _term(output: Output, program: Program) -> LossTerm | None:
    losses = program.training.losses if program.training else ()
    return next((term for term in losses if output.name in term.outputs), None)


def _labels(term: LossTerm | None, data: Dataset | None) -> list[str] | None:
    """The names of the classes that the data gives for the target of an output."""
    if term is None or term.target is None or data is None:
        return None
    return data.labels.get(term.target.name)


# ---- examples --------------------------------------------------------------------------------


def sample_rows(data: Dataset) -> Rows:
    """The rows of a few held-out examples; none where all are for training."""
    nothing = data.splits["train"][:0]
    held_out = (data.splits[name] for name in ("test", "validation") if name in data.splits)
    return next(held_out, nothing)[:SAMPLES]


def seen_rows(data: Dataset) -> Rows:
    """The rows of the training examples that tell the range of an input."""
    return data.splits["train"][:_SEEN]


def _samples(program: Program, data: Dataset) -> list[Json]:
    batch = data.batch(sample_rows(data))
    inputs = [value.name for value in program.graph.inputs]
    return [
        {
            "inputs": {name: batch[name][row].ravel().tolist() for name in inputs},
            "caption": _caption(program, data, batch, row),
        }
        for row in range(len(next(iter(batch.values()))))
    ]


def _caption(program: Program, data: Dataset, batch: dict[str, NDArray[Any]], row: int) -> str:
    """The true answer of an example, when it is one number."""
    for target in program.training.targets if program.training else ():
        if target.name in batch and batch[target.name][row].size == 1:
            number = batch[target.name][row].item()
            labels = data.labels.get(target.name)
            return (
                labels[int(number)] if labels else f"{_in_units(number, target, program, data):.4g}"
            )
    return f"example {row + 1}"


def _in_units(number: float, target: Value, program: Program, data: Dataset) -> float:
    """One number of a target as the data have it."""
    units = in_units(program, data.fitted)
    terms = program.training.losses if program.training else ()
    for term in terms:
        if term.target is target and term.outputs[0] in units:
            factor, offset = (np.ravel(part)[0] for part in units[term.outputs[0]])
            return float(number * factor + offset)
    return number
