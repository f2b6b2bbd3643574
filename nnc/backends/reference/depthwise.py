"""Depthwise convolutions, as convolutions with a group for every channel, and separable ones."""

from __future__ import annotations

from nnc.backends.reference import tape
from nnc.backends.reference.conv import correlated, with_bias
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.ops.depthwise import (
    Depthwise,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Separable,
    SeparableConv1D,
    SeparableConv2D,
)


@ops.lowers(DepthwiseConv1D, DepthwiseConv2D)
def depthwise(op: Depthwise, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    x = tape.move_axis(call.x, channel, 1)
    y = correlated(op, call, x, call.weights["weight"], x.shape[1])
    return tape.move_axis(with_bias(op.axes, y, call.weights.get("bias")), 1, channel)


@ops.lowers(SeparableConv1D, SeparableConv2D)
def separable(op: Separable, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    x = tape.move_axis(call.x, channel, 1)
    middle = correlated(op, call, x, call.weights["depthwise.weight"], x.shape[1])
    matrix = tape.reshape(call.weights["pointwise.weight"], (op.filters, middle.shape[1]))
    mixed = tape.move_axis(tape.move_axis(middle, 1, -1) @ tape.swap(matrix), -1, 1)
    bias = call.weights.get("pointwise.bias")
    return tape.move_axis(with_bias(op.axes, mixed, bias), 1, channel)
