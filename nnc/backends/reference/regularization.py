"""Layers that act in training only."""

from __future__ import annotations

from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.ops.regularization import Dropout


@ops.lowers(Dropout)
def dropout(op: Dropout, call: Call) -> Tensor:
    """x. Raises ValueError in training with a rate above 0: no reference can foretell chance."""
    if call.training and op.rate > 0:
        raise ValueError(
            f"Dropout: with a rate of {op.rate} training gives another result each time; "
            "only its evaluation has a reference"
        )
    return call.x
