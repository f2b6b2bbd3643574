"""Elements by their numbers: what is taken several times gets the sum."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.gradients.shape import put_along, zeros_like
from nnc.backends.onnx.gradients.table import GRADIENTS, Back
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.compiler.vocabulary.ops.embedding import Embedding


@GRADIENTS.of("Gather")
def gather(at: Back) -> None:
    if not at.needs():
        return
    axis, rank = at.attribute("axis", 0) % at.rank(at.x()), at.rank(at.x(1))
    gradient, places = at.gradient, at.x(1)
    if at.dtype(places) != "i64":
        places = at.add("Cast", places, to=ELEMENT_TYPES["i64"])
    if axis == 0:
        rows = at.add("Unsqueeze", places, at.whole([-1], "last"))
        gradient = _without_padding(at, places, gradient)
        zeros = zeros_like(at, at.x())
        at.give(0, at.add("ScatterND", zeros, rows, gradient, reduction="add"))
        return
    if rank == 0:
        gradient = at.add("Unsqueeze", gradient, at.whole([axis], "axis"))
        places = at.add("Unsqueeze", places, at.whole([0], "axis"))
    assert rank < 2  # a table of rows is gathered from along its first axis
    at.give(0, put_along(at, gradient, places, axis, at.x()))


def _without_padding(at: Back, places: Handle, gradient: Handle) -> Handle:
    """The row that stands for padding is not trained."""
    op = at.node.origin.op if at.node.origin else None
    if not isinstance(op, Embedding) or op.padding is None:
        return gradient
    last = at.add("Unsqueeze", places, at.whole([-1], "last"))
    padded = at.add("Equal", last, at.whole(op.padding, "padding"))
    return at.add("Where", padded, at.number(0.0, "zero"), gradient)


@GRADIENTS.of("GatherElements")
def gather_elements(at: Back) -> None:
    if not at.needs():
        return
    axis = at.attribute("axis", 0) % at.rank(at.x())
    if at.shape(at.y)[axis] == 1 and axis == at.rank(at.x()) - 1:
        # One of each row: the others get 0.
        size = at.add("Squeeze", at.size_of(at.x(), axis), at.whole([0], "first"))
        numbers = at.add("Range", at.whole(0, "zero"), size, at.whole(1, "one"))
        at.give(0, at.chosen(at.add("Equal", numbers, at.x(1)), at.gradient))
        return
    zeros = zeros_like(at, at.x())
    put = at.add("ScatterElements", zeros, at.x(1), at.gradient, axis=axis, reduction="add")
    at.give(0, put)


@GRADIENTS.of("GatherND")
def gather_nd(at: Back) -> None:
    """With the batch as first axis of both: the example's number stands before each place."""
    if not at.needs():
        return
    places = at.x(1)
    if at.attribute("batch_dims", 0):
        rank = at.rank(places)
        size = at.add("Squeeze", at.size_of(places, 0), at.whole([0], "first"))
        rows = at.add("Range", at.whole(0, "zero"), size, at.whole(1, "one"))
        upright = at.add("Unsqueeze", rows, at.whole(list(range(1, rank)), "axes"))
        beside = at.add("Expand", upright, at.add("Shape", places))
        places = at.add("Concat", beside, places, axis=-1)
    zeros = zeros_like(at, at.x())
    at.give(0, at.add("ScatterND", zeros, places, at.gradient, reduction="add"))
