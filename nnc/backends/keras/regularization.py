"""Layers that act in training only. The layout pass has put the channels last."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site, only
from nnc.compiler.vocabulary.ops.regularization import (
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout,
)


@OPS.lowers(Dropout)
def dropout(op: Dropout, site: Site) -> py.Expr:
    return site.apply(site.layer("layers.Dropout", op.rate))


@OPS.lowers(SpatialDropout)
def spatial_dropout(op: SpatialDropout, site: Site) -> py.Expr:
    axes = site.type.rank - 1
    layer = site.layer(
        f"layers.SpatialDropout{axes}D",
        op.rate,
        **only(axes > 1, data_format="channels_last"),
    )
    return site.apply(layer)


@OPS.lowers(AlphaDropout)
def alpha_dropout(op: AlphaDropout, site: Site) -> py.Expr:
    return site.apply(site.layer("layers.AlphaDropout", op.rate))


@OPS.lowers(GaussianDropout)
def gaussian_dropout(op: GaussianDropout, site: Site) -> py.Expr:
    return site.apply(site.layer("layers.GaussianDropout", op.rate))


@OPS.lowers(GaussianNoise)
def gaussian_noise(op: GaussianNoise, site: Site) -> py.Expr:
    return site.apply(site.layer("layers.GaussianNoise", op.std))
