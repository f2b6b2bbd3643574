"""Layers that act in training only."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site, batch_axis
from nnc.compiler.vocabulary.ops.base import Op
from nnc.compiler.vocabulary.ops.regularization import (
    ActivityRegularization,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout,
)


@OPS.lowers(ActivityRegularization)
def activity_regularization(op: ActivityRegularization, at: Site) -> Lowered:
    """Nothing: its penalty is a term of the loss."""
    return at.input


@OPS.lowers(Dropout, SpatialDropout, AlphaDropout, GaussianDropout)
def rated(op: Dropout | SpatialDropout | AlphaDropout | GaussianDropout, at: Site) -> Lowered:
    return _drawing(op, at, rate=op.rate)


@OPS.lowers(GaussianNoise)
def gaussian_noise(op: GaussianNoise, at: Site) -> Lowered:
    return _drawing(op, at, std=op.std)


def _drawing(op: Op, at: Site, **amount: float) -> Lowered:
    """The piece of the word's own name. It counts elements in the order of the spec's axes."""
    if not op.is_random:
        return at.input
    layer = py.call(at.piece(f"regularization:{op.word}"), **amount, key=at.key)
    axes = at.node.axes
    if not axes:
        return at.apply(layer)
    there = (batch_axis(axes.index(axis)) for axis in range(len(axes)))
    made = at.apply(layer, py.method(at.input, "permute", 0, *there))
    return py.method(made, "permute", 0, *map(batch_axis, axes))
