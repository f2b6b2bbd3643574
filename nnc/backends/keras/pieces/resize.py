from __future__ import annotations

from typing import Any

import numpy as np
from keras import ops


def nearest(x: Any, size: tuple[int, ...]) -> Any:
    """Element floor(i * before / after) of each spatial axis, channels last."""
    for axis, after in enumerate(size, 1):
        x = ops.take(x, np.arange(after) * x.shape[axis] // after, axis=axis)
    return x


def interpolate(x: Any, size: tuple[int, ...], align_corners: bool = False) -> Any:
    """Linear interpolation along each spatial axis, channels last.

    A product of matrices, because TensorFlow's own works in float32 alone.
    """
    for axis, after in enumerate(size, 1):
        before, place = x.shape[axis], np.arange(after)
        if align_corners:
            place = place * (before - 1) / max(after - 1, 1)
        else:
            place = np.clip((place + 0.5) * before / after - 0.5, 0, before - 1)
        distance = np.abs(place - np.arange(before)[:, None])
        matrix = np.maximum(1 - distance, 0).astype(x.dtype)
        x = ops.moveaxis(ops.matmul(ops.moveaxis(x, axis, -1), matrix), -1, axis)
    return x
