"""Convolutions. The gradient of the input is the transposed convolution; that of the weight is one
product of matrices over the input's patches, which onnxruntime does faster than a convolution with
dilation."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.gradients.table import GRADIENTS, Back
from nnc.backends.onnx.gradients.windows import seen, together, window_of


def _window(at: Back) -> dict[str, Any]:
    return window_of(at) | {"group": at.attribute("group", 1)}


@GRADIENTS.of("Conv")
def conv(at: Back) -> None:
    window = _window(at)
    if at.needs(0):
        at.give(0, spread_back(at, at.gradient, at.x(1), window))
    if at.needs(1):
        at.give(1, _of_weight(at, at.x(0), at.gradient, at.y, window))
    _bias(at)


@GRADIENTS.of("ConvTranspose")
def conv_transpose(at: Back) -> None:
    window = _window(at)
    if at.needs(0):
        made = at.add("Conv", at.gradient, at.x(1), **window)
        at.give(0, made)
    if at.needs(1):
        at.give(1, _of_weight(at, at.gradient, at.x(0), at.x(0), window))
    _bias(at)


def _bias(at: Back) -> None:
    if at.needs(2):
        axes = [0, *range(2, at.rank(at.x()))]
        at.give(2, at.add("ReduceSum", at.gradient, at.whole(axes, "axes"), keepdims=0))


def spread_back(at: Back, gradient: Handle, weight: Handle, window: dict[str, Any]) -> Handle:
    """The transposed convolution to the size of the first input."""
    axes = len(window["kernel_shape"])
    sizes = at.shape(at.x(0))[2:]
    known = [size for size in sizes if size is not None]
    if len(known) == axes:
        return at.add(
            "ConvTranspose",
            gradient,
            weight,
            **window | {"output_padding": _left_over(known, window)},
        )
    # The size is told at run time: everything is spread, then cut to it.
    bare = window | {"pads": [0] * 2 * axes}
    ends = [s - 1 + pad for s, pad in zip(window["strides"], window["pads"][axes:], strict=True)]
    whole = at.add("ConvTranspose", gradient, weight, **bare)
    wider = at.add("Pad", whole, at.whole([0] * (axes + 4) + ends, "ends"))
    starts = window["pads"][:axes]
    spatial = at.add("Shape", at.x(0), start=2)
    stops = at.add("Add", spatial, at.whole(starts, "starts"))
    places = at.whole(list(range(2, 2 + axes)), "axes")
    return at.add("Slice", wider, at.whole(starts, "starts"), stops, places)


def _left_over(sizes: Sequence[int], window: dict[str, Any]) -> list[int]:
    """The places at the end that no window reaches."""
    axes = len(sizes)
    pads = window["pads"]
    steps = zip(sizes, window["kernel_shape"], window["dilations"], strict=True)
    return [
        (n + pads[i] + pads[axes + i] - d * (k - 1) - 1) % window["strides"][i]
        for i, (n, k, d) in enumerate(steps)
    ]


def _of_weight(
    at: Back, wide: Handle, narrow: Handle, like: Handle, window: dict[str, Any]
) -> Handle:
    """Σ narrow · patches of wide: [M, C / group, *kernel] for `narrow` of M channels and `wide`
    of C, whose patches are as many as the places of `like`."""
    group, kernel = window["group"], window["kernel_shape"]
    channels, filters = at.shape(wide)[1], at.shape(narrow)[1]
    assert channels is not None
    assert filters is not None
    patches = together(at, seen(at, wide, like, window))  # [N, C, kernel, *places]
    rows = (channels // group) * prod(kernel)
    apart = at.add("Reshape", patches, at.whole([0, group, rows, -1], "patches"))
    given = at.add("Reshape", narrow, at.whole([0, group, filters // group, -1], "places"))
    if filters == group:
        found = at.add("MatMul", given, at.add("Transpose", apart, perm=[0, 1, 3, 2]))
        total = at.add("ReduceSum", found, at.whole([0], "batch"), keepdims=0)
    else:  # the larger matrix as it lies: onnxruntime packs the second one anew
        found = at.add("MatMul", apart, at.add("Transpose", given, perm=[0, 1, 3, 2]))
        total = at.add("ReduceSum", found, at.whole([0], "batch"), keepdims=0)
        total = at.add("Transpose", total, perm=[0, 2, 1])
    shape = [filters, channels // group, *kernel]
    return at.add("Reshape", total, at.whole(shape, "shape"))
