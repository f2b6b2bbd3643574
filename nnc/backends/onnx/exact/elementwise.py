"""Functions of single elements, as the ONNX standard defines them."""

from __future__ import annotations

import math

import numpy as np

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.exact.table import Part, defines

_SELU = (1.6732632423543772, 1.0507009873554805)
"""alpha and gamma (Klambauer et al. 2017); the operator's own defaults are these in float32."""


@defines("LeakyRelu")
def leaky_relu(at: Part) -> None:
    _bent(at, at.add("Mul", at.x, at.floats(at.attribute("alpha", 0.01))))


@defines("PRelu")
def prelu(at: Part) -> None:
    _bent(at, at.add("Mul", at.x, at.input(1)))


@defines("Elu")
def elu(at: Part) -> None:
    _bent(at, _grown(at, at.attribute("alpha", 1.0)))


@defines("Selu")
def selu(at: Part) -> None:
    alpha, gamma = at.attribute("alpha", _SELU[0]), at.attribute("gamma", _SELU[1])
    high = at.add("Mul", at.x, at.floats(gamma))
    at.result("Where", _below_0(at), _grown(at, alpha * gamma), high)


def _bent(at: Part, low: Handle) -> None:
    """x, below 0 something else."""
    at.result("Where", _below_0(at), low, at.x)


def _below_0(at: Part) -> Handle:
    return at.add("Less", at.x, at.floats(0.0))


def _grown(at: Part, factor: float) -> Handle:
    """factor · (e^x - 1)."""
    grown = at.add("Sub", at.add("Exp", at.x), at.floats(1.0))
    return at.add("Mul", grown, at.floats(factor))


@defines("HardSigmoid")
def hard_sigmoid(at: Part) -> None:
    slope, middle = at.attribute("alpha", 0.2), at.attribute("beta", 0.5)
    at.result("Min", _ramp(at, slope, middle), at.floats(1.0))


@defines("HardSwish")
def hard_swish(at: Part) -> None:
    at.result("Mul", at.x, at.add("Min", _ramp(at, 1 / 6, 0.5), at.floats(1.0)))


def _ramp(at: Part, slope: float, middle: float) -> Handle:
    """slope · x + middle, 0 at least."""
    line = at.add("Add", at.add("Mul", at.x, at.floats(slope)), at.floats(middle))
    return at.add("Max", line, at.floats(0.0))


@defines("Softplus")
def softplus(at: Part) -> None:
    at.result("Add", *_softplus(at))


def _softplus(at: Part) -> tuple[Handle, Handle]:
    """max(x, 0) and ln(1 + e^-|x|), whose sum it is."""
    small = at.add("Exp", at.add("Neg", at.add("Abs", at.x)))
    rest = at.add("Log", at.add("Add", small, at.floats(1.0)))
    return at.add("Max", at.x, at.floats(0.0)), rest


@defines("Mish")
def mish(at: Part) -> None:
    at.result("Mul", at.x, at.add("Tanh", at.add("Add", *_softplus(at))))


@defines("Softsign")
def softsign(at: Part) -> None:
    at.result("Div", at.x, at.add("Add", at.add("Abs", at.x), at.floats(1.0)))


@defines("Erf")
def erf(at: Part) -> None:
    at.result("Squeeze", _erf(at, at.x), at.whole([-1]))


@defines("Gelu")
def gelu(at: Part) -> None:
    half = at.add("Mul", at.x, at.floats(0.5))
    if at.attribute("approximate", "none") == "tanh":
        cube = at.add("Mul", at.add("Mul", at.x, at.x), at.add("Mul", at.x, at.floats(0.044715)))
        inner = at.add("Mul", at.add("Add", at.x, cube), at.floats(math.sqrt(2 / math.pi)))
        share = at.add("Tanh", inner)
    else:
        scaled = at.add("Mul", at.x, at.floats(math.sqrt(0.5)))
        share = at.add("Squeeze", _erf(at, scaled), at.whole([-1]))
    at.result("Mul", half, at.add("Add", share, at.floats(1.0)))


_REACH = 6.0
"""Beyond it erf is 1 in float64."""


def _erf(at: Part, x: Handle) -> Handle:
    """erf with one axis more, of size 1: the sine series of a square wave of half period 12,
    smoothed by the density whose integral erf is: Σ over odd k of 4 / (π·k) · e^-(π·k / 24)² ·
    sin(π·k·x / 12). The neighbouring edges change it by less than erfc(6) = 2e-17."""
    k = np.arange(1, 50, 2)
    inside = at.add("Max", at.add("Min", x, at.floats(_REACH)), at.floats(-_REACH))
    turns = at.add(
        "Mul", at.add("Unsqueeze", inside, at.whole([-1])), at.floats(np.pi * k / (2 * _REACH))
    )
    shares = 4 / (np.pi * k) * np.exp(-((np.pi * k / (4 * _REACH)) ** 2))
    return at.add("MatMul", at.add("Sin", turns), at.floats(shares[:, None]))
