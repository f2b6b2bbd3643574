"""Padding as a layer."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site, pad_argument
from nnc.compiler.vocabulary.ops.padding import (
    CircularPad,
    ConstantPad,
    Filled,
    Padded,
    ReflectPad,
    ReplicatePad,
    ZeroPad,
)

_MODES = {ReflectPad: "reflect", ReplicatePad: "replicate", CircularPad: "circular"}


@OPS.lowers(ZeroPad, ConstantPad)
def filled(op: Filled, at: Site) -> Lowered:
    value = {"value": op.number} if op.number else {}
    return py.call("F.pad", at.input, pad_argument(op.pads(at.node.input_types)), **value)


@OPS.lowers(ReflectPad, ReplicatePad, CircularPad)
def taken(op: Padded, at: Site) -> Lowered:
    around = pad_argument(op.pads(at.node.input_types))
    return py.call("F.pad", at.input, around, mode=_MODES[type(op)])
