"""Means over all places, norms, and shares of a whole.

The kernels that there are have epsilon as the file has it, in float32. Here it is the spec's.
"""

from __future__ import annotations

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.exact.table import Part, defines


@defines("GlobalAveragePool")
def global_average_pool(at: Part) -> None:
    at.result("ReduceMean", at.x, _places(at), keepdims=1)


@defines("InstanceNormalization")
def instance_normalization(at: Part) -> None:
    normal = _normalized(at, _places(at))
    scale, shift = (_beside(at, at.input(number)) for number in (1, 2))
    at.result("Add", at.add("Mul", normal, scale), shift)


@defines("LayerNormalization")
def layer_normalization(at: Part) -> None:
    axis = at.attribute("axis", -1)
    assert axis < 0  # so that scale and shift have the last axes
    scaled = at.add("Mul", _normalized(at, at.whole(range(axis, 0))), at.input(1))
    at.result("Add", scaled, at.input(2) if at.has(2) else at.floats(0.0))


@defines("BatchNormalization")
def batch_normalization(at: Part) -> None:
    scale, shift, mean, variance = (_beside(at, at.input(number)) for number in (1, 2, 3, 4))
    normal = at.add("Div", at.add("Sub", at.x, mean), _deviation(at, variance))
    at.result("Add", at.add("Mul", normal, scale), shift)


def _normalized(at: Part, axes: Handle) -> Handle:
    """(x - mean) / √(variance + epsilon)."""
    apart = at.add("Sub", at.x, at.add("ReduceMean", at.x, axes, keepdims=1))
    variance = at.add("ReduceMean", at.add("Mul", apart, apart), axes, keepdims=1)
    return at.add("Div", apart, _deviation(at, variance))


def _deviation(at: Part, variance: Handle) -> Handle:
    return at.add("Sqrt", at.add("Add", variance, at.floats(at.attribute("epsilon", 1e-5))))


def _rank(at: Part) -> Handle:
    """The rank of the input, in a row of one."""
    return at.add("Shape", at.add("Shape", at.x))


def _places(at: Part) -> Handle:
    """The axes behind those of examples and channels."""
    axis = at.whole([0])
    start, step = (at.add("Squeeze", at.whole([number]), axis) for number in (2, 1))
    return at.add("Range", start, at.add("Squeeze", _rank(at), axis), step)


def _beside(at: Part, vector: Handle) -> Handle:
    """A number for each channel, in the form [C, 1, …]."""
    count = at.add("Sub", _rank(at), at.whole([2]))
    shape = at.row(at.whole([-1]), at.add("Expand", at.whole([1]), count))
    return at.add("Reshape", vector, shape)


@defines("Softmax")
def softmax(at: Part) -> None:
    """The kernel holds a part of its work in float32 on some processors."""
    grown = at.add("Exp", _below_largest(at))
    at.result("Div", grown, at.add("ReduceSum", grown, _axis(at), keepdims=1))


@defines("LogSoftmax")
def log_softmax(at: Part) -> None:
    lowered = _below_largest(at)
    total = at.add("ReduceSum", at.add("Exp", lowered), _axis(at), keepdims=1)
    at.result("Sub", lowered, at.add("Log", total))


def _below_largest(at: Part) -> Handle:
    return at.add("Sub", at.x, at.add("ReduceMax", at.x, _axis(at), keepdims=1))


def _axis(at: Part) -> Handle:
    return at.whole([at.attribute("axis", -1)])
