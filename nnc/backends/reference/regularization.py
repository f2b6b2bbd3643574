"""Layers that act in training only."""

from __future__ import annotations

from nnc.backends import draws
from nnc.backends.reference.table import Call, Draw, ops
from nnc.backends.reference.tape import Tensor, constant, where
from nnc.compiler.vocabulary.ops.regularization import (
    SELU_LIMIT,
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout,
)


@ops.lowers(ActivityRegularization)
def activity_regularization(op: ActivityRegularization, call: Call) -> Tensor:
    """x; its penalty is a term of the loss."""
    return call.x


@ops.lowers(Dropout)
def dropout(op: Dropout, call: Call) -> Tensor:
    """x · kept / (1 - rate) in training, x otherwise."""
    if not (call.training and op.is_random):
        return call.x
    return dropped(op.rate, call.x, call.draw)


def dropped(rate: float, x: Tensor, draw: Draw) -> Tensor:
    """x · kept / (1 - rate), drawn by the place of each element of x."""
    return x * constant(_kept(rate, x.shape, draw) / (1 - rate))


@ops.lowers(SpatialDropout)
def spatial_dropout(op: SpatialDropout, call: Call) -> Tensor:
    """Dropout of whole channels: what is kept has the shape [batch, channels]."""
    if not (call.training and op.is_random):
        return call.x
    shape, axis = call.x.shape, op.channel_axis(call.types[0]) + 1
    kept = _kept(op.rate, (shape[0], shape[axis]), call.draw)
    alone = [shape[0], *(n if i == axis else 1 for i, n in enumerate(shape) if i)]
    return call.x * constant(kept.reshape(alone) / (1 - op.rate))


@ops.lowers(AlphaDropout)
def alpha_dropout(op: AlphaDropout, call: Call) -> Tensor:
    """a · (x or s) + b in training, x otherwise."""
    if not (call.training and op.is_random):
        return call.x
    kept = _kept(op.rate, call.x.shape, call.draw)
    a: float = ((1 - op.rate) * (1 + op.rate * SELU_LIMIT**2)) ** -0.5
    return where(kept, call.x, constant(SELU_LIMIT)) * a - a * op.rate * SELU_LIMIT


@ops.lowers(GaussianDropout)
def gaussian_dropout(op: GaussianDropout, call: Call) -> Tensor:
    """x · (1 + √(rate / (1 - rate)) · normal) in training, x otherwise."""
    if not (call.training and op.is_random):
        return call.x
    return call.x * constant(1 + (op.rate / (1 - op.rate)) ** 0.5 * _normal(call))


@ops.lowers(GaussianNoise)
def gaussian_noise(op: GaussianNoise, call: Call) -> Tensor:
    """x + std · normal in training, x otherwise."""
    if not (call.training and op.is_random):
        return call.x
    return call.x + constant(op.std * _normal(call))


def _kept(rate: float, shape: tuple[int, ...], draw: Draw) -> draws.Kept:
    return draws.kept(rate, draw.key, draws.places(shape, draw.row, draw.axes))


def _normal(call: Call) -> draws.Normal:
    draw = call.draw
    return draws.normal(draw.key, draws.places(call.x.shape, draw.row, draw.axes))
