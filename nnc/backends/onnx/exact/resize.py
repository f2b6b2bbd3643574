"""Resizing, one axis after the other."""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.exact.table import Part, defines

_SCALES, _SIZES = 2, 3
"""Where the operator is told how large the result is."""


@defines("Resize")
def resize(at: Part) -> None:
    """Of the modes of the standard those that the lowerings write."""
    x, rank = at.x, at.rank
    for axis in range(2, rank):
        before = at.add("Cast", at.sizes(at.x, axis, axis + 1), to=at.DOUBLE)
        after = _after(at, axis, before)
        count = at.add("Squeeze", at.add("Cast", after, to=at.INTEGER), at.whole([0]))
        zero, one = (at.add("Squeeze", at.whole([n]), at.whole([0])) for n in (0, 1))
        places = at.add("Cast", at.add("Range", zero, count, one), to=at.DOUBLE)
        if at.attribute("mode", "nearest") == "linear":
            x = _mixed(at, x, axis, _source(at, places, before, after), before)
        else:
            source = at.add("Floor", at.add("Div", at.add("Mul", places, before), after))
            x = at.add("Gather", x, at.add("Cast", source, to=at.INTEGER), axis=axis)
    at.result("Identity", x)


def _after(at: Part, axis: int, before: Handle) -> Handle:
    """The new size of an axis, as a float."""
    number = at.whole([axis])
    if at.has(_SCALES):
        scale = at.add("Cast", at.add("Gather", at.input(_SCALES), number), to=at.DOUBLE)
        return at.add("Floor", at.add("Mul", before, scale))
    return at.add("Cast", at.add("Gather", at.input(_SIZES), number), to=at.DOUBLE)


def _source(at: Part, places: Handle, before: Handle, after: Handle) -> Handle:
    """Where each element of the result lies among those of the input."""
    one, half = at.floats(1.0), at.floats(0.5)
    if at.attribute("coordinate_transformation_mode", "half_pixel") == "align_corners":
        # The last place of a result of one element is its first.
        last = at.add("Max", at.add("Sub", after, one), one)
        return at.add("Div", at.add("Mul", places, at.add("Sub", before, one)), last)
    middle = at.add("Div", at.add("Mul", at.add("Add", places, half), before), after)
    return at.add("Max", at.add("Sub", middle, half), at.floats(0.0))


def _mixed(at: Part, x: Handle, axis: int, source: Handle, before: Handle) -> Handle:
    """Each place out of its two neighbours, by its distance from them."""
    last = at.add("Sub", before, at.floats(1.0))
    low = at.add("Floor", source)
    high = at.add("Min", at.add("Add", low, at.floats(1.0)), last)
    shape = at.whole([-1, *[1] * (at.rank - axis - 1)])
    share = at.add("Reshape", at.add("Sub", source, low), shape)
    left, right = (
        at.add("Gather", x, at.add("Cast", place, to=at.INTEGER), axis=axis)
        for place in (at.add("Min", low, last), high)
    )
    return at.add("Add", left, at.add("Mul", at.add("Sub", right, left), share))
