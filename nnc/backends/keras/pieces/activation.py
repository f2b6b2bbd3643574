from __future__ import annotations

import math
from typing import Any

from keras import ops


def leaky_relu(x: Any, slope: float) -> Any:
    """x above 0, slope * x elsewhere; TensorFlow's own rounds the slope to float32."""
    return ops.where(x > 0, x, slope * x)


def selu(x: Any) -> Any:
    """Scaled elu; TensorFlow's own has the slope of the right side at 0."""
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    below = alpha * ops.expm1(ops.minimum(x, 0))
    return scale * ops.where(x > 0, x, below)


def celu(x: Any, alpha: float) -> Any:
    """x above 0, alpha * (exp(x / alpha) - 1) elsewhere, with the slope 1 at 0."""
    return ops.where(x > 0, x, alpha * ops.expm1(ops.minimum(x, 0) / alpha))


def gelu(x: Any) -> Any:
    """x * Phi(x) with the normal distribution's Phi."""
    return 0.5 * x * (1 + ops.erf(x / math.sqrt(2)))


def gelu_tanh(x: Any) -> Any:
    """The approximation of gelu by tanh."""
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
    return 0.5 * x * (1 + ops.tanh(inner))


def step(x: Any) -> Any:
    """1 above 0, 0 elsewhere; nothing flows back."""
    return ops.cast(x > 0, x.dtype)
