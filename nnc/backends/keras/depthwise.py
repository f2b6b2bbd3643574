"""Depthwise and separable convolutions. The layout pass has put the channels last.

Keras keeps a depthwise kernel as [*kernel, channels, multiplier], which is the canonical one with
its axes in another order for a multiplier of 1 alone. For others, where the kernel is turned round,
and for unequal strides, for which TensorFlow has no float64 kernel, a convolution with a group for
every channel does the same.
"""

from __future__ import annotations

from math import prod
from typing import Any

from nnc.backends import pysource as py
from nnc.backends.keras.activation import activated
from nnc.backends.keras.conv import around, kind, moving, picked, shared, stored, window
from nnc.backends.keras.lowering import OPS, Site, one_or_each
from nnc.backends.keras.padding import zero_padded
from nnc.compiler.vocabulary.ops.depthwise import (
    Depthwise,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Separable,
    SeparableConv1D,
    SeparableConv2D,
)


def _is_native(op: Depthwise | Separable) -> bool:
    return op.multiplier == 1 and not op.flip and len(set(op.strides)) == 1


def _by_channel(axes: int) -> tuple[int, ...]:
    return (*range(2, 2 + axes), 0, 1)


def _moving(op: Depthwise | Separable) -> dict[str, Any]:
    """Keras' own depthwise layers take stride and dilation together."""
    return {**window(op), "padding": "same" if op.padding == "same" else "valid"}


@OPS.lowers(DepthwiseConv1D, DepthwiseConv2D)
def depthwise(op: Depthwise, site: Site) -> py.Expr:
    return activated(op.activation, site, (_native if _is_native(op) else _grouped)(op, site))


def _native(op: Depthwise, site: Site) -> py.Expr:
    taps, channels = prod(op.kernels), op.channels(site.type)
    options = shared(site, (channels * taps, taps))
    if "kernel_initializer" in options:
        options["depthwise_initializer"] = options.pop("kernel_initializer")
    layer = site.layer(
        f"layers.DepthwiseConv{op.axes}D",
        one_or_each(op.kernels),
        **_moving(op),
        **options,
        stored={"weight": ("kernel", _by_channel(op.axes)), "bias": ("bias", (0,))},
    )
    return site.apply(layer, _around(op, site))


def _grouped(op: Depthwise, site: Site) -> py.Expr:
    taps, channels = prod(op.kernels), op.channels(site.type)
    filters = channels * op.multiplier
    layer = site.layer(
        kind(op),
        filters,
        one_or_each(op.kernels),
        **moving(op, site),
        groups=channels,
        **shared(site, (taps, filters * taps)),
        stored=stored(op.axes),
    )
    return picked(op, site.apply(layer, around(op, site)))


def _around(op: Depthwise | Separable, site: Site) -> py.Expr:
    pads = op.pads(site.node.input_types)
    return site.input if op.padding == "same" else zero_padded(site, pads)


@OPS.lowers(SeparableConv1D, SeparableConv2D)
def separable(op: Separable, site: Site) -> py.Expr:
    made = (_native_separable if _is_native(op) else _two_layers)(op, site)
    return activated(op.activation, site, made)


def _native_separable(op: Separable, site: Site) -> py.Expr:
    taps, middle = prod(op.kernels), op.channels(site.type)
    begins = site.begins(
        "depthwise_initializer", "depthwise.weight", "glorot_uniform", (middle * taps, taps)
    ) | _pointwise(op, site, "pointwise_initializer")
    layer = site.layer(
        f"layers.SeparableConv{op.axes}D",
        op.filters,
        one_or_each(op.kernels),
        **_moving(op),
        data_format="channels_last",
        activation=None,
        **begins,
        stored={
            "depthwise.weight": ("depthwise_kernel", _by_channel(op.axes)),
            "pointwise.weight": ("pointwise_kernel", (*range(2, 2 + op.axes), 1, 0)),
            "pointwise.bias": ("bias", (0,)),
        },
    )
    return site.apply(layer, _around(op, site))


def _pointwise(op: Separable, site: Site, option: str) -> dict[str, Any]:
    """How the pointwise weight and the bias begin."""
    middle = op.channels(site.type) * op.multiplier
    begins = site.begins(option, "pointwise.weight", "glorot_uniform", (middle, op.filters))
    if not op.has_bias:
        return begins | {"use_bias": False}
    return begins | site.begins("bias_initializer", "pointwise.bias", "zeros")


def _two_layers(op: Separable, site: Site) -> py.Expr:
    taps, channels = prod(op.kernels), op.channels(site.type)
    filters, layout = channels * op.multiplier, {"data_format": "channels_last"}
    begins = site.begins(
        "kernel_initializer", "depthwise.weight", "glorot_uniform", (taps, filters * taps)
    )
    depthwise = py.call(
        site.piece(kind(op)) if op.flip else kind(op),
        filters,
        one_or_each(op.kernels),
        **moving(op, site),
        groups=channels,
        **layout,
        use_bias=False,
        **begins,
    )
    pointwise = py.call(
        f"layers.Conv{op.axes}D",
        op.filters,
        1,
        **layout,
        **_pointwise(op, site, "kernel_initializer"),
    )
    axes = (*range(2, 2 + op.axes), 1, 0)
    layer = site.layer(
        "SeparableConv",
        depthwise,
        pointwise,
        stored={
            "depthwise.weight": ("depthwise.kernel", axes),
            "pointwise.weight": ("pointwise.kernel", axes),
            "pointwise.bias": ("pointwise.bias", (0,)),
        },
    )
    return picked(op, site.apply(layer, around(op, site)))
