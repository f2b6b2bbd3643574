"""float16 where it is enough, float32 where it is not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

import numpy as np

from nnc.backends.onnx.assembly import Array, Handle, OnnxNode
from nnc.backends.onnx.graph import OnnxGraph
from nnc.backends.onnx.model import ELEMENT_TYPES, NUMPY_TYPES
from nnc.compiler.diagnostics import Diagnostic, Failed, Label
from nnc.compiler.vocabulary.ops.normalization import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    RMSNorm,
)

FLOAT, HALF = ELEMENT_TYPES["f32"], ELEMENT_TYPES["f16"]
LARGEST: Final = 65504.0
"""The largest number of float16."""
_NORMS: Final = (BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm)
_FULL: Final = frozenset(
    {
        *("BatchNormalization", "InstanceNormalization", "LayerNormalization"),
        *("RMSNormalization", "Softmax", "LogSoftmax", "Exp", "Pow", "Cast", "Celu"),
        *("ReduceMean", "ReduceSum", "ReduceSumSquare", "GlobalAveragePool", "Resize"),
    }
)
"""Sums of many numbers, what grows faster than its operand, and what leads from other types."""
_BOOLEAN: Final = {"And", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Not", "Or"}
_WHOLE: Final = {"ArgMax", "Shape"}


def halve(graph: OnnxGraph, keep: Collection[str] = ()) -> None:
    """Let a model compute and store in float16, but for norms, softmax and the layers in `keep`.

    Inputs and outputs stay float32: Casts stand where a value enters the other precision. Raises
    Failed (E717) for a weight that float16 can't hold.
    """
    made = _Halving(graph, keep)
    for node in graph.nodes:
        made.node(node)
    graph.nodes[:] = made.nodes
    graph.tensors.clear()
    graph.tensors |= made.tensors


class _Halving:
    """Goes through the nodes in order; `_forms` holds each float value in the precisions it has."""

    def __init__(self, graph: OnnxGraph, keep: Collection[str]) -> None:
        self._old = graph.tensors
        self._keep = keep
        self._ends = {end.handle for end in graph.outputs}
        self._elements = {end.handle: end.element for end in graph.inputs}
        self._elements |= {h: NUMPY_TYPES[a.dtype.name] for h, a in graph.tensors.items()}
        self._forms: dict[Handle, dict[int, Handle]] = {
            end.handle: {FLOAT: end.handle} for end in graph.inputs if end.element == FLOAT
        }
        self.nodes: list[OnnxNode] = []
        self.tensors: dict[Handle, Array] = {}

    def node(self, node: OnnxNode) -> None:
        """Put a node in its precision, with the Casts that it needs."""
        floats = [h for h in node.inputs if h is not None and self._elements.get(h) == FLOAT]
        result = self._result(node)
        for handle in node.outputs:
            self._elements[handle] = result
        precision = FLOAT if self._is_full(node) else HALF
        inputs = tuple(
            self._in(handle, precision, node) if handle in floats else self._kept(handle)
            for handle in node.inputs
        )
        if result == FLOAT:
            self._add(replace(node, inputs=inputs), precision)
        else:
            self.nodes.append(replace(node, inputs=inputs))

    def _add(self, node: OnnxNode, precision: int) -> None:
        """A node whose float results are in this precision; outputs of the model are cast back."""
        outputs = []
        for handle in node.outputs:
            made = handle
            if precision == HALF and handle in self._ends:
                made = Handle(f"{handle.wish}/half")
            outputs.append(made)
            self._forms[handle] = {precision: made}
        self.nodes.append(replace(node, outputs=tuple(outputs)))
        for handle, made in zip(node.outputs, outputs, strict=True):
            if made is not handle:
                self._cast(made, handle, FLOAT, node)
                self._forms[handle][FLOAT] = handle

    def _is_full(self, node: OnnxNode) -> bool:
        origin = node.origin
        if origin is not None and (isinstance(origin.op, _NORMS) or origin.name in self._keep):
            return True
        return node.operator in _FULL

    def _result(self, node: OnnxNode) -> int:
        """The element type of what a node gives, in the model as it was."""
        if node.operator in _BOOLEAN:
            return ELEMENT_TYPES["bool"]
        if node.operator in _WHOLE:
            return ELEMENT_TYPES["i64"]
        if node.operator == "Cast":
            return int(node.attributes["to"])
        source = node.inputs[1 if node.operator == "Where" else 0]
        return self._elements.get(source, FLOAT) if source else FLOAT

    def _kept(self, handle: Handle | None) -> Handle | None:
        if handle is not None and handle in self._old:
            self.tensors[handle] = self._old[handle]
        return handle

    def _in(self, handle: Handle, precision: int, node: OnnxNode) -> Handle:
        """A float value in a precision: stored so, or cast once."""
        forms = self._forms.setdefault(handle, {})
        if precision in forms:
            return forms[precision]
        if handle in self._old:
            array = self._old[handle]
            forms[precision] = handle if precision == FLOAT else Handle(handle.wish)
            self.tensors[forms[precision]] = (
                array if precision == FLOAT else _halved(array, handle, node)
            )
            return forms[precision]
        (source,) = forms.values()
        name = f"{handle.wish}/{'float' if precision == FLOAT else 'half'}"
        forms[precision] = self._cast(source, Handle(name), precision, node)
        return forms[precision]

    def _cast(self, source: Handle, result: Handle, to: int, node: OnnxNode) -> Handle:
        name = f"{result.wish}/cast"
        self.nodes.append(OnnxNode("Cast", name, (source,), (result,), {"to": to}, node.origin))
        return result


def _halved(array: Array, handle: Handle, node: OnnxNode) -> Array:
    largest = float(np.abs(array[np.isfinite(array)]).max(initial=0.0))
    if largest > LARGEST:
        if "/" in handle.wish:  # a constant of the op: -1e30, which stands for -∞
            return np.clip(array, -LARGEST, LARGEST).astype(np.float16)
        raise Failed([_too_large(handle.wish, largest, node)])
    return array.astype(np.float16)


def _too_large(name: str, largest: float, node: OnnxNode) -> Diagnostic:
    origin = node.origin
    return Diagnostic(
        "E717",
        f"`{name}` holds {largest:g}, but float16 ends at {LARGEST:g}",
        (Label(origin.span, "the weight is used here"),) if origin else (),
        help=f"keep the layer in float32: `--keep {origin.name if origin else name}`",
    )
