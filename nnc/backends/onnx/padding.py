"""Padding. Opset 18 has no circular one: there it is put together from slices."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.padding import (
    CircularPad,
    ConstantPad,
    Filled,
    Padded,
    ReflectPad,
    ReplicatePad,
    ZeroPad,
)

_MODES = {ReflectPad: "reflect", ReplicatePad: "edge", CircularPad: "wrap"}
_END = 2**31 - 1


@ops.lowers(ZeroPad, ConstantPad)
def filled(op: Filled, place: Place) -> Handle:
    value = [place.number(op.number, "value")] if op.number else []
    return place.add("Pad", place.x, _widths(op, place), *value)


@ops.lowers(ReflectPad, ReplicatePad)
def taken(op: Padded, place: Place) -> Handle:
    return _pad(op, place)


def _pad(op: Padded, place: Place) -> Handle:
    return place.add("Pad", place.x, _widths(op, place), mode=_MODES[type(op)])


@ops.lowers(CircularPad)
def circular(op: CircularPad, place: Place) -> Handle:
    if place.opset >= 19:
        return _pad(op, place)
    x = place.x
    for axis, (before, after) in enumerate(op.pads(place.node.input_types), 2):
        parts = [x]
        if before:
            parts.insert(0, _slice(place, x, -before, _END, axis))
        if after:
            parts.append(_slice(place, x, 0, after, axis))
        if len(parts) > 1:
            x = place.add("Concat", *parts, axis=axis)
    return x


def _slice(place: Place, x: Handle, start: int, stop: int, axis: int) -> Handle:
    numbers = {"start": start, "stop": stop, "axis": axis}
    given = [place.whole([number], role) for role, number in numbers.items()]
    return place.add("Slice", x, *given, role="part")


def _widths(op: Padded, place: Place) -> Handle:
    starts, ends = zip((0, 0), (0, 0), *op.pads(place.node.input_types), strict=True)
    return place.whole([*starts, *ends], "pads")
