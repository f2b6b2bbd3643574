"""Functions of single elements."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site
from nnc.compiler.vocabulary.ops.base import ElementWise
from nnc.compiler.vocabulary.ops.elementwise import Abs, Exp, Log, Negate, Sqrt

_FUNCTIONS: dict[type[ElementWise], str] = {
    Negate: "neg",
    Abs: "abs",
    Exp: "exp",
    Log: "log",
    Sqrt: "sqrt",
}


@OPS.lowers(*_FUNCTIONS)
def function(op: ElementWise, at: Site) -> Lowered:
    return py.call(f"torch.{_FUNCTIONS[type(op)]}", at.input)
