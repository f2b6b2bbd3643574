"""Convolutions as sums over windows, and transposed ones as windows added up.

Both are one matrix product per group, [filters / groups, channels / groups · taps] by
[channels / groups · taps, batch · places], beside the taking apart or putting together of windows.
"""

from __future__ import annotations

from math import prod

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.backends.reference.windows import overlap, windows
from nnc.compiler.vocabulary.ops.conv import Conv2D, ConvTranspose2D


@ops.lowers(Conv2D)
def convolution(op: Conv2D, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    x = tape.move_axis(call.x, channel, 1)
    x = tape.pad(x, ((0, 0), (0, 0), *op.pads(call.types)))
    weight = call.weights["weight"]
    seen = windows(x, op.kernels, op.strides, op.dilations)
    n, channels = x.shape[:2]
    places = seen.shape[2 : 2 + op.axes]
    taps = channels // op.groups * prod(op.kernels)
    # [N, C, *places, *kernel] -> [C, *kernel, N, *places]
    order = (1, *range(2 + op.axes, 2 + 2 * op.axes), 0, *range(2, 2 + op.axes))
    columns = tape.reshape(tape.transpose(seen, order), (op.groups, taps, n * prod(places)))
    matrix = tape.reshape(weight, (op.groups, op.filters // op.groups, taps))
    y = tape.move_axis(tape.reshape(matrix @ columns, (op.filters, n, *places)), 0, 1)
    return tape.move_axis(_with_bias(op, call, y), 1, channel)


@ops.lowers(ConvTranspose2D)
def transposed(op: ConvTranspose2D, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    x = tape.move_axis(call.x, channel, 1)
    n, channels, *places = x.shape
    taps = op.filters // op.groups * prod(op.kernels)
    rows = tape.reshape(
        tape.move_axis(x, 1, 0), (op.groups, channels // op.groups, n * prod(places))
    )
    weight = call.weights["weight"]
    matrix = tape.swap(tape.reshape(weight, (op.groups, channels // op.groups, taps)))
    columns = tape.reshape(matrix @ rows, (op.filters, *op.kernels, n, *places))
    # [F, *kernel, N, *places] -> [N, F, *places, *kernel]
    order = (1 + op.axes, 0, *range(2 + op.axes, 2 + 2 * op.axes), *range(1, 1 + op.axes))
    sizes = tuple(
        (m - 1) * s + d * (k - 1) + 1
        for m, s, d, k in zip(places, op.strides, op.dilations, op.kernels, strict=True)
    )
    full = overlap(tape.transpose(columns, order), sizes, op.strides, op.dilations)
    cut = tape.pad(full, ((0, 0), (0, 0), *((-lo, -hi) for lo, hi in op.crops())))
    return tape.move_axis(_with_bias(op, call, cut), 1, channel)


def _with_bias(op: Conv2D | ConvTranspose2D, call: Call, y: Tensor) -> Tensor:
    if not op.has_bias:
        return y
    return y + tape.reshape(call.weights["bias"], (op.filters, *(1,) * op.axes))
