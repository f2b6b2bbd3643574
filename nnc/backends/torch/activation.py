"""Activations."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site, batch_axis
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


@OPS.lowers(Relu)
def relu(op: Relu, at: Site) -> Lowered:
    return py.call("F.relu", at.input)


@OPS.lowers(LeakyRelu)
def leaky_relu(op: LeakyRelu, at: Site) -> Lowered:
    return py.call("F.leaky_relu", at.input, negative_slope=op.slope)


@OPS.lowers(Sigmoid)
def sigmoid(op: Sigmoid, at: Site) -> Lowered:
    return py.call("torch.sigmoid", at.input)


@OPS.lowers(Tanh)
def tanh(op: Tanh, at: Site) -> Lowered:
    return py.call("torch.tanh", at.input)


@OPS.lowers(Gelu)
def gelu(op: Gelu, at: Site) -> Lowered:
    return py.call("F.gelu", at.input, approximate="tanh" if op.approximate else "none")


@OPS.lowers(Step)
def step(op: Step, at: Site) -> Lowered:
    # A comparison would cut the graph; sign has the derivative 0 everywhere, as step has.
    return py.call("F.relu", py.call("torch.sign", at.input))


@OPS.lowers(Identity)
def identity(op: Identity, at: Site) -> Lowered:
    return at.input


@OPS.lowers(Softmax)
def softmax(op: Softmax, at: Site) -> Lowered:
    return py.call("F.softmax", at.input, dim=batch_axis(op.axis))
