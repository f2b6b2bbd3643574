"""Arithmetic with numbers, and the greater and the less of two."""

from typing import Any

from keras import ops


def scaled(x: Any, factor: float) -> Any:
    """x times a number."""
    return factor * x


def greater_of(x: Any, y: Any) -> Any:
    """The greater of two; equal ones share the gradient, unlike in TensorFlow's own."""
    return ops.where(x > y, x, ops.where(x < y, y, (x + y) / 2))


def less_of(x: Any, y: Any) -> Any:
    """The less of two; equal ones share the gradient, unlike in TensorFlow's own."""
    return ops.where(x < y, x, ops.where(x > y, y, (x + y) / 2))
