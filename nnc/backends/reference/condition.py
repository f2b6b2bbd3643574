"""Questions about elements, and choosing by the answers."""

from __future__ import annotations

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.ops.base import Op
from nnc.compiler.vocabulary.ops.condition import (
    Comparison,
    Equal,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
    LogicalAnd,
    LogicalNot,
    LogicalOr,
    NotEqual,
    Where,
)

_COMPARISONS: dict[type[Op], np.ufunc] = {
    Equal: np.equal,
    Greater: np.greater,
    GreaterEqual: np.greater_equal,
    Less: np.less,
    LessEqual: np.less_equal,
    NotEqual: np.not_equal,
}


@ops.lowers(*_COMPARISONS)
def compare(op: Comparison, call: Call) -> Tensor:
    sides = [x.value for x in call.inputs]
    if op.left is not None:
        sides.insert(0, np.asarray(op.left))
    if op.right is not None:
        sides.append(np.asarray(op.right))
    return tape.constant(_COMPARISONS[type(op)](*sides))


@ops.lowers(LogicalAnd)
def logical_and(op: LogicalAnd, call: Call) -> Tensor:
    return tape.constant(call.inputs[0].value & call.inputs[1].value)


@ops.lowers(LogicalOr)
def logical_or(op: LogicalOr, call: Call) -> Tensor:
    return tape.constant(call.inputs[0].value | call.inputs[1].value)


@ops.lowers(LogicalNot)
def logical_not(op: LogicalNot, call: Call) -> Tensor:
    return tape.constant(~call.x.value)


@ops.lowers(Where)
def where(op: Where, call: Call) -> Tensor:
    values = list(call.inputs[1:])
    then, otherwise = op.numbers(call.types[1].dtype if values else "f32")
    if then is not None:
        values.insert(0, tape.constant(then))
    if otherwise is not None:
        values.append(tape.constant(otherwise))
    return tape.where(call.x.value, *values)
