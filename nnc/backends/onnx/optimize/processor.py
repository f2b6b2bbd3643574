"""Forms that onnxruntime computes faster on processors, as bench/infer measures them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from nnc.backends.onnx.assembly import Array, Handle, OnnxNode
from nnc.backends.onnx.graph import OnnxGraph

_MOVES: Final = ("Reshape", "Transpose")
"""Operators that move numbers and leave them as they are."""


def keep_sums_apart(graph: OnnxGraph) -> None:
    """A Sum in place of an Add in front of LayerNormalization or Gelu.

    onnxruntime (1.31) joins an Add with what follows it into an operator whose kernel for
    processors takes many times as long as the two.
    """
    numbers = {id(node): number for number, node in enumerate(graph.nodes)}
    makers = graph.makers()
    for node in list(graph.nodes):
        if node.operator in ("LayerNormalization", "Gelu") and node.inputs[0] is not None:
            before = makers.get(node.inputs[0])
            if before is not None and before.operator == "Add":
                graph.nodes[numbers[id(before)]] = replace(before, operator="Sum")


def project_apart(graph: OnnxGraph) -> None:
    """One product for each part of a Split of a product along its last axis: what is made and
    used at once is still in the cache, and nothing is copied."""
    weights = _Weights(graph)
    kept: list[OnnxNode] = []
    for node in graph.nodes:
        sources = weights.projection(node.inputs[0]) if _is_even(node) else None
        if sources is None or not weights.are_as_wide(*sources):
            kept.append(node)
            continue
        product, bias = sources
        count = len(node.outputs)
        for part, result in enumerate(node.outputs):
            taken = _part(part, count)
            made = weights.changed(product.inputs[1], f"{result.wish}.weight", taken)
            moved = Handle(f"{result.wish}/product") if bias else result
            kept.append(_node(node, "MatMul", (product.inputs[0], made), moved))
            if bias:
                shift = weights.changed(weights.tensor_of(bias), f"{result.wish}.bias", taken)
                kept.append(_node(node, "Add", (moved, shift), result))
    graph.nodes[:] = kept


def fold_scale(graph: OnnxGraph) -> None:
    """A number that multiplies a product with a weight becomes part of the weight and the bias."""
    weights = _Weights(graph)
    for mul in list(graph.nodes):
        if mul.operator != "Mul":
            continue
        x, factor = mul.inputs
        number = graph.tensors.get(factor) if factor else None
        found = weights.behind_moves(x)
        if number is None or number.ndim or found is None or weights.is_end(mul):
            continue
        product, bias = found
        scaled = _scaled(number)
        for node in (product, bias):
            if node is not None:
                tensor = weights.tensor_of(node)
                made = weights.changed(tensor, tensor.wish, scaled)
                weights.replace(node, tensor, made)
        weights.forward(mul)


def _is_even(node: OnnxNode) -> bool:
    """Whether it is a Split into equal parts of the last axis."""
    rank = node.origin.inputs[0].type.rank if node.origin else None
    even = node.operator == "Split" and len(node.inputs) == 1
    return even and node.attributes.get("axis") in (-1, rank)


def _part(part: int, count: int) -> Callable[[Array], Array]:
    return lambda array: np.split(array, count, axis=-1)[part]


def _scaled(number: Array) -> Callable[[Array], Array]:
    factor = number.reshape(()).astype(np.float64)
    return lambda array: (array * factor).astype(array.dtype)


def _node(
    model: OnnxNode, operator: str, inputs: tuple[Handle | None, ...], result: Handle
) -> OnnxNode:
    return OnnxNode(operator, result.wish, inputs, (result,), {}, model.origin)


class _Weights:
    """Products with weights that nobody else takes, and how they are changed."""

    def __init__(self, graph: OnnxGraph) -> None:
        self._graph = graph
        self._makers = graph.makers()
        self._users = graph.users()
        self._ends = {end.handle for end in graph.outputs}

    def projection(self, handle: Handle | None) -> tuple[OnnxNode, OnnxNode | None] | None:
        """x · weight, and the Add of a bias behind it."""
        node = self._alone(handle)
        if node is None:
            return None
        if node.operator == "Add" and node.inputs[1] in self._graph.tensors:
            product = self._alone(node.inputs[0])
            bias: OnnxNode | None = node
        else:
            product, bias = node, None
        if product is None or product.operator != "MatMul":
            return None
        return (product, bias) if product.inputs[1] in self._graph.tensors else None

    def behind_moves(self, handle: Handle | None) -> tuple[OnnxNode, OnnxNode | None] | None:
        """A projection behind operators that only move its numbers."""
        node = self._alone(handle)
        while node is not None and node.operator in _MOVES:
            handle = node.inputs[0]
            node = self._alone(handle)
        return self.projection(handle)

    def _alone(self, handle: Handle | None) -> OnnxNode | None:
        """The maker of a value that is used once."""
        if handle is None or handle in self._ends or len(self._users.get(handle, ())) != 1:
            return None
        return self._makers.get(handle)

    def are_as_wide(self, product: OnnxNode, bias: OnnxNode | None) -> bool:
        """Whether the last axes of a weight and its bias are the same."""
        sizes = {self._graph.tensors[self.tensor_of(n)].shape[-1:] for n in (product, bias) if n}
        return len(sizes) == 1

    def is_end(self, node: OnnxNode) -> bool:
        """Whether a node gives an output of the model."""
        return not self._ends.isdisjoint(node.outputs)

    def tensor_of(self, node: OnnxNode) -> Handle:
        """The stored operand of a projection's product or Add."""
        handle = node.inputs[1]
        assert handle is not None
        return handle

    def changed(self, old: Handle | None, wish: str, change: Callable[[Array], Array]) -> Handle:
        """A new tensor made of a stored one."""
        assert old is not None
        made = Handle(wish)
        self._graph.tensors[made] = np.ascontiguousarray(change(self._graph.tensors[old]))
        return made

    def replace(self, node: OnnxNode, old: Handle, new: Handle) -> None:
        """Put another tensor into a node."""
        inputs = tuple(new if handle is old else handle for handle in node.inputs)
        self._put(node, replace(node, inputs=inputs))

    def forward(self, node: OnnxNode) -> None:
        """Take a node away: what it gave is what it took."""
        (result,), x = node.outputs, node.inputs[0]
        for user in list(self._graph.nodes):
            if result in user.inputs:
                inputs = tuple(x if handle is result else handle for handle in user.inputs)
                self._put(user, replace(user, inputs=inputs))
        self._graph.nodes.remove(node)

    def _put(self, old: OnnxNode, new: OnnxNode) -> None:
        number = next(i for i, node in enumerate(self._graph.nodes) if node is old)
        self._graph.nodes[number] = new
        self._makers |= dict.fromkeys(new.outputs, new)
