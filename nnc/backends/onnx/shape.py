"""Ops that move elements without changing them."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.shape import Flatten, Permute, Reshape, Squeeze, Unsqueeze


@ops.lowers(Flatten)
def flatten(op: Flatten, place: Place) -> Handle:
    return place.add("Flatten", place.x, axis=1)


@ops.lowers(Reshape)
def reshape(op: Reshape, place: Place) -> Handle:
    """A size of 0 takes the input's: here the batch."""
    return place.add("Reshape", place.x, place.whole([0, *op.shape], "shape"))


@ops.lowers(Permute)
def permute(op: Permute, place: Place) -> Handle:
    return place.add("Transpose", place.x, perm=[0, *(axis + 1 for axis in op.axes)])


@ops.lowers(Unsqueeze)
def unsqueeze(op: Unsqueeze, place: Place) -> Handle:
    axis = op.axis % (place.type.rank + 1) + 1
    return place.add("Unsqueeze", place.x, place.whole([axis], "axis"))


@ops.lowers(Squeeze)
def squeeze(op: Squeeze, place: Place) -> Handle:
    axis = op.axis % place.type.rank + 1
    return place.add("Squeeze", place.x, place.whole([axis], "axis"))
