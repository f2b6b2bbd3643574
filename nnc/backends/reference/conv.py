"""Convolutions as sums over windows: one matrix product per group, [filters / groups, channels /
groups · taps] by [channels / groups · taps, batch · places], after the windows were taken apart."""

from __future__ import annotations

from math import prod

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.backends.reference.windows import windows
from nnc.compiler.vocabulary.ops.conv import Conv1D, Conv2D, Conv3D, Convolution, Sliding


@ops.lowers(Conv1D, Conv2D, Conv3D)
def convolution(op: Convolution, call: Call) -> Tensor:
    channel = op.channel_axis(call.types[0]) + 1
    x = tape.move_axis(call.x, channel, 1)
    y = correlated(op, call, x, call.weights["weight"], op.groups)
    return tape.move_axis(with_bias(op.axes, y, call.weights.get("bias")), 1, channel)


def correlated(op: Sliding, call: Call, x: Tensor, weight: Tensor, groups: int) -> Tensor:
    """[N, C, *sizes] and [filters, C / groups, *kernel] -> [N, filters, *places]."""
    if op.flip:
        weight = weight[(slice(None), slice(None), *(slice(None, None, -1),) * op.axes)]
    x = tape.pad(x, ((0, 0), (0, 0), *op.pads(call.types)))
    seen = windows(x, op.kernels, op.strides, op.dilations)
    n, channels = x.shape[:2]
    filters = weight.shape[0]
    places = seen.shape[2 : 2 + op.axes]
    taps = channels // groups * prod(op.kernels)
    # [N, C, *places, *kernel] -> [C, *kernel, N, *places]
    order = (1, *range(2 + op.axes, 2 + 2 * op.axes), 0, *range(2, 2 + op.axes))
    columns = tape.reshape(tape.transpose(seen, order), (groups, taps, n * prod(places)))
    matrix = tape.reshape(weight, (groups, filters // groups, taps))
    return tape.move_axis(tape.reshape(matrix @ columns, (filters, n, *places)), 0, 1)


def with_bias(axes: int, y: Tensor, bias: Tensor | None) -> Tensor:
    """[N, filters, …] with the bias, if there is one, added to every place."""
    return y if bias is None else y + tape.reshape(bias, (bias.shape[0], *(1,) * axes))
