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
    Multiply,
    Power,
    Subtract,
)

_OPERATORS: dict[type[Op], str] = {
    Add: "Add",
    Subtract: "Sub",
    Multiply: "Mul",
    Divide: "Div",
    Power: "Pow",
}


@ops.lowers(*_OPERATORS)
def arithmetic(op: Arithmetic, place: Place) -> Handle:
    """Both inputs have the same rank and the batch in front, so that ONNX's broadcasting is the
    spec's."""
    given = list(place.inputs)
    if op.left is not None:
        given.insert(0, place.number(op.left, "left"))
    if op.right is not None:
        given.append(place.number(op.right, "right"))
    return place.add(_OPERATORS[type(op)], *given)


@ops.lowers(MatMul)
def matmul(op: MatMul, place: Place) -> Handle:
    return place.add("MatMul", *place.inputs)


@ops.lowers(Concat)
def concat(op: Concat, place: Place) -> Handle:
    return place.add("Concat", *place.inputs, axis=op.axis % place.type.rank + 1)
