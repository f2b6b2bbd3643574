"""Activations."""

from __future__ import annotations

from math import pi, sqrt

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.activation import (
    Gelu,
    Identity,
    LeakyRelu,
    Relu,
    Sigmoid,
    Softmax,
    Step,
    Tanh,
)


@ops.lowers(Relu, Sigmoid, Tanh)
def same_name(op: Relu | Sigmoid | Tanh, place: Place) -> Handle:
    return place.add(op.word.capitalize(), place.x)


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


@ops.lowers(Softmax)
def softmax(op: Softmax, place: Place) -> Handle:
    return place.add("Softmax", place.x, axis=op.axis % place.type.rank + 1)


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
