from __future__ import annotations

from typing import Any

from keras import ops


def valid_steps(x: Any, lengths: Any) -> Any:
    """True where a step of [batch, time, features] is valid, the first always."""
    place = ops.cumsum(ops.ones_like(x[:, :, 0], dtype="int32"), axis=1)
    lengths = ops.maximum(ops.cast(lengths, "int32"), 1)
    return place <= ops.expand_dims(lengths, 1)
