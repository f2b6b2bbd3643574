"""Convolutions. The layout pass has put the channels last."""

from __future__ import annotations

from math import prod
from typing import Any

from nnc.backends import pysource as py
from nnc.backends.keras.activation import activated
from nnc.backends.keras.lowering import OPS, Site, one_or_each, only
from nnc.backends.keras.pooling import zero_padded
from nnc.compiler.vocabulary.ops import conv as words

_STORED = {"weight": ("kernel", (2, 3, 1, 0)), "bias": ("bias", (0,))}
"""Keras keeps [height, width, inputs / groups, filters]; transposed: [height, width, filters /
groups, inputs]."""


@OPS.lowers(words.Conv2D)
def conv(op: words.Conv2D, site: Site) -> py.Expr:
    # Keras refuses stride and dilation together: every place is computed, and the stride picks
    # some.
    picks = max(op.strides) > 1 and max(op.dilations) > 1
    same = op.padding == "same" and not picks
    x = site.input if same else zero_padded(site, op.pads(site.node.input_types))
    per_group, taps = site.weight("weight").shape[1], prod(op.kernels)
    layer = site.layer(
        "layers.Conv2D",
        op.filters,
        one_or_each(op.kernels),
        **_window(op, stride=not picks),
        padding="same" if same else "valid",
        **only(op.groups > 1, groups=op.groups),
        **_shared(site, (per_group * taps, op.filters * taps)),
        stored=_STORED,
    )
    y: py.Expr = site.apply(layer, x)
    if picks:
        steps = tuple(py.Slice(step=py.literal(s) if s > 1 else None) for s in op.strides)
        y = py.subscript(y, (py.Slice(), *steps))
    return activated(op.activation, site, y)


def _window(op: words.Conv2D | words.ConvTranspose2D, *, stride: bool = True) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if stride and max(op.strides) > 1:
        options["strides"] = one_or_each(op.strides)
    if max(op.dilations) > 1:
        options["dilation_rate"] = one_or_each(op.dilations)
    return options


def _shared(site: Site, fans: tuple[int, int]) -> dict[str, Any]:
    options: dict[str, Any] = {"data_format": "channels_last", "activation": None}
    begins = site.begins("kernel_initializer", "weight", "glorot_uniform", fans)
    return options | begins | site.bias()


@OPS.lowers(words.ConvTranspose2D)
def conv_transpose(op: words.ConvTranspose2D, site: Site) -> py.Expr:
    channels, per_group = site.weight("weight").shape[:2]
    taps = prod(op.kernels)
    # What Keras works out from [height, width, filters, inputs] is the wrong way round.
    fans = (per_group * taps, channels * taps)
    plain = op.groups == 1 and max(op.dilations) == 1
    padding = _keras_padding(op) if plain else None
    if padding is None:
        return activated(op.activation, site, _general(op, site, fans))
    layer = site.layer(
        "layers.Conv2DTranspose",
        op.filters,
        one_or_each(op.kernels),
        **_window(op),
        padding=padding,
        **_shared(site, fans),
        stored=_STORED,
    )
    return activated(op.activation, site, site.apply(layer))


def _keras_padding(op: words.ConvTranspose2D) -> str | None:
    """The padding with which Keras' own layer does the same; None when there is none."""
    if op.padding == "same":
        return "same"
    whole = all(crop == (0, 0) for crop in op.crops())
    covers = all(k >= s for k, s in zip(op.kernels, op.strides, strict=True))
    return "valid" if whole and covers else None


def _general(op: words.ConvTranspose2D, site: Site, fans: tuple[int, int]) -> py.Expr:
    options = _shared(site, fans)
    layer = site.layer(
        "ConvTranspose2D",
        op.filters,
        op.kernels,
        strides=op.strides,
        crops=op.crops(),
        **only(max(op.dilations) > 1, dilation_rate=op.dilations),
        **only(op.groups > 1, groups=op.groups),
        **_without(options, "data_format", "activation"),
        stored=_STORED,
    )
    return site.apply(layer)


def _without(options: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in names}
