"""Depthwise and separable convolutions."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.conv import class_of, options, padded
from nnc.backends.torch.lowering import OPS, Lowered, Site
from nnc.compiler.vocabulary.ops.depthwise import (
    Depthwise,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Separable,
    SeparableConv1D,
    SeparableConv2D,
)


@OPS.lowers(DepthwiseConv1D, DepthwiseConv2D)
def depthwise(op: Depthwise, at: Site) -> Lowered:
    x, padding = padded(op, at)
    channels = op.channels(at.type)
    filters = channels * op.multiplier
    layer = py.call(class_of(op, at), channels, filters, **options(op, channels, padding=padding))
    return at.apply(layer, x)


@OPS.lowers(SeparableConv1D, SeparableConv2D)
def separable(op: Separable, at: Site) -> Lowered:
    x, padding = padded(op, at)
    channels = op.channels(at.type)
    middle = channels * op.multiplier
    given = {**options(op, channels, padding=padding), "bias": False}
    layer = py.call(
        at.piece("conv:SeparableConv"),
        py.call(class_of(op, at), channels, middle, **given),
        py.call(
            f"nn.Conv{op.axes}d",
            middle,
            op.filters,
            kernel_size=1,
            **({} if op.has_bias else {"bias": False}),
        ),
    )
    return at.apply(layer, x)
