"""Normalisation."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site
from nnc.compiler.vocabulary.ops.normalization import BatchNorm, LayerNorm


@OPS.lowers(BatchNorm)
def batch_norm(op: BatchNorm, at: Site) -> Lowered:
    rank = at.type.rank
    axes = 1 if at.varies else {3: 2, 4: 3}.get(rank, 1)
    layer = at.layer(
        py.call(f"nn.BatchNorm{axes}d", op.channels(at.type), eps=op.epsilon, momentum=op.momentum)
    )
    if rank <= 4 and (axes > 1 or rank < 3):
        return py.call(layer, at.input)
    flat = py.call(layer, py.method(at.input, "flatten", 2))
    return py.method(flat, "reshape", py.attribute(at.input, "shape"))


@OPS.lowers(LayerNorm)
def layer_norm(op: LayerNorm, at: Site) -> Lowered:
    shape = at.type.shape[-op.axes :]
    return at.apply(py.call("nn.LayerNorm", shape[0] if op.axes == 1 else shape, eps=op.epsilon))
