"""Transposed convolutions as windows that are added up where they lie."""

from __future__ import annotations

from math import prod

from nnc.backends.reference import tape
from nnc.backends.reference.conv import with_bias
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.backends.reference.windows import overlap
from nnc.compiler.vocabulary.ops.conv_transpose import (
    ConvTranspose1D,
    ConvTranspose2D,
    ConvTranspose3D,
    Transposed,
)


@ops.lowers(ConvTranspose1D, ConvTranspose2D, ConvTranspose3D)
def transposed(op: Transposed, call: Call) -> Tensor:
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
    return tape.move_axis(with_bias(op.axes, cut, call.weights.get("bias")), 1, channel)
