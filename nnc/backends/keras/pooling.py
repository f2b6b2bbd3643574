"""Pooling over windows and over everything. The layout pass has put the channels last."""

from __future__ import annotations

from math import inf

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site, one_or_each, only
from nnc.backends.keras.padding import zero_padded
from nnc.compiler.vocabulary.geometry import Pads, overhang
from nnc.compiler.vocabulary.ops import pooling as words


def _pads(op: words.Pool, site: Site) -> tuple[Pads, Pads]:
    """The padding, and how far the last windows hang over it."""
    types = site.node.input_types
    pads = op.pads(types)
    if not op.ceil_mode:
        return pads, ((0, 0),) * op.axes
    sizes, counts = op.spatial(types[0]), op.spatial(op.infer(types)[0])
    over = []
    windows = zip(sizes, op.kernels, op.strides, op.dilations, pads, counts, strict=True)
    for n, k, s, d, pad, count in windows:
        assert isinstance(n, int)
        assert isinstance(count, int)
        over.append((0, overhang(n, k, s, d, pad, count)))
    return pads, tuple(over)


def _sum(a: Pads, b: Pads) -> Pads:
    return tuple((x + u, y + v) for (x, y), (u, v) in zip(a, b, strict=True))


def _pool(op: words.Pool, site: Site, kind: str, x: py.Expr, padding: str) -> py.Expr:
    layer = site.layer(
        f"layers.{kind}Pooling{op.axes}D",
        one_or_each(op.kernels),
        strides=one_or_each(op.strides),
        padding=padding,
        data_format="channels_last",
    )
    return site.apply(layer, x)


@OPS.lowers(words.MaxPool1D, words.MaxPool2D, words.MaxPool3D)
def max_pool(op: words.MaxPool, site: Site) -> py.Expr:
    # TensorFlow's own over three axes trains every one of equal elements, and lacks float64.
    native = op.axes < 3 and max(op.dilations) == 1
    if op.padding == "same" and not op.ceil_mode and native:
        return _pool(op, site, "Max", site.input, "same")
    around, x = _sum(*_pads(op, site)), site.input
    if any(map(any, around)):
        pad = py.call("ops.pad", x, ((0, 0), *around, (0, 0)), constant_values=-inf)
        x = site.step(pad, "padded")
    if native:
        return _pool(op, site, "Max", x, "valid")
    dilation = only(max(op.dilations) > 1, dilation_rate=op.dilations)
    return py.call(site.piece("max_pool"), x, op.kernels, strides=op.strides, **dilation)


@OPS.lowers(words.AvgPool1D, words.AvgPool2D, words.AvgPool3D)
def average_pool(op: words.AvgPool, site: Site) -> py.Expr:
    native = op.axes < 3  # over three TensorFlow has no float64 kernel
    if op.padding == "same" and not op.includes_pad and not op.ceil_mode and native:
        return _pool(op, site, "Average", site.input, "same")
    pads, over = _pads(op, site)
    nothing: Pads = ((0, 0),) * op.axes
    counted, beyond = (pads, over) if op.includes_pad else (nothing, _sum(pads, over))
    if any(map(any, beyond)) or not native:
        piece = site.piece("average_pool")
        return py.call(
            piece, site.input, op.kernels, strides=op.strides, counted=counted, beyond=beyond
        )
    return _pool(op, site, "Average", zero_padded(site, counted), "valid")


@OPS.lowers(words.GlobalAvgPool)
def global_average_pool(op: words.GlobalAvgPool, site: Site) -> py.Expr:
    return py.call("ops.mean", site.input, axis=_spatial(site))


@OPS.lowers(words.GlobalMaxPool)
def global_max_pool(op: words.GlobalMaxPool, site: Site) -> py.Expr:
    return py.call("ops.max", site.input, axis=_spatial(site))


def _spatial(site: Site) -> int | tuple[int, ...]:
    return one_or_each(tuple(range(1, site.type.rank)))
