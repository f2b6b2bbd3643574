"""Functions of single elements that are not activations."""

from __future__ import annotations

from nnc.compiler.vocabulary.base import Mistake
from nnc.compiler.vocabulary.ops.base import ElementWise, Example, example


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
    aliases = ("neg", "negative")


class Abs(_Function):
    """|x|; its derivative at 0 is 0."""

    word = "abs"
    aliases = ("absolute",)


class Exp(_Function):
    """e^x."""

    word = "exp"


class Log(_Positive):
    """The natural logarithm."""

    word = "log"


class Sqrt(_Positive):
    """The square root."""

    word = "sqrt"
