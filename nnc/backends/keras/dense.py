"""Fully connected layers."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.activation import activated
from nnc.backends.keras.lowering import OPS, Site
from nnc.compiler.vocabulary.ops.dense import Dense


@OPS.lowers(Dense)
def dense(op: Dense, site: Site) -> py.Expr:
    units, features = site.weight("weight").shape
    layer = site.layer(
        "layers.Dense",
        op.units,
        activation=None,
        **site.begins("kernel_initializer", "weight", "glorot_uniform", (features, units)),
        **site.bias(),
        stored={"weight": ("kernel", (1, 0)), "bias": ("bias", (0,))},
    )
    return activated(op.activation, site, site.apply(layer))
