"""Reductions over axes of one example."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site, example_axis, only
from nnc.compiler.vocabulary.ops import reduction as words


@OPS.lowers(words.LogSumExp, words.Max, words.Mean, words.Min, words.Prod, words.Sum)
def reduction(op: words.Reduction, site: Site) -> py.Expr:
    return _reduction(op, site)


def _reduction(op: words.Reduction, site: Site) -> py.Expr:
    axes = tuple(axis + 1 for axis in op.reduced(site.type.rank))
    given = axes[0] if len(axes) == 1 else axes
    keep = {"keepdims": True} if op.keep_axes else {}
    return py.call(f"ops.{op.word}", site.input, axis=given, **keep)


@OPS.lowers(words.Var)
def variance(op: words.Var, site: Site) -> py.Expr:
    if op.correction == 0:
        return _reduction(op, site)
    return site.function("variance_over", **_spread(op, site))


@OPS.lowers(words.Std)
def standard_deviation(op: words.Std, site: Site) -> py.Expr:
    return site.function("deviation_over", **_spread(op, site))


def _spread(op: words.Var | words.Std, site: Site) -> dict[str, object]:
    """The arguments of the functions of the pieces, which have no other than these."""
    axes = tuple(axis + 1 for axis in op.reduced(site.type.rank))
    return {"axes": axes, "correction": op.correction, **only(op.keep_axes, keep_axes=True)}


@OPS.lowers(words.Argmax)
def argmax(op: words.Argmax, site: Site) -> py.Expr:
    keep = {"keepdims": True} if op.keep_axes else {}
    found = py.call("ops.argmax", site.input, axis=example_axis(op.axis), **keep)
    return py.call("ops.cast", found, "int64")
