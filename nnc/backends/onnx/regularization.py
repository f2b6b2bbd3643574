"""Layers that act in training only: in evaluation there is nothing of them."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.base import Op
from nnc.compiler.vocabulary.ops.regularization import (
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout,
)


@ops.lowers(Dropout, SpatialDropout, AlphaDropout, GaussianDropout, GaussianNoise)
def nothing(op: Op, place: Place) -> Handle:
    return place.x
