"""Reductions over axes of one example."""

from __future__ import annotations

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.ops.reduction import Argmax, Max, Mean, Min, Reduction, Sum


def _axes(op: Reduction, call: Call) -> tuple[int, ...]:
    return tuple(axis + 1 for axis in op.reduced(call.types[0].rank))


@ops.lowers(Mean)
def mean(op: Mean, call: Call) -> Tensor:
    return tape.mean(call.x, _axes(op, call), keep=op.keep_axes)


@ops.lowers(Sum)
def total(op: Sum, call: Call) -> Tensor:
    return tape.total(call.x, _axes(op, call), keep=op.keep_axes)


@ops.lowers(Max)
def maximum(op: Max, call: Call) -> Tensor:
    return tape.greatest(call.x, _axes(op, call), keep=op.keep_axes)


@ops.lowers(Min)
def minimum(op: Min, call: Call) -> Tensor:
    return -tape.greatest(-call.x, _axes(op, call), keep=op.keep_axes)


@ops.lowers(Argmax)
def argmax(op: Argmax, call: Call) -> Tensor:
    axis = op.axis % call.types[0].rank + 1
    return tape.constant(np.argmax(call.x.value, axis=axis, keepdims=op.keep_axes))
