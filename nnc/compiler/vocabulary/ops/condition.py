"""Questions about elements, with true or false as the answer, and choosing by the answers."""

from __future__ import annotations

from typing import ClassVar

from nnc.compiler.types import FLOATS, DType, TensorType, broadcast
from nnc.compiler.vocabulary.base import Mistake, Real, Rejected
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.ops.base import Example, Op, Types, example
from nnc.compiler.vocabulary.ops.merge import Pairwise

_LIMITS: dict[DType, tuple[int, int]] = {
    "u8": (0, 2**8 - 1),
    "i32": (-(2**31), 2**31 - 1),
    "i64": (-(2**53), 2**53),
}
"""The whole numbers of an element type that a number of the language can be."""


def number(op: Op, value: float, dtype: DType, argument: str) -> float | int:
    """A number of the spec as one of the element type. Raises Rejected when it is none."""
    if dtype in FLOATS:
        return value
    low, high = _LIMITS[dtype]
    if value == int(value) and low <= value <= high:
        return int(value)
    raise Rejected(
        "E302",
        f"`{op.word}` can't set {value:g} beside elements of type `{dtype}`",
        argument=argument,
        label=f"{value:g} is no `{dtype}`",
    )


class Comparison(Pairwise):
    """x ∘ y element by element, with the broadcasting of arithmetic: true or false."""

    ordered: ClassVar[bool] = True
    """Whether it asks which of the two is greater."""

    def infer(self, inputs: Types) -> Types:
        joined = self.joined(inputs)
        if joined.dtype == "bool" and (self.ordered or len(inputs) == 1):
            raise Rejected(
                "E302",
                f"`{self.symbol}` compares numbers, but was given `{inputs[0]}`",
                input=0,
                label=f"this is `{inputs[0]}`",
            )
        for argument in ("left", "right"):
            value = getattr(self, argument)
            if value is not None:
                number(self, value, joined.dtype, argument)
        return (TensorType("bool", joined.shape),)

    def sides(self, dtype: DType) -> tuple[float | int | None, float | int | None]:
        """The numbers in place of inputs, as elements of this type."""
        left, right = (
            None if value is None else number(self, value, dtype, "left")
            for value in (self.left, self.right)
        )
        return left, right

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[4]", "f32[4]"),
            example(cls(), "f32[3, 4]", "f32[3, 1]"),
            example(cls(), "i64[1, 4]", "i64[T, 4]", highest=3),
            example(cls(right=0.25), "f32[4]"),
            example(cls(left=1), "f32[3, 4]"),
            example(cls(right=2), "i32[5]", highest=4),
            example(cls(left=2), "u8[5]", highest=4),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("", "E301", "f32[3]", "f32[4]"),
            Mistake("", "E302", "f32[3]", "i64[3]"),
            Mistake("", "E306", "f32[3]"),
            Mistake("(right=2.5)", "E302", "i64[3]"),
            Mistake("(right=300)", "E302", "u8[3]"),
            Mistake("(right=1)", "E302", "bool[3]"),
        )


class Equal(Comparison):
    """x == y, as true or false."""

    word = "equal"
    symbol = "=="
    aliases = ("eq", "Equal")
    ordered = False


class NotEqual(Comparison):
    """x != y, as true or false."""

    word = "not_equal"
    symbol = "!="
    aliases = ("ne", "NotEqual")
    ordered = False


class Less(Comparison):
    """x < y, as true or false."""

    word = "less"
    symbol = "<"
    aliases = ("lt", "Less")


class LessEqual(Comparison):
    """x <= y, as true or false."""

    word = "less_equal"
    symbol = "<="
    aliases = ("le", "LessEqual")


class Greater(Comparison):
    """x > y, as true or false."""

    word = "greater"
    symbol = ">"
    aliases = ("gt", "Greater")


class GreaterEqual(Comparison):
    """x >= y, as true or false."""

    word = "greater_equal"
    symbol = ">="
    aliases = ("ge", "GreaterEqual")


def _require_bool(op: Op, x: TensorType, input: int) -> None:
    if x.dtype != "bool":
        raise Rejected(
            "E302",
            f"`{op.word}` works on true and false, but was given `{x}`",
            input=input,
            label=f"this is `{x}`",
            help="compare first: `x > 0`",
        )


class Logical(Op):
    """Two conditions joined element by element, with the broadcasting of arithmetic."""

    arity = (2, 2)
    broadcasts = True

    def infer(self, inputs: Types) -> Types:
        for place, x in enumerate(inputs):
            _require_bool(self, x, place)
        x, y = inputs
        shape = broadcast(x.shape, y.shape)
        if shape is None:
            raise Rejected(
                "E301",
                f"`{self.word}` can't join `{x}` and `{y}`",
                label="sizes must be equal or 1, compared from the last axis",
            )
        return (x.with_shape(shape),)

    def moved(self, axes: tuple[int, ...]) -> Op | None:
        return self

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "bool[4]", "bool[4]"),
            example(cls(), "bool[3, T]", "bool[3, 1]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("", "E302", "bool[3]", "f32[3]"),
            Mistake("", "E301", "bool[3]", "bool[4]"),
        )


class LogicalAnd(Logical):
    """Whether both are true."""

    word = "logical_and"
    aliases = ("And",)


class LogicalOr(Logical):
    """Whether one of the two is true, or both are."""

    word = "logical_or"
    aliases = ("Or",)


class LogicalNot(Op):
    """Whether it is false."""

    word = "logical_not"
    aliases = ("Not",)

    def infer(self, inputs: Types) -> Types:
        _require_bool(self, inputs[0], 0)
        return inputs

    def moved(self, axes: tuple[int, ...]) -> Op | None:
        return self

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (example(cls(), "bool[4]"), example(cls(), "bool[3, T]"))

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("", "E302", "f32[3]"),)


class Where(Op):
    """a where the condition is true, b elsewhere, with the broadcasting of arithmetic; the element
    that isn't chosen gets no gradient.

    Inputs: condition, a, b. A number may take the place of a (`then`) or b (`otherwise`), or of
    both.
    """

    word = "where"
    aliases = ("Where", "select")
    arity = (1, 3)
    broadcasts = True
    then: Real | None = Field(None, description="a number in place of a")
    otherwise: Real | None = Field(None, description="a number in place of b")

    def infer(self, inputs: Types) -> Types:
        condition, *values = inputs
        _require_bool(self, condition, 0)
        count = len(values) + (self.then is not None) + (self.otherwise is not None)
        if count != 2:
            raise Rejected(
                "E306",
                f"`where` chooses between two things, but has {count}",
                label="a condition, then values and numbers that together are two",
            )
        types = values or [TensorType("f32", condition.shape)]
        if types[0].dtype == "bool" or types[-1].dtype != types[0].dtype:
            raise Rejected(
                "E302",
                "`where` chooses between numbers of one element type, but was given "
                + " and ".join(f"`{x}`" for x in types),
                input=len(values),
                label=f"this is `{types[-1]}`",
            )
        self.numbers(types[0].dtype)
        shape = condition.shape
        for x in values:
            joined = broadcast(shape, x.shape)
            if joined is None:
                raise Rejected(
                    "E301",
                    "`where` can't join " + " and ".join(f"`{x}`" for x in inputs),
                    label="sizes must be equal or 1, compared from the last axis",
                )
            shape = joined
        return (types[0].with_shape(shape),)

    def numbers(self, dtype: DType) -> tuple[float | int | None, float | int | None]:
        """The numbers in place of a and b, as elements of this type."""
        then, otherwise = (
            None if value is None else number(self, value, dtype, argument)
            for argument, value in (("then", self.then), ("otherwise", self.otherwise))
        )
        return then, otherwise

    def moved(self, axes: tuple[int, ...]) -> Op | None:
        return self

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "bool[4]", "f32[4]", "f32[4]"),
            example(cls(), "bool[3, 1]", "f32[3, T]", "f32[1, T]"),
            example(cls(otherwise=0.5), "bool[5]", "f32[5]"),
            example(cls(then=-1), "bool[2, 3]", "f32[2, 1]"),
            example(cls(then=1, otherwise=-1), "bool[3, T]"),
            example(cls(), "bool[4]", "i64[4]", "i64[4]", highest=9),
            example(cls(then=7), "bool[4]", "i32[4]", highest=9),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("", "E302", "f32[3]", "f32[3]", "f32[3]"),
            Mistake("", "E301", "bool[3]", "f32[3]", "f32[4]"),
            Mistake("", "E302", "bool[3]", "f32[3]", "i64[3]"),
            Mistake("", "E306", "bool[3]", "f32[3]"),
            Mistake("(then=1)", "E306", "bool[3]", "f32[3]", "f32[3]"),
            Mistake("(then=0.5)", "E302", "bool[3]", "i64[3]"),
        )
