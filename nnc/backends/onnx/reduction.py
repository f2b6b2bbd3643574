"""Reductions over axes of one example."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.reduction import Mean, Reduction, Sum


@ops.lowers(Mean, Sum)
def reduction(op: Reduction, place: Place) -> Handle:
    axes = [axis + 1 for axis in op.reduced(place.type.rank)]
    if not axes:  # the mean or sum of one number
        return place.x
    operator = "ReduceMean" if isinstance(op, Mean) else "ReduceSum"
    return place.add(operator, place.x, place.whole(axes, "axes"), keepdims=int(op.keep_axes))
