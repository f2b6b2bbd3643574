"""Pooling over windows and over everything. The layout pass has put the channels last."""

from __future__ import annotations

from math import inf

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site, one_or_each
from nnc.backends.keras.padding import zero_padded
from nnc.compiler.vocabulary.geometry import Pads, overhang
from nnc.compiler.vocabulary.ops import pooling as words


def _pads(op: words.MaxPool2D | words.AvgPool2D, site: Site) -> tuple[Pads, Pads]:
    """The padding, and how far the last windows hang over it."""
    types = site.node.input_types
    pads = op.pads(types)
    if not op.ceil_mode:
        return pads, ((0, 0),) * op.axes
    sizes, counts = op.spatial(types[0]), op.spatial(op.infer(types)[0])
    over = []
    for n, k, s, pad, count in zip(sizes, op.kernels, op.strides, pads, counts, strict=True):
        assert isinstance(n, int)
        assert isinstance(count, int)
        over.append((0, overhang(n, k, s, 1, pad, count)))
    return pads, tuple(over)


def _sum(a: Pads, b: Pads) -> Pads:
    return tuple((x + u, y + v) for (x, y), (u, v) in zip(a, b, strict=True))


def _pool(
    op: words.MaxPool2D | words.AvgPool2D, site: Site, kind: str, x: py.Expr, padding: str
) -> py.Expr:
    layer = site.layer(
        f"layers.{kind}",
        one_or_each(op.kernels),
        strides=one_or_each(op.strides),
        padding=padding,
        data_format="channels_last",
    )
    return site.apply(layer, x)


@OPS.lowers(words.MaxPool2D)
def max_pool(op: words.MaxPool2D, site: Site) -> py.Expr:
    if op.padding == "same" and not op.ceil_mode:
        return _pool(op, site, "MaxPooling2D", site.input, "same")
    around, x = _sum(*_pads(op, site)), site.input
    if any(map(any, around)):
        pad = py.call("ops.pad", x, ((0, 0), *around, (0, 0)), constant_values=-inf)
        x = site.step(pad, "padded")
    return _pool(op, site, "MaxPooling2D", x, "valid")


@OPS.lowers(words.AvgPool2D)
def average_pool(op: words.AvgPool2D, site: Site) -> py.Expr:
    if op.padding == "same" and not op.includes_pad and not op.ceil_mode:
        return _pool(op, site, "AveragePooling2D", site.input, "same")
    pads, over = _pads(op, site)
    nothing: Pads = ((0, 0),) * op.axes
    counted, beyond = (pads, over) if op.includes_pad else (nothing, _sum(pads, over))
    if any(map(any, beyond)):
        piece = site.piece("average_pool")
        return py.call(
            piece, site.input, op.kernels, strides=op.strides, counted=counted, beyond=beyond
        )
    return _pool(op, site, "AveragePooling2D", zero_padded(site, counted), "valid")


@OPS.lowers(words.GlobalAvgPool)
def global_average_pool(op: words.GlobalAvgPool, site: Site) -> py.Expr:
    spatial = tuple(range(1, site.type.rank))
    return py.call("ops.mean", site.input, axis=spatial[0] if len(spatial) == 1 else spatial)
