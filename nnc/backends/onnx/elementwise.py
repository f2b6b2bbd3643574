"""Functions of single elements that are not activations."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.base import Op
from nnc.compiler.vocabulary.ops.elementwise import (
    Abs,
    Cast,
    Ceil,
    Clip,
    Cos,
    Erf,
    Exp,
    Floor,
    Log,
    Negate,
    Reciprocal,
    Round,
    Sign,
    Sin,
    Sqrt,
    StopGradient,
)

_OPERATORS: dict[type[Op], str] = {
    Negate: "Neg",
    Abs: "Abs",
    Ceil: "Ceil",
    Cos: "Cos",
    Erf: "Erf",
    Exp: "Exp",
    Floor: "Floor",
    Log: "Log",
    Reciprocal: "Reciprocal",
    Round: "Round",
    Sign: "Sign",
    Sin: "Sin",
    Sqrt: "Sqrt",
}


@ops.lowers(*_OPERATORS)
def function(op: Op, place: Place) -> Handle:
    return place.add(_OPERATORS[type(op)], place.x)


@ops.lowers(StopGradient)
def stop_gradient(op: StopGradient, place: Place) -> Handle:
    return place.detached(place.x)


@ops.lowers(Clip)
def clip(op: Clip, place: Place) -> Handle:
    low = None if op.low is None else place.number(op.low, "low")
    high = None if op.high is None else place.number(op.high, "high")
    return place.add("Clip", place.x, low, high)


@ops.lowers(Cast)
def cast(op: Cast, place: Place) -> Handle:
    if op.dtype == place.type.dtype:
        return place.x
    return place.add("Cast", place.x, to=ELEMENT_TYPES[place.element_type(op.dtype)])
