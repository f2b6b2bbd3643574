"""Random bits as nodes: the formulas of `nnc.backends.draws`, in numbers of 64 bits of which the
lower half counts."""

from __future__ import annotations

import math

import numpy as np

from nnc.backends import draws
from nnc.backends.onnx.assembly import Handle, Place, Scope
from nnc.backends.onnx.model import ELEMENT_TYPES, UNSIGNED

_MASK = 0xFFFFFFFF


class Bits:
    """Numbers that are drawn by a key at some places, all of them whole numbers of 32 bits."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def key_at(self, key: int, step: Handle) -> Handle:
        """The key for a step or an epoch, an i64 scalar."""
        return self.drawn(self.whole(key), self.modulo(step))

    def drawn(self, key: Handle, index: Handle) -> Handle:
        """32 random bits for each index."""
        spread = self.low(self.times(key, 0x9E3779B1))
        return self._mix(self._xor(self._mix(self._xor(index, key)), spread))

    def normal(self, key: Handle, index: Handle) -> Handle:
        """A normal number in f64 for each index."""
        scope = self._scope
        twice = self.low(self.times(index, 2))
        u, v = (
            scope.add("Cast", self.shifted(self.drawn(key, at), 8), to=ELEMENT_TYPES["f64"])
            for at in (twice, self.low(scope.add("Add", twice, self.whole(1))))
        )
        above = scope.add("Add", u, self._real(1.0))
        inner = scope.add("Log", scope.add("Mul", above, self._real(2.0**-24)))
        radius = scope.add("Sqrt", scope.add("Mul", inner, self._real(-2.0)))
        turn = scope.add("Cos", scope.add("Mul", v, self._real(2 * math.pi / 2**24)))
        return scope.add("Mul", radius, turn, role="normal")

    # ---- arithmetic modulo 2^32 ------------------------------------------------------------------

    def modulo(self, x: Handle) -> Handle:
        """Whole numbers of any type as numbers of 32 bits."""
        return self.low(self._scope.add("Cast", x, role="bits", to=UNSIGNED))

    def whole(self, number: int) -> Handle:
        return self._scope.constant(np.array(number, np.uint64), "bits")

    def low(self, x: Handle) -> Handle:
        """The lower half."""
        return self._scope.add("BitwiseAnd", x, self.whole(_MASK), role="bits")

    def times(self, x: Handle, number: int) -> Handle:
        return self._scope.add("Mul", x, self.whole(number), role="bits")

    def shifted(self, x: Handle, by: int) -> Handle:
        return self._scope.add("BitShift", x, self.whole(by), role="bits", direction="RIGHT")

    def _real(self, number: float) -> Handle:
        return self._scope.constant(np.array(number, np.float64), "real")

    def _xor(self, x: Handle, y: Handle) -> Handle:
        return self._scope.add("BitwiseXor", x, y, role="bits")

    def _mix(self, h: Handle) -> Handle:
        h = self._xor(h, self.shifted(h, 16))
        h = self.low(self.times(h, 0x7FEB352D))
        h = self._xor(h, self.shifted(h, 15))
        h = self.low(self.times(h, 0x846CA68B))
        return self._xor(h, self.shifted(h, 16))


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
        self._bits = Bits(place)
        self._key = self._bits.key_at(key, moment.step)

    def mask(self, rate: float, axes: tuple[int, ...] | None = None) -> Handle:
        """What a dropout multiplies by: 1 / (1 - rate) where it keeps, else 0."""
        place = self._place
        kept = self.kept(rate, axes)
        factor, zero = place.number(1 / (1 - rate), "factor"), place.number(0.0, "zero")
        return place.add("Where", kept, factor, zero, role="mask")

    def kept(self, rate: float, axes: tuple[int, ...] | None = None) -> Handle:
        """Truths in the shape of the value: what a dropout keeps. With `axes` only these axes of
        the value (of the batch and each example) have places of their own, the others share."""
        high = self._bits.shifted(self._bits.drawn(self._key, self._index(axes)), 8)
        limit = self._bits.whole(int(rate * 2**24))
        return self._place.add("GreaterOrEqual", high, limit, role="kept")

    def normal(self) -> Handle:
        """Normal numbers in the shape of the value."""
        made = self._bits.normal(self._key, self._index(None))
        return self._place.add("Cast", made, to=ELEMENT_TYPES[self._place.float_type])

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
        upright = place.add("Reshape", self._bits.modulo(numbers), spec, role="places")
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
