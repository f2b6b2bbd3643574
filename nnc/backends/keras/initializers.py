"""How Keras begins a weight when no file is loaded: the same distributions as nnc draws from.

Keras' own normal initialisers are truncated and its fans are worked out from the shape it stores,
so what differs is written with numbers.
"""

from __future__ import annotations

import math

from nnc.backends import pysource as py
from nnc.compiler.vocabulary import initializers as words
from nnc.compiler.vocabulary.ops.base import Weight

_NAMES: dict[type[words.Initializer], str] = {
    words.Zeros: "zeros",
    words.Ones: "ones",
    words.Orthogonal: "orthogonal",
}


def initializer(weight: Weight, fans: tuple[int, int] | None) -> py.Expr:
    """The initialiser as an argument. `fans` are the fans that Keras sees, None when they don't
    matter."""
    init = weight.init
    if name := _NAMES.get(type(init)):
        return py.literal(name)
    match init:
        case words.Constant(value=number):
            return py.call("keras.initializers.Constant", number)
        case words.Uniform(low=low, high=high):
            return _uniform(low, high)
        case words.Normal(mean=mean, std=std):
            return _normal(mean, std)
        case words.TruncatedNormal(mean=mean, std=std):
            return py.call("keras.initializers.TruncatedNormal", mean=mean, stddev=std)
        case words.Identity(gain=gain):
            return py.call("keras.initializers.Identity", gain)
        case _:
            return _scaled(weight, fans)


def _scaled(weight: Weight, fans: tuple[int, int] | None) -> py.Expr:
    init, alike = weight.init, fans == (weight.fan_in, weight.fan_out)
    is_uniform = isinstance(init, words.GlorotUniform | words.HeUniform | words.LecunUniform)
    if alike and is_uniform:
        return py.literal(init.word)
    if isinstance(init, words.GlorotUniform | words.GlorotNormal):
        variance = 2 / (weight.fan_in + weight.fan_out)
    else:
        lecun = isinstance(init, words.LecunUniform | words.LecunNormal)
        variance = (1 if lecun else 2) / weight.fan_in
    if is_uniform:
        bound = math.sqrt(3 * variance)
        return _uniform(-bound, bound)
    return _normal(0.0, math.sqrt(variance))


def _uniform(low: float, high: float) -> py.Call:
    return py.call("keras.initializers.RandomUniform", minval=low, maxval=high)


def _normal(mean: float, std: float) -> py.Call:
    return py.call("keras.initializers.RandomNormal", mean=mean, stddev=std)
