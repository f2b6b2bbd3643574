from __future__ import annotations

import math
from typing import Any

from keras import ops


def leaky_relu(x: Any, slope: float) -> Any:
    """x above 0, slope * x elsewhere; TensorFlow's own rounds the slope to float32."""
    return ops.where(x > 0, x, slope * x)


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
