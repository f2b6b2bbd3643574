"""Pooling."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.gradients.conv import spread_back
from nnc.backends.onnx.gradients.table import GRADIENTS, Back
from nnc.backends.onnx.model import ELEMENT_TYPES


def _window(at: Back) -> dict[str, Any]:
    axes = at.rank(at.x()) - 2
    return {
        "kernel_shape": list(at.attribute("kernel_shape")),
        "strides": list(at.attribute("strides", [1] * axes)),
        "pads": list(at.attribute("pads", [0] * 2 * axes)),
    }


@GRADIENTS.of("MaxPool")
def max_pool(at: Back) -> None:
    """Each window's gradient goes to its first largest element."""
    if not at.needs():
        return
    ones = [1] * (at.rank(at.x()) - 2)
    window = _window(at) | {"dilations": list(at.attribute("dilations", ones))}
    sizes = [size for size in at.shape(at.x())[1:] if size is not None]
    beside = window["strides"] == window["kernel_shape"] and window["dilations"] == ones
    if beside and not any(window["pads"]) and len(sizes) == len(ones) + 1:
        at.give(0, _from_apart(at, sizes, window["kernel_shape"]))
    else:
        at.give(0, _from_numbers(at, window))


def _from_apart(at: Back, sizes: Sequence[int], kernel: Sequence[int]) -> Handle:
    """Windows side by side: for each place of a window in turn, what equals the largest takes the
    gradient unless it has been taken. onnxruntime does this six times as fast as it counts
    elements."""
    whole = [size // k * k for size, k in zip(sizes[1:], kernel, strict=True)]
    axes, steps = at.whole(range(2, 2 + len(kernel)), "axes"), at.whole(kernel, "steps")
    stops = at.whole(whole, "stops")
    places = list(product(*map(range, kernel)))
    # Behind a ReLU: what is not above 0 takes no gradient, which costs less to see here.
    left = at.where_above_0(at.gradient, at.y) if at.after_relu else at.gradient
    taken: list[Handle] = []
    for place in places[:-1]:
        start = at.whole(place, "start")
        equal = at.add("Equal", at.add("Slice", at.x(), start, stops, axes, steps), at.y)
        taken.append(at.mul(left, at.add("Cast", equal, to=ELEMENT_TYPES[at.dtype(at.y)])))
        left = at.add("Sub", left, taken[-1])
    counts = [size // k for size, k in zip(whole, kernel, strict=True)]
    found = _interleaved(at, [*taken, left], counts, kernel)
    missing = [size - w for size, w in zip(sizes[1:], whole, strict=True)]
    if any(missing):
        found = at.add("Pad", found, at.whole([0] * (len(kernel) + 4) + missing, "ends"))
    return at.rectified(found) if at.after_relu else found


def _interleaved(
    at: Back, parts: list[Handle], sizes: Sequence[int], kernel: Sequence[int]
) -> Handle:
    """One value for each place of the windows -> all places of all windows."""
    made = list(sizes)
    for axis in reversed(range(len(kernel))):
        beside, step = axis + 3, kernel[axis]
        new = at.whole([beside], "beside")
        apart = [at.add("Unsqueeze", part, new) for part in parts]
        made[axis] *= step
        shape = at.whole([0, 0, *made], "shape")
        parts = [
            at.add("Reshape", at.add("Concat", *apart[n : n + step], axis=beside), shape)
            for n in range(0, len(apart), step)
        ]
    return parts[0]


def _from_numbers(at: Back, window: dict[str, Any]) -> Handle:
    """The operator tells the number of each largest element."""
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


@GRADIENTS.of("AveragePool")
def average_pool(at: Back) -> None:
    """Each window's gradient, divided by what it counts, goes to all its elements."""
    if not at.needs():
        return
    window = _window(at)
    channels = at.shape(at.x())[1]
    assert channels is not None
    share = at.add("Div", at.gradient, _counts(at, window))
    ones = at.floats(np.ones((channels, 1, *window["kernel_shape"])), "ones")
    axes = len(window["kernel_shape"])
    spread = window | {"dilations": [1] * axes, "group": channels}
    at.give(0, spread_back(at, share, ones, spread))


def _counts(at: Back, window: dict[str, Any]) -> Handle:
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
