"""Functions of single elements that are not activations."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site
from nnc.compiler.vocabulary.ops import elementwise as words
from nnc.compiler.vocabulary.ops.base import Op

_DTYPES = {"i32": "int32", "i64": "int64", "bool": "bool"}


@OPS.lowers(
    *(words.Abs, words.Ceil, words.Cos, words.Erf, words.Exp, words.Floor, words.Log),
    *(words.Reciprocal, words.Round, words.Sign, words.Sin, words.Sqrt, words.StopGradient),
)
def function(op: Op, site: Site) -> py.Expr:
    return py.call(f"ops.{op.word}", site.input)


@OPS.lowers(words.Negate)
def negate(op: words.Negate, site: Site) -> py.Expr:
    return py.Unary("-", site.input)


@OPS.lowers(words.Clip)
def clip(op: words.Clip, site: Site) -> py.Expr:
    if op.high is None:
        return py.call("ops.maximum", site.input, op.low)
    if op.low is None:
        return py.call("ops.minimum", site.input, op.high)
    return py.call("ops.clip", site.input, op.low, op.high)


@OPS.lowers(words.Cast)
def cast(op: words.Cast, site: Site) -> py.Expr:
    if op.dtype == site.type.dtype:
        return site.input
    if op.dtype == "f32":
        return py.call("ops.cast", site.input, py.call("keras.config.floatx"))
    return py.call("ops.cast", site.input, _DTYPES[op.dtype])
