"""Pooling."""

from __future__ import annotations

from math import prod

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Array, Tensor
from nnc.backends.reference.windows import windows
from nnc.compiler.vocabulary.geometry import output_size, overhang
from nnc.compiler.vocabulary.ops.pooling import (
    AvgPool,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    Pool,
)


@ops.lowers(MaxPool1D, MaxPool2D, MaxPool3D)
def max_pool(op: MaxPool, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    seen = _windows(op, tape.move_axis(call.x, channel, 1), call, -np.inf)
    # argmax takes the first of equal elements, and NaN before anything else.
    y = tape.pick(seen, seen.value.argmax(axis=-1))
    return tape.move_axis(y, 1, channel)


@ops.lowers(AvgPool1D, AvgPool2D, AvgPool3D)
def avg_pool(op: AvgPool, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    x = tape.move_axis(call.x, channel, 1)
    y = tape.total(_windows(op, x, call, 0.0), -1) / tape.constant(_counts(op, x, call))
    return tape.move_axis(y, 1, channel)


def _counts(op: AvgPool, x: Tensor, call: Call) -> Array:
    """How many elements of each window count: [1, 1, *places]."""
    ones = tape.constant(np.ones((1, 1, *x.shape[2:])))
    outside = 1.0 if op.includes_pad else 0.0
    padded = tape.pad(ones, ((0, 0), (0, 0), *op.pads(call.types)), outside)
    hung = tape.pad(padded, ((0, 0), (0, 0), *_overhangs(op, call)))
    seen = windows(hung, op.kernels, op.strides, op.dilations)
    return tape.total(seen, tuple(range(-op.axes, 0))).value


def _windows(op: Pool, x: Tensor, call: Call, outside: float) -> Tensor:
    """The elements of each window in row-major order: [N, C, *places, elements]."""
    pads = zip(op.pads(call.types), _overhangs(op, call), strict=True)
    widths = [(lo, hi + over) for (lo, hi), (_, over) in pads]
    padded = tape.pad(x, ((0, 0), (0, 0), *widths), outside)
    seen = windows(padded, op.kernels, op.strides, op.dilations)
    return tape.reshape(seen, (*seen.shape[: 2 + op.axes], prod(op.kernels)))


def _overhangs(op: Pool, call: Call) -> list[tuple[int, int]]:
    """(0, elements by which the last window hangs over the end) of each axis."""
    hangs = []
    for n, k, s, d, pad in zip(
        op.spatial(call.types[0]),
        op.kernels,
        op.strides,
        op.dilations,
        op.pads(call.types),
        strict=True,
    ):
        count = output_size(op, n, k, s, d, pad, ceil=op.ceil_mode)
        assert isinstance(n, int)
        assert isinstance(count, int)
        hangs.append((0, overhang(n, k, s, d, pad, count)))
    return hangs


@ops.lowers(GlobalAvgPool)
def global_avg_pool(op: GlobalAvgPool, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    return tape.mean(call.x, tuple(i for i in range(1, call.x.rank) if i != channel))


@ops.lowers(GlobalMaxPool)
def global_max_pool(op: GlobalMaxPool, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    spatial = tuple(i for i in range(1, call.x.rank) if i != channel)
    largest = call.x.value == call.x.value.max(axis=spatial, keepdims=True)
    shares = largest / largest.sum(axis=spatial, keepdims=True)
    return tape.total(tape.where(largest, call.x, 0.0) * tape.constant(shares), spatial)
