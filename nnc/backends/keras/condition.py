"""Questions about elements, and choosing by the answers."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site
from nnc.backends.keras.merge import sides
from nnc.compiler.vocabulary.ops import condition as words


@OPS.lowers(
    words.Equal,
    words.Greater,
    words.GreaterEqual,
    words.Less,
    words.LessEqual,
    words.NotEqual,
)
def compare(op: words.Comparison, site: Site) -> py.Expr:
    return py.call(f"ops.{op.word}", *sides(op, site))


@OPS.lowers(words.LogicalAnd, words.LogicalOr)
def logical(op: words.Logical, site: Site) -> py.Expr:
    return py.call(f"ops.{op.word}", *site.inputs)


@OPS.lowers(words.LogicalNot)
def logical_not(op: words.LogicalNot, site: Site) -> py.Expr:
    return py.call("ops.logical_not", site.input)


@OPS.lowers(words.Where)
def where(op: words.Where, site: Site) -> py.Expr:
    condition, *values = site.inputs
    then, otherwise = op.numbers(site.node.output.type.dtype)
    if then is not None:
        values.insert(0, py.literal(then))
    if otherwise is not None:
        values.append(py.literal(otherwise))
    return py.call("ops.where", condition, *values)
