"""Activations. Derivatives at kinks are those of the reference."""

from __future__ import annotations

import math

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.gradients.table import GRADIENTS, Back


def _pass(at: Back, slope: Handle) -> None:
    at.give(0, at.mul(at.gradient, slope))


def _rest(at: Back, x: Handle) -> Handle:
    """1 - x."""
    return at.add("Sub", at.number(1.0, "one"), x)


@GRADIENTS.of("Relu")
def relu(at: Back) -> None:
    at.give(0, at.gradient if at.is_rectified else at.where_above_0(at.gradient, at.y))


@GRADIENTS.of("LeakyRelu")
def leaky_relu(at: Back) -> None:
    above = at.add("Greater", at.x(), at.number(0.0, "zero"))
    small = at.times(at.gradient, at.attribute("alpha", 0.01))
    at.give(0, at.add("Where", above, at.gradient, small))


@GRADIENTS.of("PRelu")
def prelu(at: Back) -> None:
    above = at.add("Greater", at.x(), at.number(0.0, "zero"))
    if at.needs(0):
        at.give(0, at.add("Where", above, at.gradient, at.mul(at.gradient, at.x(1))))
    if at.needs(1):
        below = at.add("Where", above, at.number(0.0, "zero"), at.mul(at.gradient, at.x()))
        at.give_fitted(1, below)


@GRADIENTS.of("Sigmoid")
def sigmoid(at: Back) -> None:
    _pass(at, at.mul(at.y, _rest(at, at.y)))


@GRADIENTS.of("Tanh")
def tanh(at: Back) -> None:
    _pass(at, _rest(at, at.mul(at.y, at.y)))


@GRADIENTS.of("Softplus")
def softplus(at: Back) -> None:
    _pass(at, at.add("Sigmoid", at.x()))


@GRADIENTS.of("Softsign")
def softsign(at: Back) -> None:
    """1 / (1 + |x|)²."""
    below = at.add("Add", at.add("Abs", at.x()), at.number(1.0, "one"))
    at.give(0, at.add("Div", at.gradient, at.mul(below, below)))


@GRADIENTS.of("Elu", "Selu", "Celu")
def elu(at: Back) -> None:
    """Below 0: alpha · eˣ (times gamma; Celu: e^(x / alpha))."""
    selu = at.node.operator == "Selu"
    alpha = at.attribute("alpha", 1.6732632423543772 if selu else 1.0)
    gamma = at.attribute("gamma", 1.0507009873554805) if selu else 1.0
    above = at.add("Greater", at.x(), at.number(0.0, "zero"))
    if at.node.operator == "Celu":
        slope = at.add("Exp", at.times(at.x(), 1 / alpha))
    else:
        slope = at.times(at.add("Exp", at.x()), alpha * gamma)
    straight = at.times(at.gradient, gamma) if gamma != 1.0 else at.gradient
    at.give(0, at.add("Where", above, straight, at.mul(at.gradient, slope)))


@GRADIENTS.of("HardSigmoid")
def hard_sigmoid(at: Back) -> None:
    """alpha strictly between the bounds."""
    zero, one = at.number(0.0, "zero"), at.number(1.0, "one")
    inside = at.add("And", at.add("Greater", at.y, zero), at.add("Less", at.y, one))
    at.give(0, at.chosen(inside, at.times(at.gradient, at.attribute("alpha", 0.2))))


@GRADIENTS.of("HardSwish")
def hard_swish(at: Back) -> None:
    """x / 3 + 1/2 between -3 and 3, 1 above."""
    x = at.x()
    low, high = at.number(-3.0, "low"), at.number(3.0, "high")
    middle = at.add("Add", at.times(x, 1 / 3), at.number(0.5, "half"))
    inside = at.add("Where", at.add("Less", x, high), middle, at.number(1.0, "one"))
    _pass(at, at.add("Where", at.add("Greater", x, low), inside, at.number(0.0, "zero")))


@GRADIENTS.of("Mish")
def mish(at: Back) -> None:
    """x · tanh(s) with s = softplus(x): t + x · (1 - t²) · sigmoid(x)."""
    x = at.x()
    t = at.add("Tanh", at.add("Softplus", x))
    bent = at.mul(at.mul(x, at.add("Sigmoid", x)), _rest(at, at.mul(t, t)))
    _pass(at, at.add("Add", t, bent))


@GRADIENTS.of("Gelu")
def gelu(at: Back) -> None:
    if at.attribute("approximate", "none") == "tanh":
        _pass(at, _tanh_gelu(at, at.x()))
        return
    # Φ(x) + x · φ(x)
    x = at.x()
    half = at.add("Add", at.add("Erf", at.times(x, math.sqrt(0.5))), at.number(1.0, "one"))
    bell = at.add("Exp", at.times(at.mul(x, x), -0.5))
    density = at.times(at.mul(x, bell), 1 / math.sqrt(2 * math.pi))
    _pass(at, at.add("Add", at.times(half, 0.5), density))


def _tanh_gelu(at: Back, x: Handle) -> Handle:
    """½ (1 + t) + ½ x (1 - t²) · k (1 + 3 · 0.044715 x²) with t = tanh(k (x + 0.044715 x³))."""
    k, one = math.sqrt(2 / math.pi), at.number(1.0, "one")
    square = at.mul(x, x)
    inner = at.mul(x, at.add("Add", at.times(square, 0.044715), one))
    t = at.add("Tanh", at.times(inner, k))
    slope = at.times(at.add("Add", at.times(square, 3 * 0.044715), one), k)
    bent = at.mul(at.mul(x, slope), _rest(at, at.mul(t, t)))
    return at.times(at.add("Add", at.add("Add", t, one), bent), 0.5)


@GRADIENTS.of("Softmax")
def softmax(at: Back) -> None:
    """y · (g - Σ g·y)."""
    weighted = at.mul(at.gradient, at.y)
    total = at.add("ReduceSum", weighted, at.whole([at.attribute("axis", -1)], "axis"), keepdims=1)
    at.give(0, at.add("Sub", weighted, at.mul(at.y, total)))


@GRADIENTS.of("LogSoftmax")
def log_softmax(at: Back) -> None:
    """g - eʸ · Σ g."""
    axis = at.whole([at.attribute("axis", -1)], "axis")
    total = at.add("ReduceSum", at.gradient, axis, keepdims=1)
    at.give(0, at.add("Sub", at.gradient, at.mul(at.add("Exp", at.y), total)))
