"""Layers that act in training only."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site, only
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
def activity_regularization(op: ActivityRegularization, site: Site) -> py.Expr:
    """Nothing: its penalty is a term of the loss."""
    return site.input


@OPS.lowers(Dropout, SpatialDropout, AlphaDropout, GaussianDropout)
def rated(op: Dropout | SpatialDropout | AlphaDropout | GaussianDropout, site: Site) -> py.Expr:
    return _drawing(op, site, op.rate)


@OPS.lowers(GaussianNoise)
def gaussian_noise(op: GaussianNoise, site: Site) -> py.Expr:
    return _drawing(op, site, op.std)


def _drawing(op: Op, site: Site, amount: float) -> py.Expr:
    """The piece of the word's own name. It counts elements in the order of the spec's axes."""
    if not op.is_random:
        return site.input
    axes = site.node.axes
    return site.apply(site.layer(op.word, amount, key=site.key, **only(bool(axes), axes=axes)))
