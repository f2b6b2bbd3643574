"""A Gelu that was written out becomes one operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import isclose, pi, sqrt

from nnc.backends.onnx.assembly import Array, Handle, OnnxNode
from nnc.backends.onnx.graph import OnnxGraph


def fuse_gelu(graph: OnnxGraph) -> None:
    """x/2 · (1 + tanh(√(2/π) · (x + 0.044715 · x³))), with its factors in any order, as one Gelu;
    the operator exists since opset 20."""
    if graph.opset < 20:
        return
    formula = _Formula(graph)
    for number, node in enumerate(graph.nodes):
        x = formula.gelu(node)
        if x is not None:
            attributes = {"approximate": "tanh"}
            graph.nodes[number] = OnnxNode(
                "Gelu", node.name, (x,), node.outputs, attributes, node.origin
            )


class _Formula:
    """Products and sums, looked at from their end."""

    def __init__(self, graph: OnnxGraph) -> None:
        self._makers: Mapping[Handle, OnnxNode] = graph.makers()
        self._tensors: Mapping[Handle, Array] = graph.tensors

    def gelu(self, node: OnnxNode) -> Handle | None:
        """What the formula takes, where a node is its end."""
        if node.operator not in ("Mul", "Div"):
            return None
        half, factors = self._product(node.outputs[0])
        if not isclose(half, 0.5, rel_tol=1e-6) or sum(factors.values()) != 2:
            return None
        for x in factors:
            (bent,) = (factors - Counter([x])).keys()
            if self._is_bent(bent, x):
                return x
        return None

    def _is_bent(self, handle: Handle, x: Handle) -> bool:
        """Whether it is 1 + tanh(√(2/π) · (x + 0.044715 · x³))."""
        for one, tanh in self._sum(handle):
            node = self._makers.get(tanh)
            if self._number(one) == 1 and node is not None and node.operator == "Tanh":
                inner = node.inputs[0]
                return inner is not None and self._is_inner(inner, x)
        return False

    def _is_inner(self, handle: Handle, x: Handle) -> bool:
        scale, factors = self._product(handle)
        if not isclose(scale, sqrt(2 / pi), rel_tol=1e-5) or sum(factors.values()) != 1:
            return False
        for first, cubic in self._sum(next(iter(factors))):
            factor, thrice = self._product(cubic)
            if first is x and isclose(factor, 0.044715, rel_tol=1e-6):
                return thrice == Counter({x: 3})
        return False

    def _sum(self, handle: Handle) -> list[tuple[Handle, Handle]]:
        """The two sides of a sum, in both orders."""
        node = self._makers.get(handle)
        if node is None or node.operator != "Add":
            return []
        left, right = node.inputs
        return [(left, right), (right, left)] if left and right else []

    def _product(self, handle: Handle, deep: int = 6) -> tuple[float, Counter[Handle]]:
        """A value as a number times other values, each with its power; so many steps deep."""
        number = self._number(handle)
        if number is not None:
            return number, Counter()
        node = self._makers.get(handle)
        if node is None or node.operator not in ("Mul", "Div", "Pow") or not deep:
            return 1.0, Counter([handle])
        left, right = node.inputs
        assert left is not None
        assert right is not None
        scale, factors = self._product(left, deep - 1)
        if node.operator == "Mul":
            other, more = self._product(right, deep - 1)
            return scale * other, factors + more
        given = self._number(right)
        if node.operator == "Div" and given:
            return scale / given, factors
        if node.operator == "Pow" and given in (2, 3):
            return scale**given, Counter({x: int(n * given) for x, n in factors.items()})
        return 1.0, Counter([handle])

    def _number(self, handle: Handle) -> float | None:
        array = self._tensors.get(handle)
        return float(array.reshape(())) if array is not None and array.size == 1 else None
