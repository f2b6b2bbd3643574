"""Functions of single elements."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site
from nnc.compiler.vocabulary.ops.base import ElementWise
from nnc.compiler.vocabulary.ops.elementwise import (
    Abs,
    Cast,
    Ceil,
    Clip,
    Cos,
    Erf,
    Exp,
    Floor,
    Log,
    Negate,
    Reciprocal,
    Round,
    Sign,
    Sin,
    Sqrt,
    StopGradient,
)

_FUNCTIONS: dict[type[ElementWise], str] = {
    Negate: "neg",
    Abs: "abs",
    Ceil: "ceil",
    Cos: "cos",
    Erf: "erf",
    Exp: "exp",
    Floor: "floor",
    Log: "log",
    Reciprocal: "reciprocal",
    Round: "round",
    Sign: "sign",
    Sin: "sin",
    Sqrt: "sqrt",
}
_METHODS = {"i32": "int", "i64": "long", "bool": "bool"}


@OPS.lowers(*_FUNCTIONS)
def function(op: ElementWise, at: Site) -> Lowered:
    return py.call(f"torch.{_FUNCTIONS[type(op)]}", at.input)


@OPS.lowers(StopGradient)
def stop_gradient(op: StopGradient, at: Site) -> Lowered:
    return py.method(at.input, "detach")


@OPS.lowers(Clip)
def clip(op: Clip, at: Site) -> Lowered:
    bounds = {"min": op.low, "max": op.high}
    given = {name: bound for name, bound in bounds.items() if bound is not None}
    return py.call("torch.clamp", at.input, **given)


@OPS.lowers(Cast)
def cast(op: Cast, at: Site) -> Lowered:
    if op.dtype == at.type.dtype:
        return at.input
    if op.dtype == "f32":
        return py.method(at.input, "to", py.call("torch.get_default_dtype"))
    return py.method(at.input, _METHODS[op.dtype])
