from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops


def slide(
    join: Callable[[Any, Any], Any],
    x: Any,
    size: tuple[int, ...],
    strides: tuple[int, ...],
    dilation_rate: tuple[int, ...] | None = None,
) -> Any:
    """The elements of each window joined, channels last: along the last spatial axis,
    then along the one before."""
    rates = dilation_rate or (1,) * len(size)
    for axis in range(len(size), 0, -1):
        taps, step, rate = size[axis - 1], strides[axis - 1], rates[axis - 1]
        along, whole = (slice(None),) * axis, x
        for tap in range(taps):
            places = slice(tap * rate, (tap + 1 - taps) * rate or None, step)
            part = whole[(*along, places)]
            x = join(x, part) if tap else part
    return x


def average_pool(
    x: Any,
    size: tuple[int, ...],
    strides: tuple[int, ...],
    counted: tuple[tuple[int, int], ...],
    beyond: tuple[tuple[int, int], ...],
) -> Any:
    """The mean of each window over the elements that count, channels last.

    `counted` is padding whose zeros count in the mean, `beyond` padding around that
    which does not.
    """
    ones = ops.pad(
        ops.ones_like(x[:1, ..., :1]), ((0, 0), *counted, (0, 0)), constant_values=1
    )
    padding = [(a + c, b + d) for (a, b), (c, d) in zip(counted, beyond, strict=True)]
    total, share = (
        slide(ops.add, ops.pad(part, ((0, 0), *around, (0, 0))), size, strides)
        for part, around in ((x, padding), (ones, beyond))
    )
    return total / share


def max_pool(
    x: Any,
    size: tuple[int, ...],
    strides: tuple[int, ...],
    dilation_rate: tuple[int, ...] | None = None,
) -> Any:
    """The largest element of each window, channels last.

    Of equal elements the first is trained: `maximum` prefers its first argument.
    """
    return slide(ops.maximum, x, size, strides, dilation_rate)


def adaptive_average_pool(x: Any, size: tuple[int, ...]) -> Any:
    """The mean of each of `size` windows along every spatial axis, channels last."""
    for axis, after in enumerate(size, 1):
        before = x.shape[axis]
        starts = np.arange(after) * before // after
        stops = -(-np.arange(1, after + 1) * before // after)
        place = np.arange(before)[:, None]
        inside = (starts <= place) & (place < stops)
        matrix = (inside / (stops - starts)).astype(x.dtype)
        x = ops.moveaxis(ops.matmul(ops.moveaxis(x, axis, -1), matrix), -1, axis)
    return x


def adaptive_max_pool(x: Any, size: tuple[int, ...]) -> Any:
    """The largest element of each of `size` windows along every spatial axis, channels
    last.

    Of equal elements the first is trained: `maximum` prefers its first argument.
    """
    for axis in range(len(size), 0, -1):
        before, after = x.shape[axis], size[axis - 1]
        starts = np.arange(after) * before // after
        last = -(-np.arange(1, after + 1) * before // after) - 1
        whole, x = x, ops.take(x, starts, axis=axis)
        for step in range(1, (last - starts).max() + 1):
            places = np.minimum(starts + step, last)
            x = ops.maximum(x, ops.take(whole, places, axis=axis))
    return x
