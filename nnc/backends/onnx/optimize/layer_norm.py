"""A LayerNorm that was written out becomes one operator."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nnc.backends.onnx.assembly import Array, Handle, OnnxNode
from nnc.backends.onnx.graph import OnnxGraph


def fuse_layer_norm(graph: OnnxGraph) -> None:
    """(x - mean) / √(mean((x - mean)²) + ε) over the last axis, in whatever steps, as one
    LayerNormalization."""
    found = _Written(graph)
    for number, node in enumerate(graph.nodes):
        match = found.norm(node)
        if match is None:
            continue
        x, epsilon, size = match
        ones = Handle(f"{node.name}/ones")
        graph.tensors[ones] = np.ones(size, epsilon.dtype)
        attributes = {"axis": -1, "epsilon": float(epsilon)}
        graph.nodes[number] = OnnxNode(
            "LayerNormalization", node.name, (x, ones), node.outputs, attributes, node.origin
        )


class _Written:
    """The steps of a formula, looked at from its end."""

    def __init__(self, graph: OnnxGraph) -> None:
        self._makers: Mapping[Handle, OnnxNode] = graph.makers()
        self._tensors: Mapping[Handle, Array] = graph.tensors

    def norm(self, node: OnnxNode) -> tuple[Handle, Array, int] | None:
        """x, ε and the size of the last axis, where a node is the end of the formula."""
        size = node.origin.inputs[0].type.shape[-1:] if node.origin else ()
        if node.operator != "Div" or not size or not isinstance(size[0], int):
            return None
        apart, root = node.inputs
        above = self._taken(root, "Sqrt")
        if apart is None or above is None or above[0] is None:
            return None
        variance, epsilon = self._above(above[0])
        square = self._mean(variance)
        taken = self._taken(apart, "Sub")
        if epsilon is None or square is None or taken is None or not self._is_square(square, apart):
            return None
        x, mean = taken
        return (x, epsilon, size[0]) if x is not None and self._mean(mean) is x else None

    def _taken(self, handle: Handle | None, operator: str) -> tuple[Handle | None, ...] | None:
        node = self._makers.get(handle) if handle else None
        return node.inputs if node is not None and node.operator == operator else None

    def _above(self, handle: Handle) -> tuple[Handle | None, Array | None]:
        """variance + ε, in either order."""
        for variance, epsilon in (
            pair
            for inputs in [self._taken(handle, "Add")]
            if inputs is not None
            for pair in (inputs, inputs[::-1])
        ):
            number = self._tensors.get(epsilon) if epsilon else None
            if number is not None and number.size == 1:
                return variance, number.reshape(())
        return None, None

    def _mean(self, handle: Handle | None) -> Handle | None:
        """What a mean over the last axis, which stays with size 1, is taken of."""
        node = self._makers.get(handle) if handle else None
        if node is None or node.operator != "ReduceMean" or not node.attributes.get("keepdims", 1):
            return None
        x, axes = node.inputs
        over = self._tensors.get(axes) if axes else None
        rank = node.origin.inputs[0].type.rank if node.origin else 0
        return x if over is not None and over.tolist() in ([-1], [rank]) else None

    def _is_square(self, handle: Handle, of: Handle) -> bool:
        if self._taken(handle, "Mul") == (of, of):
            return True
        power = self._taken(handle, "Pow")
        number = self._tensors.get(power[1]) if power and power[1] else None
        return power is not None and power[0] is of and number is not None and bool(number == 2)
