"""Padding: numbers around the spatial axes, or elements taken from where their index says."""

from __future__ import annotations

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Array, Tensor
from nnc.compiler.vocabulary.ops.padding import (
    CircularPad,
    ConstantPad,
    Filled,
    Padded,
    ReflectPad,
    ReplicatePad,
    ZeroPad,
)


@ops.lowers(ZeroPad, ConstantPad)
def filled(op: Filled, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    x = tape.move_axis(call.x, channel, 1)
    padded = tape.pad(x, ((0, 0), (0, 0), *op.pads(call.types)), op.number)
    return tape.move_axis(padded, 1, channel)


@ops.lowers(ReflectPad, ReplicatePad, CircularPad)
def taken(op: Padded, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    x = tape.move_axis(call.x, channel, 1)
    for axis, (lo, hi) in enumerate(op.pads(call.types), 2):
        places = _within(op, np.arange(-lo, x.shape[axis] + hi), x.shape[axis])
        x = tape.move_axis(tape.rows(tape.move_axis(x, axis, 0), places), 0, axis)
    return tape.move_axis(x, 1, channel)


def _within(op: Padded, places: Array, n: int) -> Array:
    """The places from -lo to n + hi, brought inside 0 to n - 1."""
    match op:
        case ReplicatePad():
            return np.clip(places, 0, n - 1)
        case CircularPad():
            return places % n
        case _:
            last = n - 1
            back: Array = last - np.abs(last - np.abs(places))
            return back
