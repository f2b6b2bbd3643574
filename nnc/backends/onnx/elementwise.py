"""Functions of single elements that are not activations."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.base import Op
from nnc.compiler.vocabulary.ops.elementwise import Abs, Exp, Log, Negate, Sqrt

_OPERATORS: dict[type[Op], str] = {
    Negate: "Neg",
    Abs: "Abs",
    Exp: "Exp",
    Log: "Log",
    Sqrt: "Sqrt",
}


@ops.lowers(*_OPERATORS)
def function(op: Op, place: Place) -> Handle:
    return place.add(_OPERATORS[type(op)], place.x)
