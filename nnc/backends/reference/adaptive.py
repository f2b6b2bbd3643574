"""Pooling to a given size: one spatial axis after the other."""

from __future__ import annotations

import numpy as np

from nnc.backends.interpolation import averages, window_places
from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Array, Tensor
from nnc.compiler.vocabulary.ops.adaptive import AdaptiveAvgPool, AdaptiveMaxPool


@ops.lowers(AdaptiveAvgPool)
def adaptive_avg_pool(op: AdaptiveAvgPool, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    y = tape.move_axis(call.x, channel, 1)
    for axis, (before, after) in enumerate(op.sizes(call.types), 2):
        y = along(y, axis, averages(before, after))
    return tape.move_axis(y, 1, channel)


def along(x: Tensor, axis: int, matrix: Array) -> Tensor:
    """[…, n, …] with the axis of n elements multiplied by [m, n]."""
    moved = tape.move_axis(x, axis, -1) @ tape.constant(matrix.T)
    return tape.move_axis(moved, -1, axis)


@ops.lowers(AdaptiveMaxPool)
def adaptive_max_pool(op: AdaptiveMaxPool, call: Call) -> Tensor:
    """From the last axis to the first, so that the first of equal elements in row-major order
    wins."""
    channel = op.channel_axis(call.types[0]) + 1
    y = tape.move_axis(call.x, channel, 1)
    for axis, (before, after) in reversed(list(enumerate(op.sizes(call.types), 2))):
        seen = tape.rows(tape.move_axis(y, axis, 0), window_places(before, after))
        windows = tape.move_axis(seen, 1, -1)
        y = tape.move_axis(tape.pick(windows, np.argmax(windows.value, axis=-1)), 0, axis)
    return tape.move_axis(y, 1, channel)
