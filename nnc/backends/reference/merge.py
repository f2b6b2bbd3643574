"""Arithmetic, the matrix product, joining."""

from __future__ import annotations

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.ops.merge import (
    Add,
    Arithmetic,
    Concat,
    Divide,
    MatMul,
    Maximum,
    Minimum,
    Multiply,
    Power,
    Stack,
    Subtract,
)


def _sides(op: Arithmetic, call: Call) -> tuple[Tensor, Tensor]:
    if op.left is not None:
        return tape.constant(op.left), call.x
    if op.right is not None:
        return call.x, tape.constant(op.right)
    return call.inputs[0], call.inputs[1]


@ops.lowers(Add)
def add(op: Add, call: Call) -> Tensor:
    x, y = _sides(op, call)
    return x + y


@ops.lowers(Subtract)
def subtract(op: Subtract, call: Call) -> Tensor:
    x, y = _sides(op, call)
    return x - y


@ops.lowers(Multiply)
def multiply(op: Multiply, call: Call) -> Tensor:
    x, y = _sides(op, call)
    return x * y


@ops.lowers(Divide)
def divide(op: Divide, call: Call) -> Tensor:
    x, y = _sides(op, call)
    return x / y


@ops.lowers(Power)
def power(op: Power, call: Call) -> Tensor:
    x, y = _sides(op, call)
    return x**y


def _greater(x: Tensor, y: Tensor) -> Tensor:
    """The greater of two, which share the gradient when they are equal."""
    rest = tape.where(x.value < y.value, y, (x + y) / 2.0)
    return tape.where(x.value > y.value, x, rest)


@ops.lowers(Maximum)
def maximum(op: Maximum, call: Call) -> Tensor:
    return _greater(*_sides(op, call))


@ops.lowers(Minimum)
def minimum(op: Minimum, call: Call) -> Tensor:
    x, y = _sides(op, call)
    return -_greater(-x, -y)


@ops.lowers(MatMul)
def matmul(op: MatMul, call: Call) -> Tensor:
    return call.inputs[0] @ call.inputs[1]


@ops.lowers(Concat)
def concat(op: Concat, call: Call) -> Tensor:
    return tape.concat(call.inputs, op.axis % call.types[0].rank + 1)


@ops.lowers(Stack)
def stack(op: Stack, call: Call) -> Tensor:
    return tape.stack(call.inputs, op.axis % (call.types[0].rank + 1) + 1)
