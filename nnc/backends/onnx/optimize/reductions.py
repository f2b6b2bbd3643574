"""Reductions in a form that OpenVINO computes rightly."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from nnc.backends.onnx.assembly import Handle, OnnxNode
from nnc.backends.onnx.graph import OnnxGraph

_REDUCTIONS: Final = (
    *("ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare"),
)
_AXIS: Final = 2
"""The last axis of a value with three."""


def keep_reductions_apart(graph: OnnxGraph) -> None:
    """A Squeeze or an Unsqueeze between a reduction over the last of three axes and what follows.

    OpenVINO (2026.4) joins such a reduction with numbers by place that follow it, and takes those
    of another place from the second example of a batch on.
    """
    kept: list[OnnxNode] = []
    for node in graph.nodes:
        axes = (
            graph.tensors.get(node.inputs[1]) if len(node.inputs) > 1 and node.inputs[1] else None
        )
        if node.operator not in _REDUCTIONS or axes is None or axes.tolist() != [_AXIS]:
            kept.append(node)
            continue
        keeps = node.attributes.get("keepdims", 1)
        reduced, place = Handle(f"{node.name}/reduced"), Handle(f"{node.name}/place")
        graph.tensors[place] = np.array([_AXIS])
        attributes = {**node.attributes, "keepdims": 1 - keeps}
        operator = "Unsqueeze" if keeps else "Squeeze"
        kept.append(replace(node, outputs=(reduced,), attributes=attributes))
        name = f"{node.name}/{operator.lower()}"
        kept.append(OnnxNode(operator, name, (reduced, place), node.outputs, {}, node.origin))
    graph.nodes[:] = kept
