"""Activations within the products before them, by operators that onnxruntime alone has.

It makes the same operators when it loads a model; written beforehand they make files of half the
nodes that load sooner. Their definitions are those of FusedConv and FusedGemm in onnxruntime's
ContribOperators.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from nnc.backends.onnx.assembly import Array, Handle, OnnxNode
from nnc.backends.onnx.graph import OnnxGraph

_BENT: Final = ("Relu", "Sigmoid", "Tanh", "LeakyRelu")
"""What either operator takes."""
_OF_CONV: Final = (*_BENT, "HardSigmoid", "Clip")


def fuse_activations(graph: OnnxGraph) -> None:
    """Conv and Gemm with the activation that follows them, and Conv with a sum between the two."""
    joining = _Joining(graph)
    for node in list(graph.nodes):
        if node.operator == "Add":
            joining.join_sum(node)
    for node in list(graph.nodes):
        if node.operator in _OF_CONV:
            joining.join_activation(node)
    graph.nodes[:] = joining.nodes.values()


class _Joining:
    """The nodes of a model by their numbers, from which more and more are taken away."""

    def __init__(self, graph: OnnxGraph) -> None:
        self.nodes = dict(enumerate(graph.nodes))
        self._tensors = graph.tensors
        self._users = graph.users()
        self._ends = {end.handle for end in graph.outputs}
        self._numbers = {
            handle: number for number, node in self.nodes.items() for handle in node.outputs
        }

    def join_sum(self, add: OnnxNode) -> None:
        """A sum of two values of one shape, one of which a convolution makes for it alone."""
        types = [value.type for value in add.origin.inputs] if add.origin else []
        if len(types) != 2 or types[0] != types[1]:
            return
        left, right = add.inputs
        for own, other in ((right, left), (left, right)):
            conv = self._alone(own)
            if conv is not None and conv.operator == "Conv" and other is not own:
                bias = conv.inputs[2] if len(conv.inputs) > 2 else None
                inputs = (*conv.inputs[:2], bias, other)
                self._put(conv, add, "FusedConv", inputs, conv.attributes)
                return

    def join_activation(self, bent: OnnxNode) -> None:
        """An activation of what a convolution or a product makes for it alone."""
        made = self._alone(bent.inputs[0])
        if made is None or "activation" in made.attributes:
            return
        if made.operator in ("Conv", "FusedConv"):
            shape = _of_conv(bent, self._tensors)
            if shape is not None:
                attributes = {**made.attributes, **shape}
                self._put(made, bent, "FusedConv", made.inputs, attributes)
        elif made.operator == "Gemm" and bent.operator in _BENT:
            shape = {"activation": bent.operator}
            if bent.operator == "LeakyRelu":
                shape["activation_alpha"] = bent.attributes["alpha"]
            self._put(made, bent, "FusedGemm", made.inputs, {**made.attributes, **shape})

    def _alone(self, handle: Handle | None) -> OnnxNode | None:
        """The maker of a value that is used once and no output."""
        if handle is None or handle in self._ends or len(self._users.get(handle, ())) != 1:
            return None
        return self.nodes.get(self._numbers.get(handle, -1))

    def _put(
        self,
        product: OnnxNode,
        last: OnnxNode,
        operator: str,
        inputs: tuple[Handle | None, ...],
        attributes: Mapping[str, Any],
    ) -> None:
        """One node in place of the last one; it keeps the layer's name."""
        del self.nodes[self._numbers[product.outputs[0]]]
        self.nodes[self._numbers[last.outputs[0]]] = replace(
            product,
            operator=operator,
            inputs=inputs,
            outputs=last.outputs,
            attributes=attributes,
        )


def _of_conv(bent: OnnxNode, tensors: Mapping[Handle, Array]) -> dict[str, Any] | None:
    """An activation as attributes of FusedConv; None for bounds that aren't known."""
    match bent.operator:
        case "LeakyRelu":
            numbers = [bent.attributes["alpha"]]
        case "HardSigmoid":
            numbers = [bent.attributes["alpha"], bent.attributes["beta"]]
        case "Clip":
            bounds = [tensors.get(handle) for handle in bent.inputs[1:3] if handle]
            if len(bounds) != 2 or any(bound is None for bound in bounds):
                return None
            numbers = [float(bound) for bound in bounds if bound is not None]
        case _:
            return {"activation": bent.operator}
    return {"activation": bent.operator, "activation_params": [float(n) for n in numbers]}
