"""Reductions over axes of one example."""

from __future__ import annotations

from typing import Annotated, Literal

from nnc.compiler.types import Shape, TensorType, elements
from nnc.compiler.vocabulary.base import Axis, Mistake, Phrase, Rejected
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.ops.base import (
    Example,
    Op,
    Types,
    example,
    require_float,
    resolve_axis,
)

Correction = Annotated[Literal[0, 1], Phrase("0 or 1")]


class Reduction(Op):
    """An op that takes axes away, or leaves them with size 1."""

    positional = ("axes",)
    argument_aliases = {
        "axis": "axes",
        "dim": "axes",
        "keepdim": "keep_axes",
        "keepdims": "keep_axes",
    }
    axes: Axis | tuple[Axis, ...] | None = Field(
        None, description="the axes of one example to reduce; all without it"
    )
    keep_axes: bool = Field(False, description="keep the reduced axes with size 1")

    def reduced(self, rank: int) -> tuple[int, ...]:
        """The axes to reduce, counted from 0, in order."""
        if self.axes is None:
            return tuple(range(rank))
        given = (self.axes,) if isinstance(self.axes, int) else self.axes
        axes = sorted(resolve_axis(self, axis, rank, "axes") for axis in given)
        if len(set(axes)) != len(axes):
            raise Rejected(
                "E203", f"`{self.word}` names an axis twice", argument="axes", label="named twice"
            )
        return tuple(axes)

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_float(self, inputs)
        gone = self.reduced(x.rank)
        shape: Shape = tuple(1 if i in gone else d for i, d in enumerate(x.shape))
        if not self.keep_axes:
            shape = tuple(d for i, d in enumerate(x.shape) if i not in gone)
        return (x.with_shape(shape),)

    def moved(self, axes: tuple[int, ...]) -> Op | None:
        if not self.keep_axes:
            return None
        return self.replace(axes=tuple(axes.index(axis) for axis in self.reduced(len(axes))))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[4]"),
            example(cls(axes=0), "f32[T, 5]"),
            example(cls(axes=(-1, 0)), "f32[2, 3, 4]"),
            example(cls(axes=1, keep_axes=True), "f32[2, 3, 4]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(3)", "E301", "f32[2, 3]"),
            Mistake("([0, -2])", "E203", "f32[2, 3]"),
            Mistake("(axes=first)", "E203"),
            Mistake("", "E302", "i64[3]"),
        )


class Mean(Reduction):
    """The mean over axes of one example."""

    word = "mean"
    aliases = ("reduce_mean", "ReduceMean")


class Sum(Reduction):
    """The sum over axes of one example."""

    word = "sum"
    aliases = ("reduce_sum", "ReduceSum")


class Max(Reduction):
    """The greatest element over axes of one example; equal ones share the gradient."""

    word = "max"
    aliases = ("amax", "reduce_max", "ReduceMax")


class Min(Reduction):
    """The least element over axes of one example; equal ones share the gradient."""

    word = "min"
    aliases = ("amin", "reduce_min", "ReduceMin")


class Prod(Reduction):
    """The product over axes of one example; the gradient of a factor is the product of the
    others, also where some are 0."""

    word = "prod"
    aliases = ("product", "reduce_prod", "ReduceProd")


class LogSumExp(Reduction):
    """ln Σ e^x over axes of one example, as m + ln Σ e^(x - m) with the greatest element m, so
    that nothing overflows."""

    word = "logsumexp"
    aliases = ("LogSumExp", "reduce_logsumexp", "ReduceLogSumExp")


class _Spread(Reduction):
    """How far elements are from their mean."""

    argument_aliases = {**Reduction.argument_aliases, "ddof": "correction"}
    correction: Correction = Field(
        0, description="taken from the count: 0 for all there are, 1 for a sample of more"
    )

    def infer(self, inputs: Types) -> Types:
        made = super().infer(inputs)
        (x,) = inputs
        if self.count(x) == self.correction:
            raise Rejected(
                "E301",
                f"`{self.word}` of a sample needs more than one element, but has one of `{x}`",
                argument="correction",
                label="1 - 1 is what it would be divided by",
            )
        return made

    def count(self, x: TensorType) -> int | None:
        """How many elements there are to each result; None where a size is free."""
        return elements(tuple(x.shape[axis] for axis in self.reduced(x.rank)))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            *super().examples(),
            example(cls(axes=0, correction=1), "f32[5, 3]"),
            example(cls(axes=(0, 2), keep_axes=True, correction=1), "f32[T, 3, 4]"),
            example(cls(axes=0, correction=1), "f32[T, 5]"),
            example(cls(), "f32"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            *super().mistakes(),
            Mistake("(correction=2)", "E203"),
            Mistake("(0, correction=1)", "E301", "f32[1, 3]"),
        )


class Var(_Spread):
    """The variance over axes of one example: Σ (x - mean)² / (n - correction) of n elements.
    PyTorch's own has the correction 1 where none is written. A single element with the correction
    1 has none: it is NaN where the size is free."""

    word = "var"
    aliases = ("variance", "reduce_variance")


class Std(_Spread):
    """The standard deviation over axes of one example, √(Σ (x - mean)² / (n - correction)) of n
    elements; where it is 0 its gradient is 0. PyTorch's own has the correction 1 where none is
    written."""

    word = "std"
    aliases = ("standard_deviation", "reduce_std")


class Argmax(Op):
    """The number of the greatest element along an axis of one example, as i64; the first of
    equal ones."""

    word = "argmax"
    aliases = ("ArgMax",)
    positional = ("axis",)
    argument_aliases = {"dim": "axis", "keepdim": "keep_axes", "keepdims": "keep_axes"}
    axis: Axis = Field(-1, description="the axis that is searched")
    keep_axes: bool = Field(False, description="keep the axis with size 1")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_float(self, inputs)
        axis = resolve_axis(self, self.axis, x.rank)
        kept: Shape = (1,) if self.keep_axes else ()
        return (TensorType("i64", (*x.shape[:axis], *kept, *x.shape[axis + 1 :])),)

    def moved(self, axes: tuple[int, ...]) -> Op | None:
        if not self.keep_axes:
            return None
        return self.replace(axis=axes.index(self.axis % len(axes)))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[4]"),
            example(cls(axis=0), "f32[T, 5]"),
            example(cls(axis=1, keep_axes=True), "f32[2, 3, 4]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("(2)", "E301", "f32[2, 3]"), Mistake("", "E302", "i64[3]"))
