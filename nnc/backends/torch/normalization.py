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
    options = {"eps": op.epsilon, "momentum": op.momentum, **_plain("affine", op.affine)}
    if at.distributed:
        kind = at.piece("distributed:GlobalBatchNorm")
        return at.apply(py.call(kind, op.channels(at.type), **options))
    layer = at.layer(py.call(f"nn.BatchNorm{axes}d", op.channels(at.type), **options))
    if rank <= 4 and (axes > 1 or rank < 3):
        return py.call(layer, at.input)
    return _flat(layer, at)


@OPS.lowers(LayerNorm, RMSNorm)
def over_last_axes(op: LayerNorm | RMSNorm, at: Site) -> Lowered:
    shape = at.type.shape[-op.axes :]
    size = shape[0] if op.axes == 1 else shape
    options = _plain("elementwise_affine", op.affine)
    if isinstance(op, LayerNorm) and op.affine:
        options |= _plain("bias", op.bias)
    return at.apply(py.call(f"nn.{op.word}", size, eps=op.epsilon, **options))


@OPS.lowers(GroupNorm)
def group_norm(op: GroupNorm, at: Site) -> Lowered:
    """PyTorch (2.13) crashes in the gradient of images whose channels lie last in memory where the
    images themselves have none, as in front of all trained layers."""
    channels, options = op.channels(at.type), _plain("affine", op.affine)
    layer = py.call("nn.GroupNorm", op.groups, channels, eps=op.epsilon, **options)
    if at.learns or at.type.rank < 3:
        return at.apply(layer)
    return at.apply(layer, py.method(at.input, "contiguous"))


@OPS.lowers(InstanceNorm)
def instance_norm(op: InstanceNorm, at: Site) -> Lowered:
    axes = 1 if at.varies else at.type.rank - 1
    layer = at.layer(
        py.call(f"nn.InstanceNorm{axes}d", op.channels(at.type), eps=op.epsilon, affine=op.affine)
    )
    return _flat(layer, at) if axes < at.type.rank - 1 else py.call(layer, at.input)


def _flat(layer: py.Expr, at: Site) -> py.Expr:
    """A layer for one axis of places applied to the places of all axes."""
    made = py.call(layer, py.method(at.input, "flatten", 2))
    return py.method(made, "reshape", py.attribute(at.input, "shape"))


def _plain(name: str, wanted: bool) -> dict[str, bool]:
    """The option that leaves weight and bias out, or one of them; PyTorch has them without it."""
    return {} if wanted else {name: False}
