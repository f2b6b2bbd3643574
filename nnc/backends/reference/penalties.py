"""Penalties on weights and on what layers give."""

from __future__ import annotations

from nnc.backends.reference import tape
from nnc.backends.reference.table import penalties
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.penalties import L1, L1L2, L2


@penalties.lowers(L1)
def l1(penalty: L1, weight: Tensor) -> Tensor:
    return penalty.strength * tape.total(tape.absolute(weight))


@penalties.lowers(L2)
def l2(penalty: L2, weight: Tensor) -> Tensor:
    return penalty.strength * tape.total(weight**2)


@penalties.lowers(L1L2)
def l1_l2(penalty: L1L2, weight: Tensor) -> Tensor:
    return penalty.l1 * tape.total(tape.absolute(weight)) + penalty.l2 * tape.total(weight**2)
