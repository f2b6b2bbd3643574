"""Layers that act in training only: in evaluation there is nothing of them."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.draws import Drawing
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.base import Op
from nnc.compiler.vocabulary.ops.regularization import (
    SELU_LIMIT,
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout,
)


def _rests(op: Op, place: Place) -> bool:
    """Whether the layer gives its input as it is."""
    return place.moment is None or not op.is_random


@ops.lowers(ActivityRegularization)
def activity_regularization(op: ActivityRegularization, place: Place) -> Handle:
    """x; its penalty is a term of the loss."""
    return place.x


@ops.lowers(Dropout, SpatialDropout)
def dropout(op: Dropout | SpatialDropout, place: Place) -> Handle:
    """x / (1 - rate) where it is kept, else 0; of whole channels, which come first."""
    if _rests(op, place):
        return place.x
    axes = (0, 1) if isinstance(op, SpatialDropout) else None
    return place.add("Mul", place.x, Drawing(place).mask(op.rate, axes))


@ops.lowers(AlphaDropout)
def alpha_dropout(op: AlphaDropout, place: Place) -> Handle:
    """a · (x or s) + b."""
    if _rests(op, place):
        return place.x
    a = ((1 - op.rate) * (1 + op.rate * SELU_LIMIT**2)) ** -0.5
    limit = place.number(SELU_LIMIT, "limit")
    chosen = place.add("Where", Drawing(place).kept(op.rate), place.x, limit, role="chosen")
    scaled = place.add("Mul", chosen, place.number(a, "a"), role="scaled")
    return place.add("Add", scaled, place.number(-a * op.rate * SELU_LIMIT, "b"))


@ops.lowers(GaussianDropout)
def gaussian_dropout(op: GaussianDropout, place: Place) -> Handle:
    """x · (1 + √(rate / (1 - rate)) · normal)."""
    if _rests(op, place):
        return place.x
    deviation = place.number((op.rate / (1 - op.rate)) ** 0.5, "deviation")
    noise = place.add("Mul", Drawing(place).normal(), deviation, role="noise")
    return place.add("Mul", place.x, place.add("Add", noise, place.number(1.0, "one")))


@ops.lowers(GaussianNoise)
def gaussian_noise(op: GaussianNoise, place: Place) -> Handle:
    """x + std · normal."""
    if _rests(op, place):
        return place.x
    noise = place.add("Mul", Drawing(place).normal(), place.number(op.std, "std"), role="noise")
    return place.add("Add", place.x, noise)
