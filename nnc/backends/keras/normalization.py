"""Normalisation. The layout pass has put the channels last."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site
from nnc.compiler.vocabulary.ops import normalization as words


@OPS.lowers(words.BatchNorm)
def batch_norm(op: words.BatchNorm, site: Site) -> py.Expr:
    names = ("weight", "bias", "running_mean", "running_var")
    layer = site.layer(
        "BatchNorm",
        momentum=op.momentum,
        epsilon=op.epsilon,
        stored={name: (name, (0,)) for name in names},
    )
    return site.apply(layer)


@OPS.lowers(words.LayerNorm)
def layer_norm(op: words.LayerNorm, site: Site) -> py.Expr:
    axes = tuple(range(op.axes))
    layer = site.layer(
        "layers.LayerNormalization",
        axis=-1 if op.axes == 1 else tuple(axis - op.axes for axis in axes),
        epsilon=op.epsilon,
        stored={"weight": ("gamma", axes), "bias": ("beta", axes)},
    )
    return site.apply(layer)
