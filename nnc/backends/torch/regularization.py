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
    axes = 1 if at.varies else at.type.rank - 1
    layer = at.layer(py.call(f"nn.Dropout{axes}d", p=op.rate))
    if axes == at.type.rank - 1:
        return py.call(layer, at.input)
    made = py.call(layer, py.method(at.input, "flatten", 2))
    return py.method(made, "reshape", py.attribute(at.input, "shape"))


@OPS.lowers(AlphaDropout)
def alpha_dropout(op: AlphaDropout, at: Site) -> Lowered:
    return at.apply(py.call("nn.AlphaDropout", p=op.rate))


@OPS.lowers(GaussianDropout)
def gaussian_dropout(op: GaussianDropout, at: Site) -> Lowered:
    return at.apply(py.call(at.piece("regularization:GaussianDropout"), rate=op.rate))


@OPS.lowers(GaussianNoise)
def gaussian_noise(op: GaussianNoise, at: Site) -> Lowered:
    return at.apply(py.call(at.piece("regularization:GaussianNoise"), std=op.std))
