"""Parts of a value along an axis. The batch is axis 0 and stays there."""

from __future__ import annotations

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Array, Tensor
from nnc.compiler.vocabulary.ops.selection import Gather, Repeat, Slice, Split


def _part(x: Tensor, axis: int, chosen: slice) -> Tensor:
    return x[(*(slice(None),) * axis, chosen)]


@ops.lowers(Slice)
def take_slice(op: Slice, call: Call) -> Tensor:
    axis = op.axis % call.types[0].rank + 1
    start, stop = op.bounds(call.x.shape[axis])
    if not 0 <= start <= stop <= call.x.shape[axis]:
        raise ValueError(f"an axis of {call.x.shape[axis]} has no elements {start} to {stop}")
    return _part(call.x, axis, slice(start, stop, op.step))


@ops.lowers(Split)
def split(op: Split, call: Call) -> tuple[Tensor, ...]:
    axis = op.axis % call.types[0].rank + 1
    sizes = op.part_sizes(call.x.shape[axis])
    ends = np.cumsum(sizes)
    return tuple(
        _part(call.x, axis, slice(int(end) - size, int(end)))
        for size, end in zip(sizes, ends, strict=True)
    )


@ops.lowers(Gather)
def gather(op: Gather, call: Call) -> Tensor:
    x, numbers = call.x, call.inputs[1].value
    axis = op.axis % call.types[0].rank + 1
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < x.shape[axis]:
        raise ValueError(f"`Gather` was given a number outside 0 … {x.shape[axis] - 1}")
    moved = tape.move_axis(x, axis, 1)
    batch = np.arange(x.shape[0]).reshape(-1, *(1,) * (numbers.ndim - 1))
    found = _at(moved, batch, numbers)
    # found: [N, numbers' axes, x's axes but one]; those in front of `axis` go before the numbers'.
    order = list(range(numbers.ndim, numbers.ndim + axis - 1))
    rest = [i for i in range(1, found.rank) if i not in order]
    return tape.transpose(found, (0, *order, *rest))


def _at(x: Tensor, batch: Array, numbers: Array) -> Tensor:
    def back(g: Array) -> Array:
        whole = np.zeros(x.shape)
        np.add.at(whole, (batch, numbers), g)
        return whole

    return Tensor(x.value[batch, numbers], ((x, back),))


@ops.lowers(Repeat)
def repeat(op: Repeat, call: Call) -> Tensor:
    return tape.concat([call.x] * op.times, op.axis % call.types[0].rank + 1)
