"""Shapes: the same numbers in another order, joined, divided, or with others around them."""

from __future__ import annotations

import numpy as np

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.gradients.table import GRADIENTS, Back

GRADIENTS.constant("Shape", "Range", "Size", "ConstantOfShape")


@GRADIENTS.of("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")
def reshape(at: Back) -> None:
    if at.needs():
        same = at.node.operator == "Identity"
        at.give(0, at.gradient if same else at.reshaped_like(at.gradient, at.x()))


@GRADIENTS.of("Transpose")
def transpose(at: Back) -> None:
    back = np.argsort(at.attribute("perm"))
    at.give(0, at.add("Transpose", at.gradient, perm=[int(axis) for axis in back]))


@GRADIENTS.of("Expand")
def expand(at: Back) -> None:
    at.give_fitted(0, at.gradient)


@GRADIENTS.of("Tile")
def tile(at: Back) -> None:
    """One axis repeated: [.., times · n, ..] -> [.., times, n, ..], summed."""
    times = at.value(1)
    assert times is not None
    repeated = [axis for axis, count in enumerate(times) if count != 1]
    if not repeated:
        at.give(0, at.gradient)
        return
    (axis,) = repeated
    before = [at.size_of(at.x(), i) for i in range(axis)]
    after = [at.size_of(at.x(), i) for i in range(axis, at.rank(at.x()))]
    count = at.whole([int(times[axis])], "times")
    shape = at.add("Concat", *before, count, *after, axis=0)
    apart = at.add("Reshape", at.gradient, shape)
    at.give(0, at.add("ReduceSum", apart, at.whole([axis], "axis"), keepdims=0))


@GRADIENTS.of("Concat")
def concat(at: Back) -> None:
    axis = at.attribute("axis") % at.rank(at.y)
    handles = [at.x(number) for number in range(len(at.node.inputs))]
    sizes = [at.shape(handle)[axis] for handle in handles]
    if all(size is not None for size in sizes):
        split = at.whole([size for size in sizes if size is not None], "sizes")
    else:
        split = at.add("Concat", *(at.size_of(handle, axis) for handle in handles), axis=0)
    names = [f"part{number}" for number in range(len(handles))]
    parts = at.several("Split", at.gradient, split, results=names, axis=axis)
    for number, part in enumerate(parts):
        at.give(number, part)


@GRADIENTS.of("Split")
def split(at: Back) -> None:
    axis = at.attribute("axis", 0)
    parts = [
        gradient if gradient is not None else zeros_like(at, result)
        for gradient, result in zip(at.gradients, at.node.outputs, strict=True)
    ]
    at.give(0, at.add("Concat", *parts, axis=axis))


def zeros_like(at: Back, handle: Handle) -> Handle:
    """0 in the shape of a value."""
    return at.add("Expand", at.scalar(0.0, handle), at.shape_of(handle), role="zeros")


# ---- parts of an axis ------------------------------------------------------------------------


def put_along(at: Back, gradient: Handle, places: Handle, axis: int, into: Handle) -> Handle:
    """Zeros in the shape of `into`, with the gradient's parts added at `places` (a vector) along an
    axis."""
    rank = at.rank(into)
    others = [i for i in range(rank) if i != axis]
    upright = at.add("Unsqueeze", places, at.whole(others, "axes")) if others else places
    index = at.add("Expand", upright, at.add("Shape", gradient))
    zeros = zeros_like(at, into)
    return at.add("ScatterElements", zeros, index, gradient, axis=axis, reduction="add")


def numbers_along(at: Back, handle: Handle, axis: int) -> Handle:
    """0, 1, … along an axis of a value."""
    size = at.add("Squeeze", at.size_of(handle, axis), at.whole([0], "first"))
    return at.add("Range", at.whole(0, "zero"), size, at.whole(1, "one"))


@GRADIENTS.of("Slice")
def slice_(at: Back) -> None:
    """The parts go back to where they were taken from."""
    if not at.needs():
        return
    rank = at.rank(at.x())
    given = at.value(3)
    starts = at.value(1)
    assert starts is not None
    axes = [int(a) % rank for a in given] if given is not None else list(range(len(starts)))
    if len(axes) == 1:
        axis = axes[0]
        zero = at.whole([0], "axis")
        numbers = numbers_along(at, at.x(), axis)
        rest = [at.x(4)] if at.has(4) else []
        places = at.add("Slice", numbers, at.x(1), at.x(2), zero, *rest)
        at.give(0, put_along(at, at.gradient, places, axis, at.x()))
        return
    at.give(0, _padded_back(at, axes))


def _padded_back(at: Back, axes: list[int]) -> Handle:
    """Slices along several axes by steps of 1 of sizes that are known: zeros around them."""
    starts, stops = at.value(1), at.value(2)
    assert starts is not None
    assert stops is not None
    rank, shape = at.rank(at.x()), at.shape(at.x())
    before, after = [0] * rank, [0] * rank
    for axis, start, stop in zip(axes, starts, stops, strict=True):
        size = shape[axis]
        assert size is not None
        first, last, _ = slice(int(start), int(stop)).indices(size)
        before[axis], after[axis] = first, size - last
    return at.add("Pad", at.gradient, at.whole([*before, *after], "pads"))


@GRADIENTS.of("Pad")
def pad(at: Back) -> None:
    """Zeros and numbers around a value are cut off; what was mirrored or repeated adds up."""
    if not at.needs():
        return
    widths = at.value(1)
    assert widths is not None
    rank = at.rank(at.x())
    before, after = widths[:rank], widths[rank:]
    axes = [axis for axis in range(rank) if before[axis] or after[axis]]
    if at.attribute("mode", "constant") == "constant":
        at.give(0, _cut(at, [int(n) for n in before], [int(n) for n in after], axes))
        return
    gradient = at.gradient
    for axis in axes:
        around = at.whole([before[axis], after[axis]], "pads")
        numbers = numbers_along(at, at.x(), axis)
        places = at.add("Pad", numbers, around, mode=at.attribute("mode"))
        gradient = _added(at, gradient, places, axis)
    at.give(0, gradient)


def _cut(at: Back, before: list[int], after: list[int], axes: list[int]) -> Handle:
    if not axes:
        return at.gradient
    far = 2**62
    starts = at.whole([before[axis] for axis in axes], "starts")
    stops = at.whole([-after[axis] or far for axis in axes], "stops")
    return at.add("Slice", at.gradient, starts, stops, at.whole(axes, "axes"))


def _added(at: Back, gradient: Handle, places: Handle, axis: int) -> Handle:
    """Along one axis, the sum of what came from the same place: a product with a matrix of 0 and
    1, because the other axes still have their padding."""
    rank = at.rank(at.x())
    numbers = numbers_along(at, at.x(), axis)
    rows = at.add("Unsqueeze", places, at.whole([1], "axis"))
    same = at.add("Equal", rows, numbers)
    matrix = at.add("Where", same, at.number(1.0, "one"), at.number(0.0, "zero"))
    order = [*(i for i in range(rank) if i != axis), axis]
    last = at.add("Transpose", gradient, perm=order)
    mixed = at.add("MatMul", last, matrix)
    back = [int(i) for i in np.argsort(order)]
    return at.add("Transpose", mixed, perm=back)
