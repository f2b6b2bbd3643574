"""A mean over all places is one operator."""

from __future__ import annotations

import numpy as np

from nnc.backends.onnx.assembly import Handle, OnnxNode
from nnc.backends.onnx.graph import OnnxGraph


def pool_by_mean(graph: OnnxGraph) -> None:
    """GlobalAveragePool, then Flatten, are a ReduceMean that takes the axes of places away."""
    users, makers = graph.users(), graph.makers()
    ends = {end.handle for end in graph.outputs}
    for number, node in enumerate(graph.nodes):
        pooled = node.inputs[0] if node.operator == "Flatten" else None
        pool = makers.get(pooled) if pooled else None
        if pool is None or pooled is None or pool.operator != "GlobalAveragePool":
            continue
        rank = pool.origin.inputs[0].type.rank if pool.origin else 0
        if rank and len(users[pooled]) == 1 and pooled not in ends:
            axes = Handle(f"{node.name}/places")
            graph.tensors[axes] = np.arange(2, rank + 1)
            graph.nodes[number] = OnnxNode(
                "ReduceMean",
                node.name,
                (pool.inputs[0], axes),
                node.outputs,
                {"keepdims": 0},
                node.origin,
            )
