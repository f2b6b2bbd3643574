"""Ops that make one value out of several: arithmetic with broadcasting, the matrix product,
joining."""

from __future__ import annotations

from typing import ClassVar

from nnc.compiler.types import MAXIMUM_SIZE, Dim, Symbol, TensorType, broadcast
from nnc.compiler.vocabulary.base import Axis, Mistake, Real, Rejected
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.ops.base import (
    Example,
    Op,
    Types,
    example,
    require_float,
    resolve_axis,
)


class Pairwise(Op):
    """x ∘ y element by element, with NumPy's broadcasting of one example's axes; never across the
    batch.

    Either side may be a number: then there is one input. The compiler gives both inputs the same
    rank (Unsqueeze in front), so that backends broadcast equal ranks only.
    """

    symbol: ClassVar[str]
    """The operator that users write."""
    arity = (1, 2)
    broadcasts = True
    left: Real | None = Field(None, description="a number in place of the first input")
    right: Real | None = Field(None, description="a number in place of the second input")

    def joined(self, inputs: Types) -> TensorType:
        """The element type and shape of both together. Raises Rejected when they don't fit."""
        numbers = [n for n in (self.left, self.right) if n is not None]
        if len(inputs) + len(numbers) != 2:
            raise Rejected(
                "E306",
                f"`{self.word}` works on two things, but has {len(inputs) + len(numbers)}",
                label="inputs and numbers together must be two",
            )
        if len(inputs) == 1:
            return inputs[0]
        x, y = inputs
        shape = broadcast(x.shape, y.shape)
        if shape is None:
            raise Rejected(
                "E301",
                f"`{self.symbol}` can't join `{x}` and `{y}`",
                label="sizes must be equal or 1, compared from the last axis",
            )
        if x.dtype != y.dtype:
            raise Rejected(
                "E302",
                f"`{self.symbol}` can't join `{x}` and `{y}`: their element types differ",
                input=1,
                label=f"this is `{y}`",
            )
        return x.with_shape(shape)

    def moved(self, axes: tuple[int, ...]) -> Op | None:
        return self


class Arithmetic(Pairwise):
    """A function of two numbers that gives a number."""

    def infer(self, inputs: Types) -> Types:
        require_float(self, inputs)
        return (self.joined(inputs),)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[4]", "f32[4]", positive=True),
            example(cls(), "f32[3, 4]", "f32[3, 1]", positive=True),
            example(cls(), "f32[1, 4]", "f32[T, 4]", positive=True),
            example(cls(right=2.5), "f32[4]", positive=True),
            example(cls(left=1.5), "f32[3, 4]", positive=True),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("", "E301", "f32[3]", "f32[4]"),
            Mistake("", "E302", "i64[3]", "i64[3]"),
            Mistake("", "E306", "f32[3]"),
            Mistake("(right=1, left=2)", "E306", "f32[3]"),
        )


class Add(Arithmetic):
    """x + y."""

    word = "add"
    symbol = "+"
    aliases = ("Add",)


class Subtract(Arithmetic):
    """x - y."""

    word = "subtract"
    symbol = "-"
    aliases = ("sub", "Subtract")


class Multiply(Arithmetic):
    """x · y."""

    word = "multiply"
    symbol = "*"
    aliases = ("mul", "Multiply")


class Divide(Arithmetic):
    """x / y."""

    word = "divide"
    symbol = "/"
    aliases = ("div", "Divide", "Div", "true_divide")


class Power(Arithmetic):
    """x to the power y."""

    word = "power"
    symbol = "**"
    aliases = ("pow", "Pow")


class Maximum(Arithmetic):
    """The greater of x and y; equal ones share the gradient."""

    word = "maximum"
    symbol = "maximum"
    aliases = ("Maximum",)


class Minimum(Arithmetic):
    """The less of x and y; equal ones share the gradient."""

    word = "minimum"
    symbol = "minimum"
    aliases = ("Minimum",)


class MatMul(Op):
    """The matrix product over the last two axes: [..., n, k] @ [..., k, m] -> [..., n, m].

    The axes before are broadcast; the compiler gives both inputs the same rank.
    """

    word = "matmul"
    symbol: ClassVar[str] = "@"
    aliases = ("MatMul", "bmm")
    arity = (2, 2)
    broadcasts = True

    def infer(self, inputs: Types) -> Types:
        require_float(self, inputs)
        x, y = inputs
        outer = broadcast(x.shape[:-2], y.shape[:-2])
        if min(x.rank, y.rank) < 2 or outer is None or x.shape[-1] != y.shape[-2]:
            raise Rejected(
                "E301",
                f"`@` can't multiply `{x}` by `{y}`",
                label="the last axis of the first must be the last but one of the second",
            )
        return (x.with_shape((*outer, x.shape[-2], y.shape[-1])),)

    def cost(self, inputs: Types) -> int:
        x, _ = inputs
        result = self.infer(inputs)[0]
        total = 1
        for dim in (*result.shape, x.shape[-1]):
            total *= dim if isinstance(dim, int) else 1
        return total

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[2, 3]", "f32[3, 4]"),
            example(cls(), "f32[T, 3]", "f32[3, T]"),
            example(cls(), "f32[2, 3, 4]", "f32[1, 4, 5]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("", "E301", "f32[2, 3]", "f32[4, 5]"),
            Mistake("", "E301", "f32[3]", "f32[3]"),
        )


class Concat(Op):
    """The inputs one after the other along an axis of one example, the last without another
    given."""

    word = "concat"
    aliases = ("Concat", "Concatenate", "concatenate", "cat")
    positional = ("axis",)
    argument_aliases = {"dim": "axis"}
    arity = (1, 1024)
    axis: Axis = Field(-1, description="the axis along which the inputs are joined")

    def infer(self, inputs: Types) -> Types:
        first = inputs[0]
        axis = resolve_axis(self, self.axis, first.rank)
        total: Dim = 0
        for number, x in enumerate(inputs):
            if x.dtype != first.dtype:
                raise Rejected(
                    "E302",
                    f"`concat` can't join `{first}` and `{x}`: their element types differ",
                    input=number,
                    label=f"this is `{x}`",
                )
            if x.rank != first.rank or any(
                a != b
                for i, (a, b) in enumerate(zip(x.shape, first.shape, strict=True))
                if i != axis
            ):
                raise Rejected(
                    "E301",
                    f"`concat` can't join `{first}` and `{x}` along axis {axis}",
                    input=number,
                    label=f"this is `{x}`: all axes but axis {axis} must be equal",
                )
            total = _sum(total, x.shape[axis])
        return (first.with_shape((*first.shape[:axis], total, *first.shape[axis + 1 :])),)

    def moved(self, axes: tuple[int, ...]) -> Op | None:
        return self.replace(axis=axes.index(self.axis % len(axes)))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[2]", "f32[3]"),
            example(cls(axis=0), "f32[2, T]", "f32[3, T]", "f32[4, T]"),
            example(cls(axis=1), "f32[2, 3, 5]", "f32[2, 4, 5]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("", "E301", "f32[2, 3]", "f32[3, 3]"),
            Mistake("", "E302", "f32[2]", "i64[2]"),
            Mistake("(2)", "E301", "f32[2]", "f32[2]"),
        )


class Stack(Op):
    """Inputs of one type side by side along a new axis of one example, the first without another
    given."""

    word = "stack"
    aliases = ("Stack",)
    positional = ("axis",)
    argument_aliases = {"dim": "axis"}
    arity = (1, 1024)
    axis: Axis = Field(0, description="where the new axis stands")

    def infer(self, inputs: Types) -> Types:
        first = inputs[0]
        axis = resolve_axis(self, self.axis, first.rank + 1)
        for number, x in enumerate(inputs):
            if x != first:
                raise Rejected(
                    "E302" if x.dtype != first.dtype else "E301",
                    f"`stack` can't join `{first}` and `{x}`",
                    input=number,
                    label=f"this is `{x}`: all must be alike",
                )
        return (first.with_shape((*first.shape[:axis], len(inputs), *first.shape[axis:])),)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[3]", "f32[3]"),
            example(cls(axis=-1), "f32[3, T]", "f32[3, T]", "f32[3, T]"),
            example(cls(axis=1), "i64[2, 3]", "i64[2, 3]", highest=9),
            example(cls(), "f32", "f32"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("", "E301", "f32[2]", "f32[3]"),
            Mistake("", "E302", "f32[2]", "i64[2]"),
            Mistake("(2)", "E301", "f32[2]", "f32[2]"),
        )


def _sum(a: Dim, b: Dim) -> Dim:
    if isinstance(a, int) and isinstance(b, int):
        if a + b > MAXIMUM_SIZE:
            raise Rejected("E304", f"the result of `concat` is larger than {MAXIMUM_SIZE}")
        return a + b
    return b if a == 0 else Symbol(f"{a} + {b}")
