"""Reductions over axes of one example."""

from __future__ import annotations

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.ops.reduction import Mean, Reduction, Sum


def _axes(op: Reduction, call: Call) -> tuple[int, ...]:
    return tuple(axis + 1 for axis in op.reduced(call.types[0].rank))


@ops.lowers(Mean)
def mean(op: Mean, call: Call) -> Tensor:
    return tape.mean(call.x, _axes(op, call), keep=op.keep_axes)


@ops.lowers(Sum)
def total(op: Sum, call: Call) -> Tensor:
    return tape.total(call.x, _axes(op, call), keep=op.keep_axes)
