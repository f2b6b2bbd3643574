"""Fully connected layers."""

from __future__ import annotations

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.ops.dense import Dense


@ops.lowers(Dense)
def dense(op: Dense, call: Call) -> Tensor:
    y = linear(call.x, call.weights["weight"])
    return y + call.weights["bias"] if op.has_bias else y


def linear(x: Tensor, weight: Tensor) -> Tensor:
    """x · weightᵀ over the last axis: [..., inputs], [units, inputs] -> [..., units]."""
    units, inputs = weight.shape
    flat = tape.reshape(x, (x.value.size // inputs, inputs))
    return tape.reshape(flat @ tape.swap(weight), (*x.shape[:-1], units))
