"""Penalties on weights and on what layers give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from nnc.backends.base import Table
from nnc.backends.onnx.assembly import Handle, Scope
from nnc.compiler.vocabulary.penalties import L1, L1L2, L2

PenaltyLowering: TypeAlias = Callable[[Any, Scope, Handle], Handle]
"""(penalty, scope, weight) -> one number."""

PENALTIES: Table[PenaltyLowering] = Table("onnx", "penalty")


@PENALTIES.lowers(L1)
def l1(penalty: L1, scope: Scope, weight: Handle) -> Handle:
    return _sizes(penalty.strength, scope, weight)


@PENALTIES.lowers(L2)
def l2(penalty: L2, scope: Scope, weight: Handle) -> Handle:
    return _squares(penalty.strength, scope, weight)


@PENALTIES.lowers(L1L2)
def l1_l2(penalty: L1L2, scope: Scope, weight: Handle) -> Handle:
    sizes, squares = _sizes(penalty.l1, scope, weight), _squares(penalty.l2, scope, weight)
    return scope.add("Add", sizes, squares)


def _sizes(strength: float, scope: Scope, weight: Handle) -> Handle:
    total = scope.add("ReduceSum", scope.add("Abs", weight), keepdims=0)
    return scope.add("Mul", total, scope.number(strength, "strength"))


def _squares(strength: float, scope: Scope, weight: Handle) -> Handle:
    total = scope.add("ReduceSumSquare", weight, keepdims=0)
    return scope.add("Mul", total, scope.number(strength, "strength"))
