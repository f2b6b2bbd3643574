"""Pooling: what each place of a window takes of the window's gradient, put back where it was."""

from __future__ import annotations

from itertools import islice
from math import inf, prod
from typing import Final

import numpy as np

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.gradients.conv import spread_back
from nnc.backends.onnx.gradients.table import GRADIENTS, Back
from nnc.backends.onnx.gradients.windows import Window, put_back, seen, together, window_of
from nnc.backends.onnx.model import ELEMENT_TYPES

_MOST: Final = 16
"""Of windows that overlap more all elements together take too much room."""


@GRADIENTS.of("MaxPool")
def max_pool(at: Back) -> None:
    """Each window's gradient goes to its first largest element."""
    if not at.needs():
        return
    window = window_of(at)
    if _overlaps(window) > _MOST:
        at.give(0, _by_number(at, window))
        return
    # Behind a ReLU: what is not above 0 takes no gradient, which costs less to see here.
    gradient = at.where_above_0(at.gradient, at.y) if at.after_relu else at.gradient
    first = together(at, _first_largest(at, window))
    ones = at.add("Cast", first, to=ELEMENT_TYPES[at.dtype(at.y)])
    taken = at.mul(ones, at.add("Unsqueeze", gradient, at.whole([2], "beside")))
    found = put_back(at, taken, at.x(), window)
    at.give(0, at.rectified(found) if at.after_relu else found)


def _first_largest(at: Back, window: Window) -> list[Handle]:
    """For each place of the kernel, in which windows its element is the first that is as large as
    the largest."""
    count = prod(window["kernel_shape"])
    parts = islice(seen(at, at.x(), at.y, window, outside=-inf), count - 1)
    found: list[Handle] = []
    free: Handle | None = None
    for part in parts:
        equal = at.add("Equal", part, at.y)
        found.append(equal if free is None else at.add("And", equal, free))
        free = at.add("Not", equal) if free is None else at.add("Xor", free, found[-1])
    # Where no other place has it, the last one does.
    return [*found, free or at.add("Equal", at.y, at.y)]


def _by_number(at: Back, window: Window) -> Handle:
    """The operator tells the number of each largest element, which takes longer and little room."""
    _, numbers = at.several("MaxPool", at.x(), results=("again", "numbers"), **window)
    flat = at.whole([-1], "flat")
    size = at.add("Unsqueeze", at.add("Size", at.x()), at.whole([0], "axis"))
    zeros = at.add("Expand", at.scalar(0.0, at.x()), size)
    put = at.add(
        "ScatterElements",
        zeros,
        at.add("Reshape", numbers, flat),
        at.add("Reshape", at.gradient, flat),
        reduction="add",
    )
    return at.add("Reshape", put, at.shape_of(at.x()))


def _overlaps(window: Window) -> float:
    """In how many windows an element stands: so many times the input all of them are."""
    return prod(window["kernel_shape"]) / prod(window["strides"])


@GRADIENTS.of("AveragePool")
def average_pool(at: Back) -> None:
    """Each window's gradient, divided by what it counts, goes to all its elements."""
    if not at.needs():
        return
    window = window_of(at)
    share = at.add("Div", at.gradient, _counts(at, window))
    if _overlaps(window) > _MOST:
        channels = at.shape(at.x())[1]
        assert channels is not None
        ones = at.floats(np.ones((channels, 1, *window["kernel_shape"])), "ones")
        at.give(0, spread_back(at, share, ones, {**window, "group": channels}))
        return
    taken = together(at, [share] * prod(window["kernel_shape"]))
    at.give(0, put_back(at, taken, at.x(), window))


def _counts(at: Back, window: Window) -> Handle:
    """How many elements each mean is of."""
    size = float(prod(window["kernel_shape"]))
    if at.attribute("count_include_pad", 0) or not any(window["pads"]):
        return at.number(size, "count")
    ones = at.add("Expand", at.scalar(1.0, at.x()), at.shape_of(at.x()))
    one_channel = at.add(
        "Slice", ones, at.whole([0, 0], "zero"), at.whole([1, 1], "one"), at.whole([0, 1], "axes")
    )
    inside = at.add("AveragePool", one_channel, **window, count_include_pad=1)
    return at.times(inside, size)
