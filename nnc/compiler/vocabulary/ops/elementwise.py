"""Functions of single elements that are not activations."""

from __future__ import annotations

from typing import Annotated, Literal

from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.base import Mistake, Phrase, Real, Rejected
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.ops.base import (
    ElementWise,
    Example,
    Op,
    Types,
    example,
    require_float,
)

Target = Annotated[Literal["f32", "i32", "i64", "bool"], Phrase("`f32`, `i32`, `i64` or `bool`")]


class _Function(ElementWise):
    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (example(cls(), "f32[5]"), example(cls(), "f32[3, T]"))

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("", "E302", "i64[3]"), Mistake("(1)", "E205"))


class _Positive(_Function):
    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[5]", positive=True),
            example(cls(), "f32[3, T]", positive=True),
        )


class Negate(_Function):
    """-x."""

    word = "negate"
    aliases = ("neg", "negative", "Neg")


class Abs(_Function):
    """|x|; its derivative at 0 is 0."""

    word = "abs"
    aliases = ("absolute", "Abs")


class Exp(_Function):
    """e^x."""

    word = "exp"
    aliases = ("Exp", "exponential")


class Log(_Positive):
    """The natural logarithm."""

    word = "log"
    aliases = ("Log",)


class Sqrt(_Positive):
    """The square root."""

    word = "sqrt"
    aliases = ("Sqrt",)


class Sin(_Function):
    """The sine of an angle in radians."""

    word = "sin"
    aliases = ("Sin",)


class Cos(_Function):
    """The cosine of an angle in radians."""

    word = "cos"
    aliases = ("Cos",)


class Reciprocal(_Positive):
    """1 / x."""

    word = "reciprocal"
    aliases = ("Reciprocal",)


class Sign(_Function):
    """-1 below 0, 0 at 0, 1 above 0; its derivative is 0 everywhere."""

    word = "sign"
    aliases = ("Sign", "sgn")


class _Whole(_Function):
    """A function with steps."""

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        halves = (-2.5, -1.5, -0.5, 0.5, 1.5, 2.5)
        return (
            example(cls(), "f32[5]", kinks=halves),
            example(cls(), "f32[3, T]", kinks=halves),
        )


class Floor(_Whole):
    """The greatest whole number that is not above x; its derivative is 0 everywhere."""

    word = "floor"
    aliases = ("Floor",)


class Ceil(_Whole):
    """The least whole number that is not below x; its derivative is 0 everywhere."""

    word = "ceil"
    aliases = ("Ceil",)


class Round(_Whole):
    """The nearest whole number, of two that are as near the even one (IEEE 754): 0.5 becomes 0,
    1.5 becomes 2. Its derivative is 0 everywhere."""

    word = "round"
    aliases = ("Round",)


class Erf(_Function):
    """The error function, 2 / √π times the integral of e^-t² from 0 to x."""

    word = "erf"
    aliases = ("Erf",)


class StopGradient(_Function):
    """x, through which no gradient goes back: what comes before it is not trained by what comes
    after. 2 · stop_gradient(x) - x is x with its gradient turned round (Ganin et al. 2016)."""

    word = "stop_gradient"
    aliases = ("detach", "StopGradient")
    carries_gradient = False


class Clip(ElementWise):
    """min(max(x, low), high); its derivative is 1 from low to high, the bounds included."""

    word = "clip"
    aliases = ("clamp", "Clip", "Clamp")
    positional = ("low", "high")
    argument_aliases = {
        "min": "low",
        "max": "high",
        "x_min": "low",
        "x_max": "high",
    }
    low: Real | None = Field(None, description="the least result; none without it")
    high: Real | None = Field(None, description="the greatest result; none without it")

    def infer(self, inputs: Types) -> Types:
        require_float(self, inputs)
        if self.low is None and self.high is None:
            raise Rejected("E202", "`clip` needs `low`, `high` or both", label="no bound is given")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise Rejected(
                "E203",
                f"`low` of `clip` must not be above `high`, {self.high:g}",
                argument="low",
                label=f"this is {self.low:g}",
            )
        return inputs

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(low=-1, high=2), "f32[5]", kinks=(2,)),
            example(cls(low=-0.5), "f32[3, T]"),
            example(cls(high=0), "f32[2, 3, 4]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("", "E202"),
            Mistake("(2, 1)", "E203"),
            Mistake("(0, 1)", "E302", "i64[3]"),
            Mistake("(zero, 1)", "E203"),
        )


class Cast(Op):
    """The same numbers as another element type.

    Numbers with a fraction lose it on the way to whole numbers, towards 0; what is not 0 becomes
    true, true becomes 1. Numbers that the type can't hold are an error of the data.
    """

    word = "cast"
    aliases = ("Cast", "astype")
    positional = ("dtype",)
    argument_aliases = {"to": "dtype"}
    dtype: Target = Field(description="the element type of the result")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        return (TensorType(self.dtype, x.shape),)

    def moved(self, axes: tuple[int, ...]) -> Op | None:
        return self

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(dtype="f32"), "i64[3, T]", highest=9),
            example(cls(dtype="f32"), "bool[5]"),
            example(cls(dtype="f32"), "f32[2, 3]"),
            example(cls(dtype="i64"), "f32[5]"),
            example(cls(dtype="i32"), "bool[2, 3]"),
            example(cls(dtype="bool"), "i32[5]", highest=3),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("", "E202"), Mistake("(f33)", "E203"))
