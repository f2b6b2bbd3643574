from __future__ import annotations

import math
from typing import Any

from keras import ops


def variance_over(
    x: Any, axes: tuple[int, ...], correction: int, keep_axes: bool = False
) -> Any:
    """The sum of (x - mean)^2 over n - correction, of n elements; Keras' own is that of
    the correction 0."""
    apart = ops.square(x - ops.mean(x, axis=axes, keepdims=True))
    total = ops.sum(apart, axis=axes, keepdims=keep_axes)
    count = math.prod(ops.shape(x)[axis] for axis in axes)
    return total / ops.cast(count - correction, x.dtype)


def deviation_over(
    x: Any, axes: tuple[int, ...], correction: int, keep_axes: bool = False
) -> Any:
    """The root of the variance. Unlike Keras' own it has the gradient 0, and not NaN,
    where it is 0."""
    spread = variance_over(x, axes, correction, keep_axes)
    still = ops.equal(spread, 0)
    return ops.where(still, 0.0, ops.sqrt(ops.where(still, 1.0, spread)))
