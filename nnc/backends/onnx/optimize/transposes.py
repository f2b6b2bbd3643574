"""Transposes that meet become one or none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from nnc.backends.onnx.assembly import Handle, OnnxNode
from nnc.backends.onnx.graph import OnnxGraph


def join_transposes(graph: OnnxGraph) -> None:
    """Put two Transposes in a row into one, and leave out one that changes nothing.

    Between recurrent layers of two directions a Reshape stands between them, which joins the
    directions: there time and batch keep their places.
    """
    makers: dict[Handle, OnnxNode] = {}
    same: dict[Handle, Handle] = {}
    ends = {end.handle for end in graph.outputs}
    kept = []
    for node in graph.nodes:
        node = replace(node, inputs=tuple(same.get(x, x) if x else None for x in node.inputs))
        if node.operator == "Transpose":
            node = _joined(node, makers)
            source, result = node.inputs[0], node.outputs[0]
            if source is not None and result not in ends and _is_nothing(node):
                same[result] = source
                continue
            pair = _directions(node, makers, graph)
            if pair is not None:
                moved, node = pair
                kept.append(moved)
                makers[moved.outputs[0]] = moved
        kept.append(node)
        makers |= dict.fromkeys(node.outputs, node)
    graph.nodes[:] = kept


def _is_nothing(node: OnnxNode) -> bool:
    perm = list(node.attributes["perm"])
    return perm == sorted(perm)


def _joined(node: OnnxNode, makers: Mapping[Handle, OnnxNode]) -> OnnxNode:
    """One Transpose for two: axis i of the result is axis first[second[i]] of what goes in."""
    first = makers.get(node.inputs[0]) if node.inputs[0] else None
    if first is None or first.operator != "Transpose":
        return node
    perm = [first.attributes["perm"][axis] for axis in node.attributes["perm"]]
    return replace(node, inputs=first.inputs, attributes={"perm": perm})


def _directions(
    node: OnnxNode, makers: Mapping[Handle, OnnxNode], graph: OnnxGraph
) -> tuple[OnnxNode, OnnxNode] | None:
    """[time, directions, batch, units] -> [time, batch, directions · units] without the detour
    over [batch, time, …]: a Transpose and a Reshape."""
    reshape = makers.get(node.inputs[0]) if node.inputs[0] else None
    if (
        reshape is None
        or reshape.operator != "Reshape"
        or list(node.attributes["perm"]) != [1, 0, 2]
    ):
        return None
    source, shape = reshape.inputs
    moved = makers.get(source) if source else None
    sizes = graph.tensors.get(shape) if shape else None
    if moved is None or moved.operator != "Transpose" or sizes is None:
        return None
    if list(moved.attributes["perm"]) != [2, 0, 1, 3] or list(sizes[:-1]) != [0, 0]:
        return None
    result = Handle(f"{node.outputs[0].wish}/time_first")
    turned = OnnxNode(
        "Transpose", result.wish, moved.inputs, (result,), {"perm": [0, 2, 1, 3]}, node.origin
    )
    return turned, replace(node, operator="Reshape", inputs=(result, shape), attributes={})
