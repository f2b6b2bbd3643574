"""Pooling over windows and over everything."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site, one_or_each, pad_argument
from nnc.compiler.types import is_static
from nnc.compiler.vocabulary.geometry import Pads, overhang
from nnc.compiler.vocabulary.ops.pooling import AvgPool2D, GlobalAvgPool, MaxPool2D

_Pool = MaxPool2D | AvgPool2D


def _is_native(op: _Pool, pads: Pads) -> bool:
    """torch pads both ends alike, and by at most half the window."""
    return all(lo == hi and 2 * lo <= k for (lo, hi), k in zip(pads, op.kernels, strict=True))


def _options(op: _Pool, pads: Pads) -> dict[str, object]:
    options: dict[str, object] = {
        "kernel_size": one_or_each(op.kernels),
        "stride": one_or_each(op.strides),
    }
    if any(lo for lo, _ in pads):
        options["padding"] = one_or_each(tuple(lo for lo, _ in pads))
    if op.ceil_mode:
        options["ceil_mode"] = True
    return options


def _overhangs(op: _Pool, at: Site, pads: Pads) -> tuple[int, ...]:
    """What the last windows need beyond the padded input; only `ceil_mode` lets them."""
    sizes, counts = op.spatial(at.type), op.spatial(at.result)
    if not op.ceil_mode or not is_static(sizes) or not is_static(counts):
        return (0,) * op.axes
    return tuple(map(overhang, sizes, op.kernels, op.strides, op.dilations, pads, counts))


def _with_overhang(op: _Pool, at: Site, pads: Pads) -> Pads:
    more = _overhangs(op, at, pads)
    return tuple((lo, hi + extra) for (lo, hi), extra in zip(pads, more, strict=True))


@OPS.lowers(MaxPool2D)
def max_pool2d(op: MaxPool2D, at: Site) -> Lowered:
    pads = op.pads(at.node.input_types)
    if _is_native(op, pads):
        return at.apply(py.call("nn.MaxPool2d", **_options(op, pads)))
    around = pad_argument(_with_overhang(op, at, pads))
    x = py.call("F.pad", at.input, around, value=-float("inf"))
    layer = py.call("nn.MaxPool2d", one_or_each(op.kernels), stride=one_or_each(op.strides))
    return at.apply(layer, x)


@OPS.lowers(AvgPool2D)
def avg_pool2d(op: AvgPool2D, at: Site) -> Lowered:
    pads = op.pads(at.node.input_types)
    if _is_native(op, pads):
        options = _options(op, pads)
        if "padding" in options:
            options["count_include_pad"] = op.includes_pad
        return at.apply(py.call("nn.AvgPool2d", **options))
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
        return at.apply(py.call("nn.AvgPool2d", kernel, stride=stride), padded)
    x: py.Expr = at.input
    if op.includes_pad:
        x = py.call("F.pad", x, pad_argument(counted))
    pool = at.piece("pooling:average_pool2d")
    return py.call(pool, x, kernel, stride=stride, padding=pad_argument(beyond))


@OPS.lowers(GlobalAvgPool)
def global_avg_pool(op: GlobalAvgPool, at: Site) -> Lowered:
    first = 2 if op.layout == "channels_first" else 1
    axes = tuple(range(first, first + at.type.rank - 1))
    return py.method(at.input, "mean", dim=one_or_each(axes))
