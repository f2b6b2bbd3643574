"""Fully connected layers."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.dense import Dense


@ops.lowers(Dense)
def dense(op: Dense, place: Place) -> Handle:
    """Gemm with the canonical weight for vectors; it takes matrices alone, so that sequences need
    MatMul with the transposed weight."""
    if place.type.rank == 1:
        weights = [place.weight(name) for name in ("weight", "bias")[: 1 + op.has_bias]]
        return place.add("Gemm", place.x, *weights, transB=1)
    if not op.has_bias:
        return place.add("MatMul", place.x, place.transposed("weight"))
    product = place.add("MatMul", place.x, place.transposed("weight"), role="product")
    return place.add("Add", product, place.weight("bias"))
