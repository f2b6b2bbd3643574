"""Parts of a value along an axis."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.selection import Gather, Repeat, Slice, Split

_END = 2**63 - 1
"""The standard's way to say: to the end of the axis."""


@ops.lowers(Slice)
def take_slice(op: Slice, place: Place) -> Handle:
    axis = op.axis % place.type.rank + 1
    found = op.indices()
    if not isinstance(place.type.shape[axis - 1], int) and found is not None:
        # Slice would give less of an axis that is too short.
        return place.add("Gather", place.x, place.whole([*found], "numbers"), axis=axis)
    stop = _END if op.stop is None else op.stop
    given = {"start": op.start, "stop": stop, "axis": axis, "step": op.step}
    parameters = (place.whole([number], name) for name, number in given.items())
    return place.add("Slice", place.x, *parameters)


@ops.lowers(Split)
def split(op: Split, place: Place) -> tuple[Handle, ...]:
    axis = op.axis % place.type.rank
    size = place.type.shape[axis]
    assert isinstance(size, int)
    sizes = place.whole(op.part_sizes(size), "sizes")
    return place.several("Split", place.x, sizes, results=op.result_names(), axis=axis + 1)


@ops.lowers(Gather)
def gather(op: Gather, place: Place) -> Handle:
    """GatherND takes the elements along the axis behind the batch: the axis goes there first."""
    x, numbers = place.inputs
    if place.node.inputs[1].type.dtype != "i64":
        numbers = place.add("Cast", numbers, role="numbers", to=ELEMENT_TYPES["i64"])
    rank, count = place.type.rank, place.node.inputs[1].type.rank
    axis = op.axis % rank + 1
    if axis > 1:
        order = [0, axis, *(i for i in range(1, rank + 1) if i != axis)]
        x = place.add("Transpose", x, role="first", perm=order)
    places = place.add("Unsqueeze", numbers, place.whole([-1], "place"), role="places")
    if axis == 1:
        return place.add("GatherND", x, places, batch_dims=1)
    found = place.add("GatherND", x, places, role="found", batch_dims=1)
    before = range(count + 1, count + axis)
    rest = (i for i in range(1, rank + count) if i not in before)
    return place.add("Transpose", found, perm=[0, *before, *rest])


@ops.lowers(Repeat)
def repeat(op: Repeat, place: Place) -> Handle:
    axis = op.axis % place.type.rank + 1
    times = [op.times if i == axis else 1 for i in range(place.type.rank + 1)]
    return place.add("Tile", place.x, place.whole(times, "times"))
