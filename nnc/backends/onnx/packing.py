"""Stored tensors as nodes: what a model holds in another form than the canonical weights is made
from them inside the graph, so that training keeps the canonical ones.

A pack moves numbers and changes none. Applied to the numbers of the elements it tells where each
came from, and that is written with the simplest operator that does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from math import prod

import numpy as np

from nnc.backends.onnx.assembly import Array, Assembly, Handle, OnnxNode, Scope, Stored
from nnc.compiler.types import Shape

Shapes = Mapping[str, tuple[int, ...]]


def canonical_inputs(assembly: Assembly, shapes: Shapes) -> dict[str, Handle]:
    """A handle for every canonical weight, and the nodes before all others that make the stored
    tensors from them. `shapes` are those of the weights by full name."""
    plain: dict[str, Handle] = {}
    moved: list[Stored] = []
    for stored in assembly.stored.values():
        name = stored.sources[0].weight
        if name not in plain and _is_plain(stored, shapes):
            plain[name] = stored.handle
        else:
            moved.append(stored)
    weights = {name: plain.get(name) or Handle(name) for name in shapes}
    rest, assembly.nodes = assembly.nodes, []
    for stored in moved:
        _Packing(assembly, stored, weights, shapes).write()
    assembly.nodes += rest
    return weights


def _numbered(stored: Stored, shapes: Shapes) -> Array:
    """Of every element of a stored tensor: its number among those of the sources one behind the
    other, counted from 1; 0 is the number 0."""
    parts, first = [], 1
    for rows in stored.sources:
        shape = shapes[rows.weight]
        parts.append(rows.of(np.arange(first, first + prod(shape)).reshape(shape)))
        first += prod(shape)
    return stored.pack(parts)


def _is_plain(stored: Stored, shapes: Shapes) -> bool:
    """Whether a stored tensor is a canonical weight as it is."""
    if len(stored.sources) != 1:
        return False
    shape = shapes[stored.sources[0].weight]
    found = _numbered(stored, shapes)
    return found.shape == shape and bool((found.ravel() == np.arange(1, prod(shape) + 1)).all())


class _Packing(Scope):
    """The nodes of one stored tensor."""

    def __init__(
        self, assembly: Assembly, stored: Stored, weights: Mapping[str, Handle], shapes: Shapes
    ) -> None:
        super().__init__(assembly, f"pack/{stored.handle.wish}")
        self._stored = stored
        self._sources = [weights[rows.weight] for rows in stored.sources]
        self._shapes = [shapes[rows.weight] for rows in stored.sources]
        self._numbers = _numbered(stored, shapes)

    def write(self) -> None:
        """Add the nodes; the last one gives the stored tensor's handle."""
        made = self._turned() or self._rows() or self._elements()
        node = OnnxNode("Identity", f"{self.name}/whole", (made,), (self._stored.handle,), {})
        last = self._assembly.nodes[-1]
        if made in last.outputs:  # the last node gives it itself
            self._assembly.nodes[-1] = OnnxNode(
                last.operator, last.name, last.inputs, (self._stored.handle,), last.attributes
            )
        else:
            self._assembly.nodes.append(node)

    def _turned(self) -> Handle | None:
        """The axes of one weight in another order, or another shape of the same order."""
        if len(self._sources) != 1:
            return None
        (shape,) = self._shapes
        own = np.arange(1, prod(shape) + 1).reshape(shape)
        if self._numbers.size != own.size:
            return None
        if (self._numbers.ravel() == own.ravel()).all():
            to = self.whole(self._numbers.shape, "shape")
            return self.add("Reshape", self._sources[0], to)
        for order in permutations(range(len(shape))):
            turned = own.transpose(order)
            if turned.shape == self._numbers.shape and (turned == self._numbers).all():
                return self.add("Transpose", self._sources[0], perm=list(order))
        return None

    def _rows(self) -> Handle | None:
        """Whole rows of the weights one above the other."""
        widths = {shape[1:] for shape in self._shapes}
        if len(widths) != 1:
            return None
        width = prod(widths.pop())
        if not width or self._numbers.size % width:
            return None
        rows = self._numbers.reshape(-1, width)
        first = rows[:, 0]
        whole = (first > 0).all() and (first % width == 1 % width).all()
        if not whole or not (rows == first[:, None] + np.arange(width)).all():
            return None
        table = self._joined(self._sources)
        numbers = (first - 1) // width
        taken = table
        if len(self._sources) > 1 or not _is_all(numbers, self._shapes):
            taken = self.add("Gather", table, self.whole(numbers.tolist(), "rows"), axis=0)
        return self.add("Reshape", taken, self.whole(self._numbers.shape, "shape"))

    def _elements(self) -> Handle:
        """Single elements of all weights one behind the other, 0 before them."""
        flat = self.whole([-1], "flat")
        parts = [self.add("Reshape", source, flat) for source in self._sources]
        table = self.add("Concat", self.floats(np.zeros(1), "zero"), *parts, axis=0)
        return self.add("Gather", table, self.constant(self._numbers, "places"), axis=0)

    def _joined(self, sources: Sequence[Handle]) -> Handle:
        return sources[0] if len(sources) == 1 else self.add("Concat", *sources, axis=0)


def _is_all(numbers: Array, shapes: Sequence[Shape]) -> bool:
    """Whether these are all rows in order."""
    (shape,) = shapes
    return numbers.size == shape[0] and bool((numbers == np.arange(numbers.size)).all())
