"""Pooling."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.gradients.conv import spread_back
from nnc.backends.onnx.gradients.table import GRADIENTS, Back


def _window(at: Back) -> dict[str, Any]:
    axes = at.rank(at.x()) - 2
    return {
        "kernel_shape": list(at.attribute("kernel_shape")),
        "strides": list(at.attribute("strides", [1] * axes)),
        "pads": list(at.attribute("pads", [0] * 2 * axes)),
    }


@GRADIENTS.of("MaxPool")
def max_pool(at: Back) -> None:
    """Each window's gradient goes to its first largest element, whose number the operator tells."""
    if not at.needs():
        return
    axes = at.rank(at.x()) - 2
    window = _window(at) | {"dilations": list(at.attribute("dilations", [1] * axes))}
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
    at.give(0, at.add("Reshape", put, at.shape_of(at.x())))


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
