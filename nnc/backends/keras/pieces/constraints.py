"""What brings weights back to where they may be, after an update."""

from typing import Any

import keras
from keras import ops

from nnc.backends.keras.pieces.program import WEIGHTS
from nnc.backends.keras.pieces.weights import variable


def unit_norms(model: keras.Model, name: str) -> Any:
    """The norm of each unit, the first of PyTorch's axes, with axes of size 1 for the
    others."""
    others = tuple(i for i, axis in enumerate(WEIGHTS[name][2]) if axis)
    squares = ops.square(variable(model, name))
    return ops.sqrt(ops.sum(squares, axis=others, keepdims=True))


def max_norm(model: keras.Model, name: str, limit: float) -> None:
    """Make no unit longer than the limit."""
    weight = variable(model, name)
    weight.assign(weight * limit / ops.maximum(unit_norms(model, name), limit))


def non_negative(model: keras.Model, name: str) -> None:
    """Make what is below 0 to 0."""
    weight = variable(model, name)
    weight.assign(ops.maximum(weight, 0))


def unit_norm(model: keras.Model, name: str) -> None:
    """Make every unit 1 long; a unit of zeros stays."""
    weight, norms = variable(model, name), unit_norms(model, name)
    weight.assign(weight / ops.where(norms > 0, norms, ops.ones_like(norms)))
