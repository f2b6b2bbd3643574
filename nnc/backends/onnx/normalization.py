"""Normalisation in evaluation."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.normalization import BatchNorm, LayerNorm


@ops.lowers(BatchNorm)
def batch_norm(op: BatchNorm, place: Place) -> Handle:
    """ONNX's momentum is what the old statistics keep; it has no effect in evaluation."""
    weights = map(place.weight, ("weight", "bias", "running_mean", "running_var"))
    return place.add(
        "BatchNormalization", place.x, *weights, epsilon=op.epsilon, momentum=1 - op.momentum
    )


@ops.lowers(LayerNorm)
def layer_norm(op: LayerNorm, place: Place) -> Handle:
    return place.add(
        "LayerNormalization",
        place.x,
        place.weight("weight"),
        place.weight("bias"),
        axis=-op.axes,
        epsilon=op.epsilon,
    )
