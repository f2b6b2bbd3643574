"""Ops that make one value out of several."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.base import Op
from nnc.compiler.vocabulary.ops.merge import (
    Add,
    Arithmetic,
    Concat,
    Divide,
    MatMul,
    Maximum,
    Minimum,
    Multiply,
    Pairwise,
    Power,
    Stack,
    Subtract,
)

_OPERATORS: dict[type[Op], str] = {
    Add: "Add",
    Subtract: "Sub",
    Multiply: "Mul",
    Divide: "Div",
    Power: "Pow",
    Maximum: "Max",
    Minimum: "Min",
}


def sides(op: Pairwise, place: Place) -> list[Handle]:
    """Both sides of an operator. They have the same rank and the batch in front, so that ONNX's
    broadcasting is the spec's."""
    given = list(place.inputs)
    if op.left is not None:
        given.insert(0, place.number(op.left, "left"))
    if op.right is not None:
        given.append(place.number(op.right, "right"))
    return given


@ops.lowers(*_OPERATORS)
def arithmetic(op: Arithmetic, place: Place) -> Handle:
    return place.add(_OPERATORS[type(op)], *sides(op, place))


@ops.lowers(MatMul)
def matmul(op: MatMul, place: Place) -> Handle:
    return place.add("MatMul", *place.inputs)


@ops.lowers(Concat)
def concat(op: Concat, place: Place) -> Handle:
    return place.add("Concat", *place.inputs, axis=op.axis % place.type.rank + 1)


@ops.lowers(Stack)
def stack(op: Stack, place: Place) -> Handle:
    axis = op.axis % (place.type.rank + 1) + 1
    new = place.whole([axis], "axis")
    layers = [place.add("Unsqueeze", x, new, role="layer") for x in place.inputs]
    return place.add("Concat", *layers, axis=axis)
