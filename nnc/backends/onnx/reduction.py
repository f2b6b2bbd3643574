"""Reductions over axes of one example."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.reduction import Argmax, Max, Mean, Min, Prod, Reduction, Sum

_OPERATORS: dict[type[Reduction], str] = {
    Max: "ReduceMax",
    Mean: "ReduceMean",
    Min: "ReduceMin",
    Prod: "ReduceProd",
    Sum: "ReduceSum",
}


@ops.lowers(*_OPERATORS)
def reduction(op: Reduction, place: Place) -> Handle:
    axes = [axis + 1 for axis in op.reduced(place.type.rank)]
    if not axes:  # of one number
        return place.x
    return place.add(
        _OPERATORS[type(op)], place.x, place.whole(axes, "axes"), keepdims=int(op.keep_axes)
    )


@ops.lowers(Argmax)
def argmax(op: Argmax, place: Place) -> Handle:
    axis = op.axis % place.type.rank + 1
    return place.add("ArgMax", place.x, axis=axis, keepdims=int(op.keep_axes), select_last_index=0)
