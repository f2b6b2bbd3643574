"""Penalties: the functions of weights that they add up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nnc.backends.base import Table
from nnc.compiler.vocabulary.penalties import L1, L1L2, L2

PENALTIES: Table[Callable[[Any], Mapping[str, float]]] = Table("torch", "penalty")
"""penalty -> pieces, each with the factor in front of it."""


@PENALTIES.lowers(L1)
def l1(penalty: L1) -> Mapping[str, float]:
    return {"penalties:sum_of_magnitudes": penalty.strength}


@PENALTIES.lowers(L2)
def l2(penalty: L2) -> Mapping[str, float]:
    return {"penalties:sum_of_squares": penalty.strength}


@PENALTIES.lowers(L1L2)
def l1_l2(penalty: L1L2) -> Mapping[str, float]:
    return {"penalties:sum_of_magnitudes": penalty.l1, "penalties:sum_of_squares": penalty.l2}
