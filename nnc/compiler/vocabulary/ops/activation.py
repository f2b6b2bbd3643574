"""Activations, as stages and as `activation=`."""

from __future__ import annotations

from pydantic import Field

from nnc.compiler.vocabulary.base import Axis, Mistake, Real
from nnc.compiler.vocabulary.ops.base import (
    Activation,
    Example,
    Op,
    Types,
    example,
    require_float,
    resolve_axis,
)


class _Simple(Activation):
    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (example(cls(), "f32[5]"), example(cls(), "f32[3, T]"))

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("", "E302", "i64[3]"), Mistake("(1, 2, 3)", "E205"))


class Relu(_Simple):
    """max(x, 0); its derivative at 0 is 0."""

    word = "relu"
    aliases = ("ReLU", "Relu")


class LeakyRelu(_Simple):
    """x for x > 0, slope · x otherwise."""

    word = "leaky_relu"
    aliases = ("LeakyReLU", "LeakyRelu")
    positional = ("slope",)
    argument_aliases = {"negative_slope": "slope", "alpha": "slope"}
    slope: Real = Field(0.01, description="the slope below 0")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (example(cls(), "f32[5]"), example(cls(slope=0.1), "f32[3, T]"))


class Sigmoid(_Simple):
    """1 / (1 + e^-x)."""

    word = "sigmoid"
    aliases = ("Sigmoid",)


class Tanh(_Simple):
    """The hyperbolic tangent."""

    word = "tanh"
    aliases = ("Tanh",)


class Gelu(_Simple):
    """x · Φ(x) with the normal distribution's Φ; `approximate`: ½x(1 + tanh(√(2/π)(x +
    0.044715x³))) (Hendrycks and Gimpel 2016)."""

    word = "gelu"
    aliases = ("GELU", "Gelu")
    positional = ("approximate",)
    approximate: bool = Field(False, description="use the tanh form")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (example(cls(), "f32[5]"), example(cls(approximate=True), "f32[3, T]"))


class Step(_Simple):
    """1 for x > 0, else 0; its derivative is 0 everywhere."""

    word = "step"
    aliases = ("heaviside", "Step")


class Identity(_Simple):
    """x, unchanged."""

    word = "identity"
    aliases = ("linear", "Identity")


class Softmax(Activation):
    """e^x / Σ e^x along an axis of one example, the last without another given."""

    word = "softmax"
    aliases = ("Softmax",)
    positional = ("axis",)
    argument_aliases = {"dim": "axis"}
    axis: Axis = Field(-1, description="the axis that sums to 1")

    def infer(self, inputs: Types) -> Types:
        require_float(self, inputs)
        resolve_axis(self, self.axis, inputs[0].rank)
        return inputs

    def moved(self, axes: tuple[int, ...]) -> Op | None:
        return self.replace(axis=axes.index(self.axis % len(axes)))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[5]"),
            example(cls(axis=0), "f32[3, T]"),
            example(cls(), "f32[2, 3, 4]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("(axis=1)", "E301", "f32[3]"), Mistake("", "E302", "i64[3]"))
