"""Constraints: the functions that bring weights back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from nnc.backends.base import Table
from nnc.compiler.vocabulary.constraints import MaxNorm, NonNegative, UnitNorm

Rule: TypeAlias = tuple[str, dict[str, object]]
"""A piece and its arguments besides the weight."""

CONSTRAINTS: Table[Callable[[Any], Rule]] = Table("keras", "constraint")


@CONSTRAINTS.lowers(MaxNorm)
def max_norm(constraint: MaxNorm) -> Rule:
    return "max_norm", {"limit": constraint.limit}


@CONSTRAINTS.lowers(NonNegative)
def non_negative(constraint: NonNegative) -> Rule:
    return "non_negative", {}


@CONSTRAINTS.lowers(UnitNorm)
def unit_norm(constraint: UnitNorm) -> Rule:
    return "unit_norm", {}
