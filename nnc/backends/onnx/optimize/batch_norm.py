"""BatchNorm behind a layer with weights becomes part of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from nnc.backends.onnx.assembly import Array, Handle, OnnxNode
from nnc.backends.onnx.graph import OnnxGraph

_LAYERS: Final = ("Conv", "ConvTranspose", "Gemm")


def fold_batch_norm(graph: OnnxGraph) -> None:
    """factor · (weight · x + bias - mean) + shift, with factor = scale / √(variance + ε), as one
    layer with the weight factor · weight and the bias factor · (bias - mean) + shift.

    Computed in float64. Layers: Conv, ConvTranspose and Gemm whose result nobody else takes; a
    weight that another layer shares stays for that one.
    """
    users, makers = graph.users(), graph.makers()
    ends = {end.handle for end in graph.outputs}
    folded: dict[int, OnnxNode | None] = {}
    numbers = {id(node): number for number, node in enumerate(graph.nodes)}
    for number, norm in enumerate(graph.nodes):
        x = norm.inputs[0] if norm.operator == "BatchNormalization" else None
        layer = makers.get(x) if x else None
        if x is None or layer is None or layer.operator not in _LAYERS:
            continue
        if len(users[x]) == 1 and x not in ends:
            # The layer moves to where the norm stood, and is called what it was called.
            folded[number] = _folded(graph, layer, norm)
            folded[numbers[id(layer)]] = None
    nodes = (folded.get(number, node) for number, node in enumerate(graph.nodes))
    graph.nodes[:] = [node for node in nodes if node is not None]


def _folded(graph: OnnxGraph, layer: OnnxNode, norm: OnnxNode) -> OnnxNode:
    x, weight, *rest = layer.inputs
    assert weight is not None
    scale, shift, mean, variance = (
        graph.tensors[handle].astype(np.float64) for handle in norm.inputs[1:] if handle
    )
    factor = scale / np.sqrt(variance + norm.attributes["epsilon"])
    old = graph.tensors[weight]
    bias = graph.tensors[rest[0]].astype(np.float64) if rest and rest[0] else np.zeros_like(mean)
    made = Handle(weight.wish), Handle(f"{layer.name}.bias")
    graph.tensors[made[0]] = (old * _upright(layer, old, factor)).astype(old.dtype)
    graph.tensors[made[1]] = (factor * (bias - mean) + shift).astype(old.dtype)
    return replace(layer, inputs=(x, *made), outputs=norm.outputs)


def _upright(layer: OnnxNode, weight: Array, factor: Array) -> Array:
    """The factors of the output channels, as they are broadcast over a weight."""
    if layer.operator != "ConvTranspose":
        return factor.reshape(-1, *(1,) * (weight.ndim - 1))
    # [inputs, outputs / groups, …]: rows of the g-th part belong to the g-th group of outputs.
    groups = layer.attributes.get("group", 1)
    rows = np.repeat(factor.reshape(groups, -1), weight.shape[0] // groups, axis=0)
    return rows.reshape(*weight.shape[:2], *(1,) * (weight.ndim - 2))
