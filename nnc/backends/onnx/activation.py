"""Activations."""

from __future__ import annotations

from math import pi, sqrt

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.activation import (
    Celu,
    Elu,
    Gelu,
    HardSigmoid,
    HardSwish,
    Identity,
    LeakyRelu,
    LogSigmoid,
    LogSoftmax,
    Mish,
    Relu,
    Relu6,
    Selu,
    Sigmoid,
    Silu,
    Softmax,
    Softplus,
    Softsign,
    Step,
    Tanh,
)
from nnc.compiler.vocabulary.ops.base import Activation

_OPERATORS: dict[type[Activation], str] = {
    HardSwish: "HardSwish",
    Mish: "Mish",
    Relu: "Relu",
    Selu: "Selu",
    Sigmoid: "Sigmoid",
    Softplus: "Softplus",
    Softsign: "Softsign",
    Tanh: "Tanh",
}
"""Selu's own scale and alpha are the spec's."""


@ops.lowers(*_OPERATORS)
def function(op: Activation, place: Place) -> Handle:
    return place.add(_OPERATORS[type(op)], place.x)


@ops.lowers(Relu6)
def relu6(op: Relu6, place: Place) -> Handle:
    return place.add("Clip", place.x, place.number(0.0, "low"), place.number(6.0, "high"))


@ops.lowers(HardSigmoid)
def hard_sigmoid(op: HardSigmoid, place: Place) -> Handle:
    return place.add("HardSigmoid", place.x, alpha=1 / 6, beta=0.5)


@ops.lowers(LogSigmoid)
def log_sigmoid(op: LogSigmoid, place: Place) -> Handle:
    negative = place.add("Neg", place.x, role="negative")
    return place.add("Neg", place.add("Softplus", negative, role="softplus"))


@ops.lowers(Silu)
def silu(op: Silu, place: Place) -> Handle:
    return place.add("Mul", place.x, place.add("Sigmoid", place.x, role="sigmoid"))


@ops.lowers(Elu)
def elu(op: Elu, place: Place) -> Handle:
    return place.add("Elu", place.x, alpha=op.alpha)


@ops.lowers(Celu)
def celu(op: Celu, place: Place) -> Handle:
    if place.float_type == "f32":
        return place.add("Celu", place.x, alpha=op.alpha)
    # The standard has Celu in float32 alone.
    alpha = place.number(op.alpha, "alpha")
    bent = place.add("Elu", place.add("Div", place.x, alpha, role="scaled"), role="bent")
    return place.add("Mul", bent, alpha)


@ops.lowers(LeakyRelu)
def leaky_relu(op: LeakyRelu, place: Place) -> Handle:
    return place.add("LeakyRelu", place.x, alpha=op.slope)


@ops.lowers(Identity)
def identity(op: Identity, place: Place) -> Handle:
    return place.x


@ops.lowers(Step)
def step(op: Step, place: Place) -> Handle:
    above = place.add("Greater", place.x, place.number(0.0, "zero"), role="above")
    return place.add("Cast", above, to=ELEMENT_TYPES[place.float_type])


@ops.lowers(Softmax, LogSoftmax)
def softmax(op: Softmax | LogSoftmax, place: Place) -> Handle:
    return place.add(type(op).__name__, place.x, axis=op.axis % place.type.rank + 1)


@ops.lowers(Gelu)
def gelu(op: Gelu, place: Place) -> Handle:
    """One operator since opset 20, its formula before."""
    if place.opset >= 20:
        return place.add("Gelu", place.x, approximate="tanh" if op.approximate else "none")
    bent = _bent_tanh(place) if op.approximate else _bent_erf(place)
    above = place.add("Add", bent, place.number(1.0, "one"), role="above")
    half = place.add("Mul", place.x, place.number(0.5, "half"), role="halved")
    return place.add("Mul", half, above)


def _bent_erf(place: Place) -> Handle:
    scaled = place.add("Div", place.x, place.number(sqrt(2), "sqrt2"), role="scaled")
    return place.add("Erf", scaled, role="erf")


def _bent_tanh(place: Place) -> Handle:
    """tanh(√(2/π)·(x + 0.044715·x³)), with x taken out of the brackets."""
    square = place.add("Mul", place.x, place.x, role="square")
    cubic = place.add("Mul", square, place.number(0.044715, "cubic_factor"), role="cubic")
    factor = place.add("Add", cubic, place.number(1.0, "unit"), role="factor")
    inner = place.add("Mul", place.x, factor, role="inner")
    scaled = place.add("Mul", inner, place.number(sqrt(2 / pi), "scale"), role="scaled")
    return place.add("Tanh", scaled, role="tanh")
