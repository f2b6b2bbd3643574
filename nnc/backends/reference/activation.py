"""Activations."""

from __future__ import annotations

import math

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
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


@ops.lowers(Relu)
def relu(op: Relu, call: Call) -> Tensor:
    x = call.x.value
    return tape.elementwise(call.x, np.maximum(x, 0.0), (x > 0).astype(np.float64))


@ops.lowers(LeakyRelu)
def leaky_relu(op: LeakyRelu, call: Call) -> Tensor:
    return tape.where(call.x.value > 0, call.x, op.slope * call.x)


@ops.lowers(Sigmoid)
def sigmoid(op: Sigmoid, call: Call) -> Tensor:
    return tape.sigmoid(call.x)


@ops.lowers(Tanh)
def tanh(op: Tanh, call: Call) -> Tensor:
    return tape.tanh(call.x)


@ops.lowers(Gelu)
def gelu(op: Gelu, call: Call) -> Tensor:
    x = call.x
    if not op.approximate:
        return x * tape.normal_cdf(x)
    inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)
    return 0.5 * x * (1.0 + tape.tanh(inner))


@ops.lowers(Step)
def step(op: Step, call: Call) -> Tensor:
    return tape.constant((call.x.value > 0).astype(np.float64))


@ops.lowers(Identity)
def identity(op: Identity, call: Call) -> Tensor:
    return call.x


@ops.lowers(Softmax)
def softmax(op: Softmax, call: Call) -> Tensor:
    axis = op.axis % call.types[0].rank + 1
    # The shift cancels, so its own gradient is left out.
    e = tape.exp(call.x - tape.constant(call.x.value.max(axis=axis, keepdims=True)))
    return e / tape.total(e, axis, keep=True)
