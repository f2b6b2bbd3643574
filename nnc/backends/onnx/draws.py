"""Random bits as nodes: the formulas of `nnc.backends.draws`, in numbers of 64 bits of which the
lower half counts."""

from __future__ import annotations

import math

import numpy as np

from nnc.backends import draws
from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.model import ELEMENT_TYPES, UNSIGNED

_MASK = 0xFFFFFFFF


class Drawing:
    """The numbers that one node draws in a step.

    They are drawn for its input, or for a value `x` inside it, of `rank` axes in the spec's order,
    by the name of the node or that of one of several draws.
    """

    def __init__(
        self, place: Place, x: Handle | None = None, rank: int = 0, name: str | None = None
    ) -> None:
        moment = place.moment
        assert moment is not None
        self._place = place
        self._moment = moment
        self._x = place.x if x is None else x
        given = place.node.axes or range(place.type.rank)
        self._axes = given if x is None else range(rank - 1)
        key = draws.key_of(moment.seed, name or place.node.name)
        step = self._and(place.add("Cast", moment.step, role="step", to=UNSIGNED))
        self._key = self._bits(self._whole(key), step)

    def mask(self, rate: float, axes: tuple[int, ...] | None = None) -> Handle:
        """What a dropout multiplies by: 1 / (1 - rate) where it keeps, else 0."""
        place = self._place
        kept = self.kept(rate, axes)
        factor, zero = place.number(1 / (1 - rate), "factor"), place.number(0.0, "zero")
        return place.add("Where", kept, factor, zero, role="mask")

    def kept(self, rate: float, axes: tuple[int, ...] | None = None) -> Handle:
        """Truths in the shape of the value: what a dropout keeps. With `axes` only these axes of
        the value (of the batch and each example) have places of their own, the others share."""
        high = self._shifted(self._bits(self._key, self._index(axes)), 8)
        return self._place.add("GreaterOrEqual", high, self._whole(int(rate * 2**24)), role="kept")

    def normal(self) -> Handle:
        """Normal numbers in the shape of the value."""
        place = self._place
        twice = self._and(self._mul(self._index(None), 2))
        u, v = (
            place.add("Cast", self._shifted(self._bits(self._key, at), 8), to=ELEMENT_TYPES["f64"])
            for at in (twice, self._and(place.add("Add", twice, self._whole(1))))
        )
        above = place.add("Add", u, self._real(1.0))
        inner = place.add("Log", place.add("Mul", above, self._real(2.0**-24)))
        radius = place.add("Sqrt", place.add("Mul", inner, self._real(-2.0)))
        turn = place.add("Cos", place.add("Mul", v, self._real(2 * math.pi / 2**24)))
        made = place.add("Mul", radius, turn, role="normal")
        return place.add("Cast", made, to=ELEMENT_TYPES[place.float_type])

    # ---- the place of each element -------------------------------------------------------------

    def _index(self, axes: tuple[int, ...] | None) -> Handle:
        """The place of each element in the whole batch, in the spec's order of axes."""
        place = self._place
        turned = (0, *(axis + 1 for axis in self._axes))
        rank = len(turned)
        own = [axis for axis in range(rank) if axes is None or axis in axes]
        order = sorted(own, key=lambda axis: turned[axis])
        shape = place.add("Shape", self._x, role="whole_shape")
        spec = place.add("Gather", shape, place.whole(order, "order"), role="spec_shape", axis=0)
        count = place.add("ReduceProd", spec, role="count", keepdims=0)
        inside = place.add("ReduceProd", self._tail(spec, len(own)), role="inside", keepdims=0)
        first = place.add("Mul", self._moment.row, inside, role="first")
        zero, one = place.whole(0, "zero"), place.whole(1, "one")
        numbers = place.add("Add", place.add("Range", zero, count, one), first, role="numbers")
        whole = self._and(place.add("Cast", numbers, to=UNSIGNED))
        upright = place.add("Reshape", whole, spec, role="places")
        back = [order.index(axis) for axis in own]
        if back != sorted(back):
            upright = place.add("Transpose", upright, role="turned", perm=back)
        missing = [axis for axis in range(rank) if axis not in own]
        if not missing:
            return upright
        return place.add("Unsqueeze", upright, place.whole(missing, "shared"), role="shared")

    def _tail(self, shape: Handle, count: int) -> Handle:
        """A shape without the batch; for a scalar per example a 1."""
        place = self._place
        far = place.whole([count], "end")
        return place.add("Slice", shape, place.whole([1], "begin"), far, role="example")

    # ---- arithmetic modulo 2^32 ------------------------------------------------------------------

    def _whole(self, number: int) -> Handle:
        return self._place.constant(np.array(number, np.uint64), "bits")

    def _real(self, number: float) -> Handle:
        return self._place.constant(np.array(number, np.float64), "real")

    def _and(self, x: Handle) -> Handle:
        return self._place.add("BitwiseAnd", x, self._whole(_MASK), role="bits")

    def _xor(self, x: Handle, y: Handle) -> Handle:
        return self._place.add("BitwiseXor", x, y, role="bits")

    def _mul(self, x: Handle, number: int) -> Handle:
        return self._place.add("Mul", x, self._whole(number), role="bits")

    def _shifted(self, x: Handle, by: int) -> Handle:
        return self._place.add("BitShift", x, self._whole(by), role="bits", direction="RIGHT")

    def _mix(self, h: Handle) -> Handle:
        h = self._xor(h, self._shifted(h, 16))
        h = self._and(self._mul(h, 0x7FEB352D))
        h = self._xor(h, self._shifted(h, 15))
        h = self._and(self._mul(h, 0x846CA68B))
        return self._xor(h, self._shifted(h, 16))

    def _bits(self, key: Handle, index: Handle) -> Handle:
        spread = self._and(self._mul(key, 0x9E3779B1))
        return self._mix(self._xor(self._mix(self._xor(index, key)), spread))
