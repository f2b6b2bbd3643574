"""The table of definitions, and one operator that is being put in by its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from nnc.backends.onnx.assembly import Array, Handle, OnnxNode
from nnc.backends.onnx.graph import OnnxGraph
from nnc.backends.onnx.model import ELEMENT_TYPES


class Part:
    """What stands for one node: nodes in order, the last of which gives the node's result."""

    DOUBLE: Final = ELEMENT_TYPES["f64"]
    INTEGER: Final = ELEMENT_TYPES["i64"]

    def __init__(self, graph: OnnxGraph, node: OnnxNode) -> None:
        self._graph = graph
        self._node = node
        self.nodes: list[OnnxNode] = []

    # ---- the node ------------------------------------------------------------------------------

    @property
    def x(self) -> Handle:
        """The first input."""
        return self.input(0)

    def input(self, number: int) -> Handle:
        found = self._node.inputs[number]
        assert found is not None
        return found

    def has(self, number: int) -> bool:
        """Whether an input is given."""
        return number < len(self._node.inputs) and self._node.inputs[number] is not None

    def attribute(self, name: str, default: Any) -> Any:
        return self._node.attributes.get(name, default)

    def numbers(self, number: int) -> Array:
        """The numbers of an input that the model stores."""
        return self._graph.tensors[self.input(number)]

    @property
    def rank(self) -> int:
        """The rank of the first input, with the batch."""
        assert self._node.origin is not None
        return self._node.origin.inputs[0].type.rank + 1

    # ---- what stands for it --------------------------------------------------------------------

    def add(self, operator: str, *inputs: Handle, **attributes: Any) -> Handle:
        """A node with one result."""
        name = f"{self._node.name}/{len(self.nodes)}"
        made = Handle(name)
        self.nodes.append(OnnxNode(operator, name, inputs, (made,), attributes, self._node.origin))
        return made

    def result(self, operator: str, *inputs: Handle, **attributes: Any) -> None:
        """The last node, whose result is that of the node."""
        self.nodes.append(
            OnnxNode(
                *(operator, self._node.name, inputs, self._node.outputs[:1]),
                attributes,
                self._node.origin,
            )
        )

    def floats(self, numbers: float | Sequence[float] | Array) -> Handle:
        """Numbers in float64."""
        return self._tensor(np.array(numbers, np.float64))

    def whole(self, numbers: Sequence[int]) -> Handle:
        """Whole numbers: a shape, axes, sizes."""
        return self._tensor(np.array(numbers, np.int64))

    def _tensor(self, array: Array) -> Handle:
        made = Handle(f"{self._node.name}/number")
        self._graph.tensors[made] = array
        return made

    def sizes(self, x: Handle, start: int, end: int | None = None) -> Handle:
        """The sizes of some axes, as whole numbers in a row."""
        ends = {} if end is None else {"end": end}
        return self.add("Shape", x, start=start, **ends)

    def row(self, *parts: Handle) -> Handle:
        """Whole numbers one behind the other."""
        return self.add("Concat", *parts, axis=0)


Form: TypeAlias = Callable[[Part], None]
FORMS: dict[str, Form] = {}
"""Operator -> what writes its definition."""


def defines(*operators: str) -> Callable[[Form], Form]:
    """Register a definition."""

    def register(form: Form) -> Form:
        FORMS.update(dict.fromkeys(operators, form))
        return form

    return register
