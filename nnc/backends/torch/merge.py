"""Ops that make one value out of several."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site, batch_axis
from nnc.compiler.types import INTEGERS
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


def sides(op: Pairwise, at: Site) -> tuple[py.Expr, py.Expr]:
    """Both sides of an operator; numbers are written as the inputs' type has them."""
    whole = at.type.dtype in INTEGERS
    both: list[py.Expr] = list(at.inputs)
    for place, number in ((0, op.left), (1, op.right)):
        if number is not None:
            both.insert(place, py.literal(int(number) if whole else number))
    left, right = both
    return left, right


@OPS.lowers(Add, Subtract, Multiply, Divide, Power)
def arithmetic(op: Arithmetic, at: Site) -> Lowered:
    return py.binary(op.symbol, *sides(op, at))


@OPS.lowers(Maximum, Minimum)
def extreme(op: Maximum | Minimum, at: Site) -> Lowered:
    # Not clamp: its gradient at the bound is not shared.
    number = op.left if op.right is None else op.right
    given = [] if number is None else [py.method(at.input, "new_tensor", number)]
    return py.call(f"torch.{op.word}", *at.inputs, *given)


@OPS.lowers(MatMul)
def matmul(op: MatMul, at: Site) -> Lowered:
    left, right = at.inputs
    return py.binary("@", left, right)


@OPS.lowers(Concat)
def concat(op: Concat, at: Site) -> Lowered:
    return py.call("torch.cat", list(at.inputs), dim=batch_axis(op.axis))


@OPS.lowers(Stack)
def stack(op: Stack, at: Site) -> Lowered:
    return py.call("torch.stack", list(at.inputs), dim=batch_axis(op.axis))
