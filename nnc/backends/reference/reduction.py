"""Reductions over axes of one example."""

from __future__ import annotations

import math

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Array, Tensor
from nnc.compiler.vocabulary.ops.reduction import (
    Argmax,
    LogSumExp,
    Max,
    Mean,
    Min,
    Prod,
    Reduction,
    Std,
    Sum,
    Var,
)


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


@ops.lowers(Prod)
def product(op: Prod, call: Call) -> Tensor:
    """No factor is divided by: its gradient is what stands before it times what stands after."""
    axes = _axes(op, call)
    x = call.x.value
    value = x.prod(axis=axes, keepdims=op.keep_axes)
    last = tuple(range(x.ndim - len(axes), x.ndim))
    moved = np.moveaxis(x, axes, last)
    factors = moved.reshape(*moved.shape[: x.ndim - len(axes)], -1)
    others = _before(factors) * _before(factors[..., ::-1])[..., ::-1]
    slope = np.moveaxis(others.reshape(moved.shape), last, axes)

    def back(g: Array) -> Array:
        return np.asarray((g if op.keep_axes else np.expand_dims(g, axes)) * slope)

    return Tensor(np.asarray(value), ((call.x, back),))


def _before(factors: Array) -> Array:
    """For each element along the last axis the product of those before it."""
    made: Array = np.ones_like(factors)
    np.cumprod(factors[..., :-1], axis=-1, out=made[..., 1:])
    return made


@ops.lowers(LogSumExp)
def log_sum_exp(op: LogSumExp, call: Call) -> Tensor:
    """Its gradient does not depend on what is taken away and given back."""
    axes = _axes(op, call)
    peak = call.x.value.max(axis=axes, keepdims=True)
    grown = tape.total(tape.exp(call.x - tape.constant(peak)), axes, keep=op.keep_axes)
    return tape.log(grown) + tape.constant(peak if op.keep_axes else peak.squeeze(axes))


@ops.lowers(Var)
def variance(op: Var, call: Call) -> Tensor:
    return _variance(op, call)


def _variance(op: Var | Std, call: Call) -> Tensor:
    axes = _axes(op, call)
    square = (call.x - tape.mean(call.x, axes, keep=True)) ** 2
    count = math.prod(call.x.shape[axis] for axis in axes)
    return tape.total(square, axes, keep=op.keep_axes) / (count - op.correction)


@ops.lowers(Std)
def standard_deviation(op: Std, call: Call) -> Tensor:
    spread = _variance(op, call)
    value = np.sqrt(spread.value)
    still = value == 0
    slope = np.where(still, 0.0, 0.5 / np.where(still, 1.0, value))
    return tape.elementwise(spread, value, slope)


@ops.lowers(Argmax)
def argmax(op: Argmax, call: Call) -> Tensor:
    axis = op.axis % call.types[0].rank + 1
    return tape.constant(np.argmax(call.x.value, axis=axis, keepdims=op.keep_axes))
