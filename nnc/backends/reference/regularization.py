"""Layers that act in training only."""

from __future__ import annotations

from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.ops.base import Op
from nnc.compiler.vocabulary.ops.regularization import (
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout,
)


@ops.lowers(Dropout, SpatialDropout, AlphaDropout, GaussianDropout, GaussianNoise)
def unchanged(op: Op, call: Call) -> Tensor:
    """x. Raises ValueError in training that draws numbers: no reference can foretell chance."""
    if call.training and op.is_random:
        raise ValueError(
            f"{op.word}: training draws numbers and gives another result each time; "
            "only its evaluation has a reference"
        )
    return call.x
