"""Layers that act in training only."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site
from nnc.compiler.vocabulary.ops.regularization import (
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout,
)


@OPS.lowers(Dropout)
def dropout(op: Dropout, at: Site) -> Lowered:
    return at.apply(py.call("nn.Dropout", p=op.rate))


@OPS.lowers(SpatialDropout)
def spatial_dropout(op: SpatialDropout, at: Site) -> Lowered:
    return at.apply(py.call(f"nn.Dropout{at.type.rank - 1}d", p=op.rate))


@OPS.lowers(AlphaDropout)
def alpha_dropout(op: AlphaDropout, at: Site) -> Lowered:
    return at.apply(py.call("nn.AlphaDropout", p=op.rate))


@OPS.lowers(GaussianDropout)
def gaussian_dropout(op: GaussianDropout, at: Site) -> Lowered:
    return at.apply(py.call(at.piece("regularization:GaussianDropout"), rate=op.rate))


@OPS.lowers(GaussianNoise)
def gaussian_noise(op: GaussianNoise, at: Site) -> Lowered:
    return at.apply(py.call(at.piece("regularization:GaussianNoise"), std=op.std))
