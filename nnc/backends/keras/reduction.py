"""Reductions over axes of one example."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site, example_axis
from nnc.compiler.vocabulary.ops import reduction as words


@OPS.lowers(words.Max, words.Mean, words.Min, words.Prod, words.Sum)
def reduction(op: words.Reduction, site: Site) -> py.Expr:
    axes = tuple(axis + 1 for axis in op.reduced(site.type.rank))
    given = axes[0] if len(axes) == 1 else axes
    keep = {"keepdims": True} if op.keep_axes else {}
    return py.call(f"ops.{op.word}", site.input, axis=given, **keep)


@OPS.lowers(words.Argmax)
def argmax(op: words.Argmax, site: Site) -> py.Expr:
    keep = {"keepdims": True} if op.keep_axes else {}
    found = py.call("ops.argmax", site.input, axis=example_axis(op.axis), **keep)
    return py.call("ops.cast", found, "int64")
