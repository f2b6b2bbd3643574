"""Ops that make one value out of several."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site, batch_axis
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


@OPS.lowers(Add, Subtract, Multiply, Divide, Power)
def arithmetic(op: Arithmetic, at: Site) -> Lowered:
    given = [py.value(number) for number in (op.left,) if number is not None]
    given += at.inputs
    given += [py.value(number) for number in (op.right,) if number is not None]
    left, right = given
    return py.binary(op.symbol, left, right)


@OPS.lowers(MatMul)
def matmul(op: MatMul, at: Site) -> Lowered:
    left, right = at.inputs
    return py.binary("@", left, right)


@OPS.lowers(Concat)
def concat(op: Concat, at: Site) -> Lowered:
    return py.call("torch.cat", list(at.inputs), dim=batch_axis(op.axis))
