"""Functions of single elements."""

from __future__ import annotations

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.ops.elementwise import Abs, Exp, Log, Negate, Sqrt


@ops.lowers(Negate)
def negate(op: Negate, call: Call) -> Tensor:
    return -call.x


@ops.lowers(Abs)
def absolute(op: Abs, call: Call) -> Tensor:
    return tape.absolute(call.x)


@ops.lowers(Exp)
def exp(op: Exp, call: Call) -> Tensor:
    return tape.exp(call.x)


@ops.lowers(Log)
def log(op: Log, call: Call) -> Tensor:
    return tape.log(call.x)


@ops.lowers(Sqrt)
def sqrt(op: Sqrt, call: Call) -> Tensor:
    return tape.sqrt(call.x)
