"""Activations."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.lowering import OPS, Lowered, Site, batch_axis
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

_FUNCTIONS: dict[type[Activation], str] = {
    HardSwish: "hardswish",
    LogSigmoid: "logsigmoid",
    Mish: "mish",
    Relu: "relu",
    Relu6: "relu6",
    Selu: "selu",
    Silu: "silu",
    Softplus: "softplus",
    Softsign: "softsign",
}


@OPS.lowers(*_FUNCTIONS)
def function(op: Activation, at: Site) -> Lowered:
    return py.call(f"F.{_FUNCTIONS[type(op)]}", at.input)


@OPS.lowers(LeakyRelu)
def leaky_relu(op: LeakyRelu, at: Site) -> Lowered:
    return py.call("F.leaky_relu", at.input, negative_slope=op.slope)


@OPS.lowers(Elu)
def elu(op: Elu, at: Site) -> Lowered:
    return py.call("F.elu", at.input, alpha=op.alpha)


@OPS.lowers(Celu)
def celu(op: Celu, at: Site) -> Lowered:
    if op.alpha == 1:
        return py.call("F.celu", at.input)
    # The derivative of F.celu takes 1 / alpha rounded to float32, in float64 too.
    bent = py.call("F.elu", py.binary("/", at.input, op.alpha))
    return py.binary("*", op.alpha, bent)


@OPS.lowers(Sigmoid)
def sigmoid(op: Sigmoid, at: Site) -> Lowered:
    return py.call("torch.sigmoid", at.input)


@OPS.lowers(HardSigmoid)
def hard_sigmoid(op: HardSigmoid, at: Site) -> Lowered:
    # F.hardsigmoid has the derivative 1/6 rounded to float32, in float64 too.
    return py.binary("/", py.call("F.relu6", py.binary("+", at.input, 3)), 6)


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


@OPS.lowers(Softmax, LogSoftmax)
def softmax(op: Softmax | LogSoftmax, at: Site) -> Lowered:
    return py.call(f"F.{op.word}", at.input, dim=batch_axis(op.axis))
