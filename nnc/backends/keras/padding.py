"""Padding as a layer. The layout pass has put the channels last."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site
from nnc.compiler.vocabulary.geometry import Pads
from nnc.compiler.vocabulary.ops.padding import (
    CircularPad,
    ConstantPad,
    Filled,
    Padded,
    ReflectPad,
    ReplicatePad,
    ZeroPad,
)


def zero_padded(site: Site, pads: Pads) -> py.Expr:
    """The input with zeros around it, in a line of its own when there are any."""
    if not any(map(any, pads)):
        return site.input
    layer = site.layer(*_zeros(pads), data_format="channels_last", suffix="padding")
    return site.step(site.apply(layer), "padded")


def _zeros(pads: Pads) -> tuple[str, object]:
    """Keras' layer and its argument."""
    kind = f"layers.ZeroPadding{len(pads)}D"
    same = len({number for pad in pads for number in pad}) == 1
    return kind, pads[0][0] if same else pads[0] if len(pads) == 1 else pads


@OPS.lowers(ZeroPad)
def zeros(op: ZeroPad, site: Site) -> py.Expr:
    kind, around = _zeros(op.pads(site.node.input_types))
    return site.apply(site.layer(kind, around, data_format="channels_last"))


@OPS.lowers(ConstantPad)
def constant(op: Filled, site: Site) -> py.Expr:
    return py.call("ops.pad", site.input, _widths(op, site), constant_values=op.number)


@OPS.lowers(ReflectPad)
def reflect(op: ReflectPad, site: Site) -> py.Expr:
    return py.call("ops.pad", site.input, _widths(op, site), mode="reflect")


@OPS.lowers(ReplicatePad, CircularPad)
def taken(op: Padded, site: Site) -> py.Expr:
    piece = site.piece("pad_edge" if isinstance(op, ReplicatePad) else "pad_circular")
    return py.call(piece, site.input, _widths(op, site))


def _widths(op: Padded, site: Site) -> Pads:
    return ((0, 0), *op.pads(site.node.input_types), (0, 0))
