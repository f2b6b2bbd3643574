"""Convolutions. The layout pass has put the channels last."""

from __future__ import annotations

from math import prod
from typing import Any

from nnc.backends import pysource as py
from nnc.backends.keras.activation import activated
from nnc.backends.keras.lowering import OPS, Place, Site, one_or_each, only
from nnc.backends.keras.padding import zero_padded
from nnc.compiler.vocabulary.ops.conv import Conv1D, Conv2D, Conv3D, Convolution, Sliding, Window


def stored(axes: int) -> dict[str, Place]:
    """Keras keeps [*kernel, inputs / groups, filters]; transposed: [*kernel, filters / groups,
    inputs]."""
    return {"weight": ("kernel", (*range(2, 2 + axes), 1, 0)), "bias": ("bias", (0,))}


@OPS.lowers(Conv1D, Conv2D, Conv3D)
def conv(op: Convolution, site: Site) -> py.Expr:
    per_group, taps = site.weight("weight").shape[1], prod(op.kernels)
    fans = (per_group * taps, op.filters * taps)
    layer = site.layer(
        kind(op),
        op.filters,
        one_or_each(op.kernels),
        **moving(op, site),
        **only(op.groups > 1, groups=op.groups),
        **shared(site, fans),
        stored=stored(op.axes),
    )
    return activated(op.activation, site, picked(op, site.apply(layer, around(op, site))))


def kind(op: Sliding) -> str:
    """Keras' layer; one of our own where the kernel is turned round."""
    return f"TrueConv{op.axes}D" if op.flip else f"layers.Conv{op.axes}D"


def picks(op: Sliding) -> bool:
    """Whether every place is computed and the stride picks some: Keras refuses stride and dilation
    together."""
    return max(op.strides) > 1 and max(op.dilations) > 1


def is_same(op: Sliding, site: Site) -> bool:
    """Whether the padding is what Keras calls "same". With stride 1 that is as many zeros whatever
    the size, half of them in front; as an option they cost less than as a layer."""
    if picks(op) or op.padding == "same":
        return not picks(op)
    pads = op.pads(site.node.input_types)
    totals = [d * (k - 1) for d, k in zip(op.dilations, op.kernels, strict=True)]
    halves = tuple((total // 2, total - total // 2) for total in totals)
    return max(op.strides) == 1 and any(totals) and tuple(map(tuple, pads)) == halves


def moving(op: Sliding, site: Site) -> dict[str, Any]:
    """Stride, dilation and padding as options."""
    padding = "same" if is_same(op, site) else "valid"
    return {**window(op, stride=not picks(op)), "padding": padding}


def around(op: Sliding, site: Site) -> py.Expr:
    """The input with the padding that the layer doesn't add itself."""
    return site.input if is_same(op, site) else zero_padded(site, op.pads(site.node.input_types))


def picked(op: Sliding, y: py.Expr) -> py.Expr:
    """The places that the stride picks, where the layer gives all."""
    if not picks(op):
        return y
    steps = tuple(py.Slice(step=py.literal(s) if s > 1 else None) for s in op.strides)
    return py.subscript(y, (py.Slice(), *steps))


def window(op: Window, *, stride: bool = True) -> dict[str, Any]:
    """Stride and dilation where they say something."""
    options: dict[str, Any] = {}
    if stride and max(op.strides) > 1:
        options["strides"] = one_or_each(op.strides)
    if max(op.dilations) > 1:
        options["dilation_rate"] = one_or_each(op.dilations)
    return options


def shared(site: Site, fans: tuple[int, int]) -> dict[str, Any]:
    """What all convolutions say of layout, activation, initialisers and bias."""
    options: dict[str, Any] = {"data_format": "channels_last", "activation": None}
    begins = site.begins("kernel_initializer", "weight", "glorot_uniform", fans)
    return options | begins | site.bias()
