"""Questions about elements, and choosing by the answers."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.merge import sides
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.base import Op
from nnc.compiler.vocabulary.ops.condition import (
    Comparison,
    Equal,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    LogicalAnd,
    LogicalNot,
    LogicalOr,
    NotEqual,
    Where,
)

_OPERATORS: dict[type[Op], str] = {
    Equal: "Equal",
    Greater: "Greater",
    GreaterEqual: "GreaterOrEqual",
    Less: "Less",
    LessEqual: "LessOrEqual",
    LogicalAnd: "And",
    LogicalNot: "Not",
    LogicalOr: "Or",
}


def _compared(op: Comparison, place: Place) -> list[Handle]:
    """Both sides; bytes as i32, which the runtime can compare."""
    given = sides(op, place)
    if place.type.dtype != "u8":
        return given
    return [place.add("Cast", x, role="wide", to=ELEMENT_TYPES["i32"]) for x in given]


@ops.lowers(Equal, Greater, GreaterEqual, Less, LessEqual)
def compare(op: Comparison, place: Place) -> Handle:
    return place.add(_OPERATORS[type(op)], *_compared(op, place))


@ops.lowers(NotEqual)
def not_equal(op: NotEqual, place: Place) -> Handle:
    return place.add("Not", place.add("Equal", *_compared(op, place), role="equal"))


@ops.lowers(LogicalAnd, LogicalNot, LogicalOr)
def logical(op: Op, place: Place) -> Handle:
    return place.add(_OPERATORS[type(op)], *place.inputs)


@ops.lowers(Where)
def where(op: Where, place: Place) -> Handle:
    condition, *values = place.inputs
    dtype = place.node.output.type.dtype
    then, otherwise = op.numbers(dtype)
    if then is not None:
        values.insert(0, place.number(then, "then", dtype))
    if otherwise is not None:
        values.append(place.number(otherwise, "otherwise", dtype))
    return place.add("Where", condition, *values)
