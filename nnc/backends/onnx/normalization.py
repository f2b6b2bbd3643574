"""Normalisation in evaluation."""

from __future__ import annotations

import numpy as np

from nnc.backends.onnx.assembly import Handle, Place, Rows
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.table import ops
from nnc.compiler.types import Shape, elements, is_static
from nnc.compiler.vocabulary.ops.normalization import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    RMSNorm,
)

FEW = 32
"""Below as many values in a group the mean is taken away first."""


@ops.lowers(BatchNorm)
def batch_norm(op: BatchNorm, place: Place) -> Handle:
    """ONNX's momentum is what the old statistics keep; it has no effect in evaluation."""
    if place.moment is not None:
        return _batch_norm_of_batch(op, place)
    statistics = map(place.weight, ("running_mean", "running_var"))
    return place.add(
        "BatchNormalization",
        place.x,
        *_scale_and_bias(op.affine, place, (op.channels(place.type),)),
        *statistics,
        epsilon=op.epsilon,
        momentum=1 - op.momentum,
    )


def _batch_norm_of_batch(op: BatchNorm, place: Place) -> Handle:
    """With the batch's own mean and variance; the running ones take a part of them, of the
    variance without bias."""
    axes = place.whole([0, *range(2, place.type.rank + 1)], "axes")
    mean = place.add("ReduceMean", place.x, axes, role="mean", keepdims=1)
    apart = place.add("Sub", place.x, mean, role="apart")
    square = place.add("Mul", apart, apart, role="square")
    variance = place.add("ReduceMean", square, axes, role="variance", keepdims=1)
    _keep_statistics(op, place, mean, variance)
    above = place.add("Add", variance, place.number(op.epsilon, "epsilon"), role="above")
    inverse = place.add("Reciprocal", place.add("Sqrt", above, role="root"), role="inverse")
    if not op.affine:
        return place.add("Mul", apart, inverse)
    scale = place.add("Mul", inverse, _upright(place, "weight"), role="scale")
    scaled = place.add("Mul", apart, scale, role="scaled")
    return place.add("Add", scaled, _upright(place, "bias"))


def _keep_statistics(op: BatchNorm, place: Place, mean: Handle, variance: Handle) -> None:
    size = place.add("Size", place.x, role="size")
    count = place.add("Div", size, place.whole(op.channels(place.type), "channels"), role="count")
    less = place.add("Sub", count, place.whole(1, "one"), role="less")
    kind = ELEMENT_TYPES[place.float_type]
    most, fewer = (place.add("Cast", x, role="floats", to=kind) for x in (count, less))
    unbiased = place.add("Mul", variance, place.add("Div", most, fewer, role="ratio"))
    flat = place.whole([-1], "flat")
    for name, new in (("running_mean", mean), ("running_var", unbiased)):
        old = place.add(
            "Mul", place.statistic(name), place.number(1 - op.momentum, "kept"), role="old"
        )
        vector = place.add("Reshape", new, flat, role="vector")
        part = place.add("Mul", vector, place.number(op.momentum, "taken"), role="part")
        place.keep(name, place.add("Add", old, part, role=name))


@ops.lowers(LayerNorm)
def layer_norm(op: LayerNorm, place: Place) -> Handle:
    affine, shape = op.affine, place.type.shape[-op.axes :]
    both = _scale_and_bias(affine, place, shape) if op.bias else (_scale(affine, place, shape),)
    return place.add(
        "LayerNormalization",
        place.x,
        *both,
        axis=-op.axes,
        epsilon=op.epsilon,
    )


@ops.lowers(RMSNorm)
def rms_norm(op: RMSNorm, place: Place) -> Handle:
    """One operator since opset 23, its formula before."""
    if place.opset >= 23:
        scale = _scale(op.affine, place, place.type.shape[-op.axes :])
        return place.add("RMSNormalization", place.x, scale, axis=-op.axes, epsilon=op.epsilon)
    square = place.add("Mul", place.x, place.x, role="square")
    axes = place.whole(list(range(-op.axes, 0)), "axes")
    mean = place.add("ReduceMean", square, axes, role="mean", keepdims=1)
    above = place.add("Add", mean, place.number(op.epsilon, "epsilon"), role="above")
    root = place.add("Sqrt", above, role="root")
    if not op.affine:
        return place.add("Div", place.x, root)
    divided = place.add("Div", place.x, root, role="divided")
    return place.add("Mul", divided, place.weight("weight"))


@ops.lowers(InstanceNorm)
def instance_norm(op: InstanceNorm, place: Place) -> Handle:
    weights = _scale_and_bias(op.affine, place, (op.channels(place.type),))
    return place.add("InstanceNormalization", place.x, *weights, epsilon=op.epsilon)


@ops.lowers(GroupNorm)
def group_norm(op: GroupNorm, place: Place) -> Handle:
    """Groups are the channels of an InstanceNormalization. onnxruntime has no kernel for
    GroupNormalization, which opset 18 defines in another way than opset 21.

    Its kernel for InstanceNormalization takes mean² from the mean of squares, which loses the
    digits of a few values that lie near each other: their mean is taken away first. Of many values
    that would change nothing but the time, half as much again."""
    ones_and_zeros = _scale_and_bias(False, place, (op.groups,))
    together = place.whole([0, op.groups, -1], "groups")
    apart = place.add("Reshape", place.x, together, role="apart")
    if _few(op, place):
        mean = place.add("ReduceMean", apart, place.whole([2], "places"), role="mean", keepdims=1)
        apart = place.add("Sub", apart, mean, role="centred")
    normal = place.add(
        "InstanceNormalization", apart, *ones_and_zeros, role="normal", epsilon=op.epsilon
    )
    shape = _shape(place)
    if not op.affine:
        return place.add("Reshape", normal, shape)
    back = place.add("Reshape", normal, shape, role="back")
    scaled = place.add("Mul", back, _upright(place, "weight"), role="scaled")
    return place.add("Add", scaled, _upright(place, "bias"))


def _few(op: GroupNorm, place: Place) -> bool:
    """Whether a group may have few values."""
    values = elements(place.type.shape)
    return values is None or values // op.groups < FEW


def _shape(place: Place) -> Handle:
    """The shape of the input with its batch."""
    if is_static(place.type.shape):
        return place.whole([0, *place.type.shape], "shape")
    return place.add("Shape", place.x, role="shape")


def _upright(place: Place, name: str) -> Handle:
    """A weight for each channel with an axis of size 1 for each axis of places."""
    (size,) = next(w.shape for w in place.node.weights if w.name == name)
    shape = (size, *(1,) * (place.type.rank - 1))
    return place.packed(
        f"{name}.upright" if place.type.rank > 1 else name,
        (Rows(name),),
        lambda arrays: arrays[0].reshape(shape),
        lambda array: (array.reshape(size),),
    )


def _scale(affine: bool, place: Place, shape: Shape) -> Handle:
    """The weight of the layer, or 1 where the operator must have one."""
    return place.weight("weight") if affine else place.floats(np.ones(_sizes(shape)), "ones")


def _scale_and_bias(affine: bool, place: Place, shape: Shape) -> tuple[Handle, Handle]:
    """Weight and bias of the layer, or 1 and 0 where the operator must have them."""
    scale = _scale(affine, place, shape)
    return scale, place.weight("bias") if affine else place.floats(np.zeros(_sizes(shape)), "zeros")


def _sizes(shape: Shape) -> list[int]:
    return [size for size in shape if isinstance(size, int)]
