"""Questions about elements, and choosing by the answers."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site
from nnc.backends.torch.merge import sides
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


@OPS.lowers(Equal, NotEqual, Less, LessEqual, Greater, GreaterEqual)
def compare(op: Comparison, at: Site) -> Lowered:
    return py.binary(op.symbol, *sides(op, at))


@OPS.lowers(LogicalAnd)
def logical_and(op: LogicalAnd, at: Site) -> Lowered:
    return py.binary("&", *at.inputs)


@OPS.lowers(LogicalOr)
def logical_or(op: LogicalOr, at: Site) -> Lowered:
    return py.binary("|", *at.inputs)


@OPS.lowers(LogicalNot)
def logical_not(op: LogicalNot, at: Site) -> Lowered:
    return py.call("torch.logical_not", at.input)


@OPS.lowers(Where)
def where(op: Where, at: Site) -> Lowered:
    condition, *values = at.inputs
    then, otherwise = op.numbers(at.result.dtype)
    if then is not None:
        values.insert(0, py.literal(then))
    if otherwise is not None:
        values.append(py.literal(otherwise))
    return py.call("torch.where", condition, *values)
