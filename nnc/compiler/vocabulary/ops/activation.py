"""Activations, as stages and as `activation=`."""

from __future__ import annotations

from nnc.compiler.vocabulary.base import Axis, Mistake, PositiveReal, Real
from nnc.compiler.vocabulary.fields import Field
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


def _kinked(op: Op, *kinks: int) -> tuple[Example, ...]:
    """Examples of a function whose derivative jumps at these numbers."""
    return (example(op, "f32[5]", kinks=kinks), example(op, "f32[3, T]", kinks=kinks))


class Relu(_Simple):
    """max(x, 0); its derivative at 0 is 0."""

    word = "relu"
    aliases = ("ReLU", "Relu")


class Relu6(_Simple):
    """min(max(x, 0), 6); its derivative at 0 and 6 is 0."""

    word = "relu6"
    aliases = ("ReLU6", "Relu6")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return _kinked(cls(), 0, 3, 6)


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


class HardSigmoid(_Simple):
    """relu6(x + 3) / 6; its derivative at -3 and 3 is 0."""

    word = "hard_sigmoid"
    aliases = ("hardsigmoid", "Hardsigmoid", "HardSigmoid")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return _kinked(cls(), -3, 3)


class LogSigmoid(_Simple):
    """ln(1 / (1 + e^-x)) = -softplus(-x)."""

    word = "log_sigmoid"
    aliases = ("logsigmoid", "LogSigmoid")


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


class Elu(_Simple):
    """x for x > 0, alpha · (e^x - 1) otherwise (Clevert et al. 2016); its derivative at 0 is
    alpha."""

    word = "elu"
    aliases = ("ELU", "Elu")
    positional = ("alpha",)
    alpha: Real = Field(1.0, description="minus the limit far below 0")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (example(cls(), "f32[5]"), example(cls(alpha=0.3), "f32[3, T]"))


class Selu(_Simple):
    """s · x for x > 0, s · α · (e^x - 1) otherwise, with s = 1.0507009873554805 and
    α = 1.6732632423543772 (Klambauer et al. 2017); its derivative at 0 is s · α."""

    word = "selu"
    aliases = ("SELU", "Selu")


class Celu(_Simple):
    """x for x > 0, alpha · (e^(x / alpha) - 1) otherwise (Barron 2017)."""

    word = "celu"
    aliases = ("CELU", "Celu")
    positional = ("alpha",)
    alpha: PositiveReal = Field(1.0, description="minus the limit far below 0")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (example(cls(), "f32[5]"), example(cls(alpha=0.3), "f32[3, T]"))

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("(0)", "E203"), Mistake("", "E302", "i64[3]"))


class Silu(_Simple):
    """x / (1 + e^-x) (Elfwing et al. 2018)."""

    word = "silu"
    aliases = ("swish", "SiLU", "Silu", "Swish")


class HardSwish(_Simple):
    """x · relu6(x + 3) / 6 (Howard et al. 2019); its derivative is 0 at -3 and 1 at 3."""

    word = "hard_swish"
    aliases = ("hardswish", "Hardswish", "HardSwish", "hard_silu")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return _kinked(cls(), -3, 3)


class Mish(_Simple):
    """x · tanh(softplus(x)) (Misra 2020)."""

    word = "mish"
    aliases = ("Mish",)


class Softplus(_Simple):
    """ln(1 + e^x)."""

    word = "softplus"
    aliases = ("Softplus",)


class Softsign(_Simple):
    """x / (1 + |x|)."""

    word = "softsign"
    aliases = ("Softsign",)


class Step(_Simple):
    """1 for x > 0, else 0; its derivative is 0 everywhere."""

    word = "step"
    aliases = ("heaviside", "Step")


class Identity(_Simple):
    """x, unchanged."""

    word = "identity"
    aliases = ("linear", "Identity")


class _AlongAnAxis(Activation):
    positional = ("axis",)
    argument_aliases = {"dim": "axis"}
    axis: Axis = Field(-1, description="the axis of the classes")

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


class Softmax(_AlongAnAxis):
    """e^x / Σ e^x along an axis of one example, the last without another given."""

    word = "softmax"
    aliases = ("Softmax",)


class LogSoftmax(_AlongAnAxis):
    """x - ln Σ e^x along an axis of one example, the last without another given."""

    word = "log_softmax"
    aliases = ("logsoftmax", "LogSoftmax")
