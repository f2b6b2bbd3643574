"""Resizing: elements taken, or mixed by a matrix, along one spatial axis after the other."""

from __future__ import annotations

from nnc.backends.interpolation import linear, nearest
from nnc.backends.reference import tape
from nnc.backends.reference.adaptive import along
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.ops.resize import Upsample


@ops.lowers(Upsample)
def upsample(op: Upsample, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    y = tape.move_axis(call.x, channel, 1)
    for axis, (before, after) in enumerate(op.known_sizes(call.types), 2):
        if op.interpolates:
            y = along(y, axis, linear(before, after, op.align_corners))
        else:
            taken = tape.rows(tape.move_axis(y, axis, 0), nearest(before, after))
            y = tape.move_axis(taken, 0, axis)
    return tape.move_axis(y, 1, channel)
