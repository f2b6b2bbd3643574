"""Reductions over axes of one example."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site
from nnc.compiler.vocabulary.ops import reduction as words


@OPS.lowers(words.Mean, words.Sum)
def reduction(op: words.Reduction, site: Site) -> py.Expr:
    axes = tuple(axis + 1 for axis in op.reduced(site.type.rank))
    given = axes[0] if len(axes) == 1 else axes
    keep = {"keepdims": True} if op.keep_axes else {}
    return py.call(f"ops.{op.word}", site.input, axis=given, **keep)
