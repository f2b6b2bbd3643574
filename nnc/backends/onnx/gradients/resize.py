"""Resizing: repeated elements add up; mixed ones go back by the matrix of each axis."""

from __future__ import annotations

import numpy as np

from nnc.backends.interpolation import linear
from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.gradients.table import GRADIENTS, Back


@GRADIENTS.of("Resize")
def resize(at: Back) -> None:
    if not at.needs():
        return
    if at.attribute("mode", "nearest") == "nearest":
        at.give(0, _blocks(at))
        return
    gradient = at.gradient
    aligned = at.attribute("coordinate_transformation_mode") == "align_corners"
    for axis in range(2, at.rank(at.x())):
        before, after = at.shape(at.x())[axis], at.shape(at.y)[axis]
        assert before is not None
        assert after is not None
        gradient = multiplied_along(at, gradient, axis, linear(before, after, aligned))
    at.give(0, gradient)


def _blocks(at: Back) -> Handle:
    """Every element was repeated by whole factors: [.., n · f, ..] -> [.., n, f, ..], summed."""
    factors = at.value(2)
    assert factors is not None
    parts, summed = [], []
    for axis, factor in enumerate(factors):
        parts.append(at.size_of(at.x(), axis))
        if factor != 1:
            summed.append(len(parts))
            parts.append(at.whole([int(factor)], "factor"))
    if not summed:
        return at.gradient
    apart = at.add("Reshape", at.gradient, at.add("Concat", *parts, axis=0))
    return at.add("ReduceSum", apart, at.whole(summed, "axes"), keepdims=0)


def multiplied_along(at: Back, x: Handle, axis: int, matrix: np.ndarray) -> Handle:
    """x with an axis of `after` elements multiplied by a matrix [after, before]."""
    rank = at.rank(at.x())
    order = [*(i for i in range(rank) if i != axis), axis]
    last = at.add("Transpose", x, perm=order)
    mixed = at.add("MatMul", last, at.floats(matrix, "mixing"))
    return at.add("Transpose", mixed, perm=[int(i) for i in np.argsort(order)])
