from __future__ import annotations

from typing import Any

from keras import ops


def pad_edge(x: Any, widths: tuple[tuple[int, int], ...]) -> Any:
    """The first and the last element of each axis repeated; TensorFlow has no such
    pad."""
    for axis, (before, after) in enumerate(widths):
        along = (slice(None),) * axis
        first, last = x[(*along, slice(0, 1))], x[(*along, slice(-1, None))]
        if before or after:
            x = ops.concatenate([first] * before + [x] + [last] * after, axis=axis)
    return x


def pad_circular(x: Any, widths: tuple[tuple[int, int], ...]) -> Any:
    """Elements from the other end before and after each axis; TensorFlow has no such
    pad."""
    for axis, (before, after) in enumerate(widths):
        along = (slice(None),) * axis
        parts = [x[(*along, slice(-before, None))]] if before else []
        parts += [x, x[(*along, slice(0, after))]] if after else [x]
        x = ops.concatenate(parts, axis=axis) if len(parts) > 1 else x
    return x
