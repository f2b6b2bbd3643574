"""Activations."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.lowering import OPS, Site, example_axis
from nnc.compiler.vocabulary.ops import activation as words
from nnc.compiler.vocabulary.ops.base import Activation


def activated(op: Activation | None, site: Site, x: py.Expr) -> py.Expr:
    """x, or the activation that the layer applies to it."""
    if op is None:
        return x
    lowered = OPS.find(op)(op, site.at(x))
    assert not isinstance(lowered, tuple)
    return lowered


@OPS.lowers(
    words.HardSigmoid,
    words.HardSwish,
    words.LogSigmoid,
    words.Relu,
    words.Relu6,
    words.Sigmoid,
    words.Silu,
    words.Softplus,
    words.Softsign,
    words.Tanh,
)
def simple(op: Activation, site: Site) -> py.Expr:
    return py.call(f"ops.{op.word}", site.input)


@OPS.lowers(words.Mish)
def mish(op: words.Mish, site: Site) -> py.Expr:
    return py.binary("*", site.input, py.call("ops.tanh", py.call("ops.softplus", site.input)))


@OPS.lowers(words.Elu)
def elu(op: words.Elu, site: Site) -> py.Expr:
    return py.call("ops.elu", site.input, alpha=op.alpha)


@OPS.lowers(words.Selu)
def selu(op: words.Selu, site: Site) -> py.Expr:
    return site.function("selu")


@OPS.lowers(words.Celu)
def celu(op: words.Celu, site: Site) -> py.Expr:
    return site.function("celu", alpha=op.alpha)


@OPS.lowers(words.LeakyRelu)
def leaky_relu(op: words.LeakyRelu, site: Site) -> py.Expr:
    return site.function("leaky_relu", slope=op.slope)


@OPS.lowers(words.Gelu)
def gelu(op: words.Gelu, site: Site) -> py.Expr:
    return site.function("gelu_tanh" if op.approximate else "gelu")


@OPS.lowers(words.Step)
def step(op: words.Step, site: Site) -> py.Expr:
    return py.call(site.piece("step"), site.input)


@OPS.lowers(words.Identity)
def identity(op: words.Identity, site: Site) -> py.Expr:
    return py.call("ops.copy", site.input)


@OPS.lowers(words.Softmax, words.LogSoftmax)
def softmax(op: words.Softmax | words.LogSoftmax, site: Site) -> py.Expr:
    return py.call(f"ops.{op.word}", site.input, axis=example_axis(op.axis))
