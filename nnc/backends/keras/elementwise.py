"""Functions of single elements that are not activations."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site
from nnc.compiler.vocabulary.ops import elementwise as words
from nnc.compiler.vocabulary.ops.base import Op


@OPS.lowers(words.Abs, words.Exp, words.Log, words.Sqrt)
def function(op: Op, site: Site) -> py.Expr:
    return py.call(f"ops.{op.word}", site.input)


@OPS.lowers(words.Negate)
def negate(op: words.Negate, site: Site) -> py.Expr:
    return py.Unary("-", site.input)
