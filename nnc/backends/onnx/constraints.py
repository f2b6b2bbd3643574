"""Constraints on weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from nnc.backends.base import Table
from nnc.backends.onnx.assembly import Handle, Scope
from nnc.compiler.vocabulary.constraints import MaxNorm, NonNegative, UnitNorm

ConstraintLowering: TypeAlias = Callable[[Any, Scope, Handle, int], Handle]
"""(constraint, scope, a weight in its canonical form after an update, its number of axes) -> the
weight that it becomes."""

CONSTRAINTS: Table[ConstraintLowering] = Table("onnx", "constraint")


def _norms(scope: Scope, weight: Handle, rank: int) -> Handle:
    """The norm of each unit, with axes of size 1 for the others."""
    if rank < 2:  # without axes ReduceSumSquare would sum over all
        return scope.add("Abs", weight)
    axes = scope.whole(range(1, rank), "axes")
    return scope.add("Sqrt", scope.add("ReduceSumSquare", weight, axes))


@CONSTRAINTS.lowers(MaxNorm)
def max_norm(constraint: MaxNorm, scope: Scope, weight: Handle, rank: int) -> Handle:
    limit = scope.number(constraint.limit, "limit")
    bound = scope.add("Max", _norms(scope, weight, rank), limit)
    return scope.add("Mul", weight, scope.add("Div", limit, bound))


@CONSTRAINTS.lowers(NonNegative)
def non_negative(constraint: NonNegative, scope: Scope, weight: Handle, rank: int) -> Handle:
    return scope.add("Relu", weight)


@CONSTRAINTS.lowers(UnitNorm)
def unit_norm(constraint: UnitNorm, scope: Scope, weight: Handle, rank: int) -> Handle:
    norms = _norms(scope, weight, rank)
    empty = scope.add("Equal", norms, scope.number(0.0, "zero"))
    return scope.add("Div", weight, scope.add("Where", empty, scope.number(1.0, "one"), norms))
