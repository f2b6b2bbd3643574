"""Normalisations with statistics of their own: dx = inv · (g' - mean(g') - x̂ · mean(g' · x̂)) with
g' = g · weight (Ba, Kiros and Hinton 2016)."""

from __future__ import annotations

from collections.abc import Sequence

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.gradients.table import GRADIENTS, Back


def _mean(at: Back, x: Handle, axes: Handle) -> Handle:
    return at.add("ReduceMean", x, axes, keepdims=1)


def _inverse(at: Back, square: Handle) -> Handle:
    """1 / √(square + epsilon)."""
    above = at.add("Add", square, at.number(at.attribute("epsilon", 1e-5), "epsilon"))
    return at.add("Reciprocal", at.add("Sqrt", above))


def _normalized(at: Back, axes: Handle, *, centred: bool = True) -> tuple[Handle, Handle]:
    """x̂ and inv over some axes."""
    apart = at.add("Sub", at.x(), _mean(at, at.x(), axes)) if centred else at.x()
    inverse = _inverse(at, _mean(at, at.mul(apart, apart), axes))
    return at.mul(apart, inverse), inverse


def _of_input(
    at: Back, scaled: Handle, normal: Handle, inverse: Handle, axes: Handle, *, centred: bool = True
) -> Handle:
    along = at.mul(normal, _mean(at, at.mul(scaled, normal), axes))
    rest = at.add("Sub", scaled, _mean(at, scaled, axes)) if centred else scaled
    return at.mul(inverse, at.add("Sub", rest, along))


@GRADIENTS.of("LayerNormalization", "RMSNormalization")
def layer_norm(at: Back) -> None:
    rank = at.rank(at.x())
    first = at.attribute("axis", -1) % rank
    axes = at.whole(list(range(first, rank)), "axes")
    centred = at.node.operator == "LayerNormalization"
    normal, inverse = _normalized(at, axes, centred=centred)
    if at.needs(0):
        scaled = at.mul(at.gradient, at.x(1))
        at.give(0, _of_input(at, scaled, normal, inverse, axes, centred=centred))
    at.give_fitted(1, at.mul(at.gradient, normal))
    if at.has(2):
        at.give_fitted(2, at.gradient)


@GRADIENTS.of("InstanceNormalization")
def instance_norm(at: Back) -> None:
    rank = at.rank(at.x())
    axes = at.whole(list(range(2, rank)), "axes")
    normal, inverse = _normalized(at, axes)
    if at.needs(0):
        scaled = at.mul(at.gradient, _upright(at, at.x(1), rank))
        at.give(0, _of_input(at, scaled, normal, inverse, axes))
    _of_weights(at, normal, [0, *range(2, rank)])


def _upright(at: Back, weight: Handle, rank: int) -> Handle:
    """One number a channel, with an axis of size 1 for each axis of places."""
    return at.add("Unsqueeze", weight, at.whole(list(range(1, rank - 1)), "axes"))


def _of_weights(at: Back, normal: Handle, summed: Sequence[int]) -> None:
    axes = at.whole(summed, "summed")
    if at.needs(1):
        product = at.mul(at.gradient, normal)
        at.give(1, at.add("ReduceSum", product, axes, keepdims=0))
    if at.needs(2):
        at.give(2, at.add("ReduceSum", at.gradient, axes, keepdims=0))


@GRADIENTS.of("BatchNormalization")
def batch_norm(at: Back) -> None:
    """With running statistics, as a layer that is evaluated has it."""
    rank = at.rank(at.x())
    mean, variance = (_upright(at, at.x(number), rank) for number in (3, 4))
    inverse = _inverse(at, variance)
    if at.needs(0):
        at.give(0, at.mul(at.gradient, at.mul(_upright(at, at.x(1), rank), inverse)))
    normal = at.mul(at.add("Sub", at.x(), mean), inverse)
    _of_weights(at, normal, [0, *range(2, rank)])
