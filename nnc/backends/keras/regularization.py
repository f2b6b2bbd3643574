"""Layers that act in training only."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site
from nnc.compiler.vocabulary.ops.regularization import Dropout


@OPS.lowers(Dropout)
def dropout(op: Dropout, site: Site) -> py.Expr:
    return site.apply(site.layer("layers.Dropout", op.rate))
