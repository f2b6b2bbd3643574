"""Pooling. A window that hangs over the end (`ceil_mode`) is written as padding, which every
runtime reads alike."""

from __future__ import annotations

from math import inf
from typing import Any

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.conv import flat
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.geometry import Pads, output_size, overhang
from nnc.compiler.vocabulary.ops.pooling import (
    AvgPool,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    Pool,
)


@ops.lowers(MaxPool1D, MaxPool2D, MaxPool3D)
def max_pool(op: MaxPool, place: Place) -> Handle:
    """The runtime takes no padding of a kernel's size or more, which dilation allows."""
    x, pads = place.x, op.pads(place.node.input_types)
    over = zip(pads, _overhangs(op, place, pads), strict=True)
    wider = tuple((start, end + more) for (start, end), more in over)
    if any(max(pad) >= k for pad, k in zip(wider, op.kernels, strict=True)):
        starts, ends = zip((0, 0), (0, 0), *wider, strict=True)
        around, nothing = place.whole([*starts, *ends], "pads"), place.number(-inf, "nothing")
        x = place.add("Pad", x, around, nothing, role="padded")
        wider = ((0, 0),) * op.axes
    shape: dict[str, Any] = {"kernel_shape": op.kernels, "strides": op.strides}
    if max(op.dilations) > 1:
        shape["dilations"] = op.dilations
    return place.add("MaxPool", x, pads=flat(wider), **shape)


@ops.lowers(AvgPool1D, AvgPool2D, AvgPool3D)
def avg_pool(op: AvgPool, place: Place) -> Handle:
    """Places beyond input and padding never count. Where padding counts and a window reaches beyond
    it, the padding becomes part of the input."""
    x, pads, counts = place.x, op.pads(place.node.input_types), op.includes_pad
    over = _overhangs(op, place, pads)
    if counts and any(over) and any(map(max, pads)):
        starts, ends = zip((0, 0), (0, 0), *pads, strict=True)
        x = place.add("Pad", x, place.whole([*starts, *ends], "pads"), role="padded")
        pads = ((0, 0),) * op.axes
    if any(over):
        counts = False
    wider = tuple((start, end + more) for (start, end), more in zip(pads, over, strict=True))
    return place.add(
        "AveragePool",
        x,
        kernel_shape=op.kernels,
        strides=op.strides,
        pads=flat(wider),
        count_include_pad=int(counts),
    )


def _overhangs(op: Pool, place: Place, pads: Pads) -> list[int]:
    """How far the last window reaches beyond the padding, for each spatial axis; 0 without
    `ceil_mode`."""
    if not op.ceil_mode:
        return [0] * op.axes
    found = []
    sizes = op.spatial(place.type)
    for n, k, s, d, pad in zip(sizes, op.kernels, op.strides, op.dilations, pads, strict=True):
        count = output_size(op, n, k, s, d, pad, ceil=True)
        assert isinstance(n, int)  # `ceil_mode` asks for known sizes
        assert isinstance(count, int)
        found.append(overhang(n, k, s, d, pad, count))
    return found


@ops.lowers(GlobalAvgPool)
def global_avg_pool(op: GlobalAvgPool, place: Place) -> Handle:
    mean = place.add("GlobalAveragePool", place.x, role="mean")
    return place.add("Flatten", mean, axis=1)


@ops.lowers(GlobalMaxPool)
def global_max_pool(op: GlobalMaxPool, place: Place) -> Handle:
    axes = place.whole(range(2, place.type.rank + 1), "axes")
    return place.add("ReduceMax", place.x, axes, keepdims=0)
