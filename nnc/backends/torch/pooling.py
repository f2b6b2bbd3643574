"""Pooling over windows and over everything."""

from __future__ import annotations

from math import inf

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site, one_or_each, pad_argument
from nnc.compiler.types import is_static
from nnc.compiler.vocabulary.geometry import Pads, overhang
from nnc.compiler.vocabulary.ops.pooling import (
    AvgPool,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
    Global,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    Pool,
)


def _is_native(op: Pool, pads: Pads) -> bool:
    """torch pads both ends alike, and by at most half the window."""
    return all(lo == hi and 2 * lo <= k for (lo, hi), k in zip(pads, op.kernels, strict=True))


def _options(op: Pool, pads: Pads) -> dict[str, object]:
    options: dict[str, object] = {
        "kernel_size": one_or_each(op.kernels),
        "stride": one_or_each(op.strides),
    }
    if any(lo for lo, _ in pads):
        options["padding"] = one_or_each(tuple(lo for lo, _ in pads))
    if op.ceil_mode:
        options["ceil_mode"] = True
    return options | _dilation(op)


def _dilation(op: Pool) -> dict[str, object]:
    return {"dilation": one_or_each(op.dilations)} if max(op.dilations) > 1 else {}


def _overhangs(op: Pool, at: Site, pads: Pads) -> tuple[int, ...]:
    """What the last windows need beyond the padded input; only `ceil_mode` lets them."""
    sizes, counts = op.spatial(at.type), op.spatial(at.result)
    if not op.ceil_mode or not is_static(sizes) or not is_static(counts):
        return (0,) * op.axes
    return tuple(map(overhang, sizes, op.kernels, op.strides, op.dilations, pads, counts))


def _with_overhang(op: Pool, at: Site, pads: Pads) -> Pads:
    more = _overhangs(op, at, pads)
    return tuple((lo, hi + extra) for (lo, hi), extra in zip(pads, more, strict=True))


@OPS.lowers(MaxPool1D, MaxPool2D, MaxPool3D)
def max_pool(op: MaxPool, at: Site) -> Lowered:
    pads = op.pads(at.node.input_types)
    if _is_native(op, pads):
        return at.apply(py.call(f"nn.MaxPool{op.axes}d", **_options(op, pads)))
    around = pad_argument(_with_overhang(op, at, pads))
    x = py.call("F.pad", at.input, around, value=-inf)
    options = {"stride": one_or_each(op.strides), **_dilation(op)}
    return at.apply(py.call(f"nn.MaxPool{op.axes}d", one_or_each(op.kernels), **options), x)


@OPS.lowers(AvgPool1D, AvgPool2D, AvgPool3D)
def avg_pool(op: AvgPool, at: Site) -> Lowered:
    pads = op.pads(at.node.input_types)
    if _is_native(op, pads):
        options = _options(op, pads)
        if "padding" in options:
            options["count_include_pad"] = op.includes_pad
        return at.apply(py.call(f"nn.AvgPool{op.axes}d", **options))
    more = _overhangs(op, at, pads)
    counted = pads if op.includes_pad else ((0, 0),) * op.axes
    around = _with_overhang(op, at, pads)
    beyond = tuple(
        (lo - inner_lo, hi - inner_hi)
        for (lo, hi), (inner_lo, inner_hi) in zip(around, counted, strict=True)
    )
    kernel, stride = one_or_each(op.kernels), one_or_each(op.strides)
    if op.includes_pad and not any(more):
        padded = py.call("F.pad", at.input, pad_argument(pads))
        return at.apply(py.call(f"nn.AvgPool{op.axes}d", kernel, stride=stride), padded)
    x: py.Expr = at.input
    if op.includes_pad:
        x = py.call("F.pad", x, pad_argument(counted))
    pool = at.piece("pooling:average_pool")
    return py.call(pool, x, kernel, stride=stride, padding=pad_argument(beyond))


@OPS.lowers(GlobalAvgPool)
def global_avg_pool(op: GlobalAvgPool, at: Site) -> Lowered:
    return py.method(at.input, "mean", dim=_spatial(op, at))


@OPS.lowers(GlobalMaxPool)
def global_max_pool(op: GlobalMaxPool, at: Site) -> Lowered:
    """`amax` shares the gradient among equal elements."""
    return py.method(at.input, "amax", dim=_spatial(op, at))


def _spatial(op: Global, at: Site) -> int | tuple[int, ...]:
    first = 2 if op.layout == "channels_first" else 1
    return one_or_each(tuple(range(first, first + at.type.rank - 1)))
