"""Normalisation. The layout pass has put the channels last."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site, only
from nnc.compiler.vocabulary.ops import normalization as words


@OPS.lowers(words.BatchNorm)
def batch_norm(op: words.BatchNorm, site: Site) -> py.Expr:
    names = ("weight", "bias", "running_mean", "running_var")
    layer = site.layer(
        "BatchNorm",
        momentum=op.momentum,
        epsilon=op.epsilon,
        **only(not op.affine, affine=False),
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
        **only(not op.affine, center=False, scale=False),
        **only(op.affine and not op.bias, center=False),
        stored={"weight": ("gamma", axes), "bias": ("beta", axes)},
    )
    return site.apply(layer)


@OPS.lowers(words.RMSNorm)
def rms_norm(op: words.RMSNorm, site: Site) -> py.Expr:
    layer = site.layer(
        "RMSNorm",
        op.epsilon,
        **only(op.axes > 1, axes=op.axes),
        **only(not op.affine, affine=False),
        stored={"weight": ("weight", tuple(range(op.axes)))},
    )
    return site.apply(layer)


@OPS.lowers(words.GroupNorm, words.InstanceNorm)
def group_norm(op: words.GroupNorm | words.InstanceNorm, site: Site) -> py.Expr:
    layer = site.layer(
        "layers.GroupNormalization",
        # -1: as many groups as channels
        groups=op.groups if isinstance(op, words.GroupNorm) else -1,
        axis=-1,
        epsilon=op.epsilon,
        **only(not op.affine, center=False, scale=False),
        stored={"weight": ("gamma", (0,)), "bias": ("beta", (0,))},
    )
    return site.apply(layer)
