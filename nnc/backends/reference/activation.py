"""Activations."""

from __future__ import annotations

import math

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
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

_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_ALPHA = 1.6732632423543772848170429916717


@ops.lowers(Relu)
def relu(op: Relu, call: Call) -> Tensor:
    x = call.x.value
    return tape.elementwise(call.x, np.maximum(x, 0.0), (x > 0).astype(np.float64))


def _relu6(x: Tensor) -> Tensor:
    inside = (x.value > 0) & (x.value < 6)
    return tape.elementwise(x, np.clip(x.value, 0.0, 6.0), inside.astype(np.float64))


@ops.lowers(Relu6)
def relu6(op: Relu6, call: Call) -> Tensor:
    return _relu6(call.x)


@ops.lowers(LeakyRelu)
def leaky_relu(op: LeakyRelu, call: Call) -> Tensor:
    return tape.where(call.x.value > 0, call.x, op.slope * call.x)


@ops.lowers(Sigmoid)
def sigmoid(op: Sigmoid, call: Call) -> Tensor:
    return tape.sigmoid(call.x)


@ops.lowers(HardSigmoid)
def hard_sigmoid(op: HardSigmoid, call: Call) -> Tensor:
    return _relu6(call.x + 3.0) / 6.0


@ops.lowers(LogSigmoid)
def log_sigmoid(op: LogSigmoid, call: Call) -> Tensor:
    return -tape.softplus(-call.x)


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


def _expm1(x: Tensor) -> Tensor:
    """e^x - 1 for x up to 0; above, where nobody looks, 0 in place of an overflow."""
    low = np.minimum(x.value, 0.0)
    return tape.elementwise(x, np.expm1(low), np.exp(low))


@ops.lowers(Elu)
def elu(op: Elu, call: Call) -> Tensor:
    return tape.where(call.x.value > 0, call.x, op.alpha * _expm1(call.x))


@ops.lowers(Selu)
def selu(op: Selu, call: Call) -> Tensor:
    return _SELU_SCALE * tape.where(call.x.value > 0, call.x, _SELU_ALPHA * _expm1(call.x))


@ops.lowers(Celu)
def celu(op: Celu, call: Call) -> Tensor:
    return tape.where(call.x.value > 0, call.x, op.alpha * _expm1(call.x / op.alpha))


@ops.lowers(Silu)
def silu(op: Silu, call: Call) -> Tensor:
    return call.x * tape.sigmoid(call.x)


@ops.lowers(HardSwish)
def hard_swish(op: HardSwish, call: Call) -> Tensor:
    return call.x * _relu6(call.x + 3.0) / 6.0


@ops.lowers(Mish)
def mish(op: Mish, call: Call) -> Tensor:
    return call.x * tape.tanh(tape.softplus(call.x))


@ops.lowers(Softplus)
def softplus(op: Softplus, call: Call) -> Tensor:
    return tape.softplus(call.x)


@ops.lowers(Softsign)
def softsign(op: Softsign, call: Call) -> Tensor:
    return call.x / (1.0 + tape.absolute(call.x))


@ops.lowers(Step)
def step(op: Step, call: Call) -> Tensor:
    return tape.constant((call.x.value > 0).astype(np.float64))


@ops.lowers(Identity)
def identity(op: Identity, call: Call) -> Tensor:
    return call.x


def _shifted(op: Softmax | LogSoftmax, call: Call) -> tuple[Tensor, int]:
    """x less its maximum along the axis, and the axis."""
    axis = op.axis % call.types[0].rank + 1
    # The shift cancels, so its own gradient is left out.
    return call.x - tape.constant(call.x.value.max(axis=axis, keepdims=True)), axis


@ops.lowers(Softmax)
def softmax(op: Softmax, call: Call) -> Tensor:
    shifted, axis = _shifted(op, call)
    e = tape.exp(shifted)
    return e / tape.total(e, axis, keep=True)


@ops.lowers(LogSoftmax)
def log_softmax(op: LogSoftmax, call: Call) -> Tensor:
    shifted, axis = _shifted(op, call)
    return shifted - tape.log(tape.total(tape.exp(shifted), axis, keep=True))
