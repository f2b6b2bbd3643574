"""What nobody uses goes."""

from __future__ import annotations

from nnc.backends.onnx.graph import OnnxGraph


def drop_unused(graph: OnnxGraph) -> None:
    """Take away nodes that lead to no output, and tensors that no node takes."""
    wanted = {end.handle for end in graph.outputs}
    kept = []
    for node in reversed(graph.nodes):
        if wanted.intersection(node.outputs):
            wanted.update(handle for handle in node.reads if handle is not None)
            kept.append(node)
    graph.nodes[:] = reversed(kept)
    for handle in [handle for handle in graph.tensors if handle not in wanted]:
        del graph.tensors[handle]
