"""Normalisation."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site
from nnc.compiler.vocabulary.ops.normalization import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    RMSNorm,
)


@OPS.lowers(BatchNorm)
def batch_norm(op: BatchNorm, at: Site) -> Lowered:
    rank = at.type.rank
    axes = 1 if at.varies else {3: 2, 4: 3}.get(rank, 1)
    options = _plain("affine", op.affine)
    layer = at.layer(
        py.call(
            f"nn.BatchNorm{axes}d",
            op.channels(at.type),
            eps=op.epsilon,
            momentum=op.momentum,
            **options,
        )
    )
    if rank <= 4 and (axes > 1 or rank < 3):
        return py.call(layer, at.input)
    flat = py.call(layer, py.method(at.input, "flatten", 2))
    return py.method(flat, "reshape", py.attribute(at.input, "shape"))


@OPS.lowers(LayerNorm, RMSNorm)
def over_last_axes(op: LayerNorm | RMSNorm, at: Site) -> Lowered:
    shape = at.type.shape[-op.axes :]
    size = shape[0] if op.axes == 1 else shape
    options = _plain("elementwise_affine", op.affine)
    return at.apply(py.call(f"nn.{op.word}", size, eps=op.epsilon, **options))


@OPS.lowers(GroupNorm)
def group_norm(op: GroupNorm, at: Site) -> Lowered:
    channels, options = op.channels(at.type), _plain("affine", op.affine)
    return at.apply(py.call("nn.GroupNorm", op.groups, channels, eps=op.epsilon, **options))


@OPS.lowers(InstanceNorm)
def instance_norm(op: InstanceNorm, at: Site) -> Lowered:
    layer = f"nn.InstanceNorm{at.type.rank - 1}d"
    channels = op.channels(at.type)
    return at.apply(py.call(layer, channels, eps=op.epsilon, affine=op.affine))


def _plain(name: str, affine: bool) -> dict[str, bool]:
    """The option that leaves weight and bias out; PyTorch has them without it."""
    return {} if affine else {name: False}
