"""Transposed convolutions. The layout pass has put the channels last."""

from __future__ import annotations

from math import prod
from typing import Any

from nnc.backends import pysource as py
from nnc.backends.keras.activation import activated
from nnc.backends.keras.conv import shared, stored, window
from nnc.backends.keras.lowering import OPS, Site, one_or_each, only
from nnc.compiler.vocabulary.ops.conv_transpose import (
    ConvTranspose1D,
    ConvTranspose2D,
    ConvTranspose3D,
    Transposed,
)


@OPS.lowers(ConvTranspose1D, ConvTranspose2D, ConvTranspose3D)
def conv_transpose(op: Transposed, site: Site) -> py.Expr:
    channels, per_group = site.weight("weight").shape[:2]
    taps = prod(op.kernels)
    # What Keras works out from [*kernel, filters, inputs] is the wrong way round.
    fans = (per_group * taps, channels * taps)
    plain = op.groups == 1 and max(op.dilations) == 1
    padding = _keras_padding(op) if plain else None
    if padding is None:
        return activated(op.activation, site, _general(op, site, fans))
    layer = site.layer(
        f"layers.Conv{op.axes}DTranspose",
        op.filters,
        one_or_each(op.kernels),
        **window(op),
        padding=padding,
        **shared(site, fans),
        stored=stored(op.axes),
    )
    return activated(op.activation, site, site.apply(layer))


def _keras_padding(op: Transposed) -> str | None:
    """The padding with which Keras' own layer does the same; None when there is none."""
    if op.padding == "same":
        return "same"
    whole = all(crop == (0, 0) for crop in op.crops())
    covers = all(k >= s for k, s in zip(op.kernels, op.strides, strict=True))
    return "valid" if whole and covers else None


def _general(op: Transposed, site: Site, fans: tuple[int, int]) -> py.Expr:
    layer = site.layer(
        "ConvTranspose",
        op.filters,
        op.kernels,
        strides=op.strides,
        crops=op.crops(),
        **only(max(op.dilations) > 1, dilation_rate=op.dilations),
        **only(op.groups > 1, groups=op.groups),
        **_without(shared(site, fans), "data_format", "activation"),
        stored=stored(op.axes),
    )
    return site.apply(layer)


def _without(options: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name not in names}
