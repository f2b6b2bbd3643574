"""Depthwise convolutions, which are convolutions with a group for every channel, and separable
ones."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.conv import flat, kernel, window
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.depthwise import (
    Depthwise,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Separable,
    SeparableConv1D,
    SeparableConv2D,
)


@ops.lowers(DepthwiseConv1D, DepthwiseConv2D)
def depthwise(op: Depthwise, place: Place) -> Handle:
    inputs = [kernel(op, place, "weight")]
    if op.has_bias:
        inputs.append(place.weight("bias"))
    return _by_channel(op, place, inputs, "")


@ops.lowers(SeparableConv1D, SeparableConv2D)
def separable(op: Separable, place: Place) -> Handle:
    middle = _by_channel(op, place, [kernel(op, place, "depthwise.weight")], "depthwise")
    inputs = [middle, place.weight("pointwise.weight")]
    if op.has_bias:
        inputs.append(place.weight("pointwise.bias"))
    return place.add("Conv", *inputs, kernel_shape=[1] * op.axes)


def _by_channel(
    op: Depthwise | Separable, place: Place, weights: list[Handle], role: str
) -> Handle:
    pads = flat(op.pads(place.node.input_types))
    groups = op.channels(place.type)
    return place.add("Conv", place.x, *weights, role=role, pads=pads, **window(op), group=groups)
