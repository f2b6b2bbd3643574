"""Models in float64 on ONNX Runtime, which has no kernels in float64 for some operators, and for
others kernels with numbers in float32: each of these is put in by its definition, out of operators
that are exact.

Only what runs for a comparison or a training in float64 is changed; no file ever has these forms.
"""

from __future__ import annotations

from typing import Final

from nnc.backends.onnx.exact import elementwise, normalization, resize, windows
from nnc.backends.onnx.exact.table import FORMS, Part
from nnc.backends.onnx.graph import OnnxGraph
from nnc.backends.onnx.optimize import drop_unused

__all__ = ["FAILING", "elementwise", "normalization", "resize", "spell_out", "windows"]


FAILING: Final = ("FuseReluClip",)
"""What onnxruntime (1.31) does to models that it loads, and fails at in float64."""


def spell_out(graph: OnnxGraph) -> None:
    """Rewrite a float64 model in place. Its inputs, its outputs and their names stay."""
    nodes = []
    for node in graph.nodes:
        form = FORMS.get(node.operator)
        if form is None:
            nodes.append(node)
            continue
        part = Part(graph, node)
        form(part)
        nodes += part.nodes
    graph.nodes[:] = nodes
    drop_unused(graph)
