"""Ops that take parts of a value along an axis. The batch is never touched."""

from __future__ import annotations

from nnc.compiler.types import INTEGERS, Dim, add, floor_divide, multiply
from nnc.compiler.vocabulary.base import Axis, Mistake, PositiveInt, Rejected
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.ops.base import Example, Op, Types, example, known, resolve_axis


class AlongAxis(Op):
    """An op that works along one axis of one example and keeps the number of axes."""

    argument_aliases = {"dim": "axis"}
    axis: Axis = Field(-1, description="the axis of one example")

    def moved(self, axes: tuple[int, ...]) -> Op | None:
        return self.replace(axis=axes.index(self.axis % len(axes)))


class Slice(AlongAxis):
    """Every `step`-th element along an axis, from `start` up to but not `stop`.

    Negative numbers count from the end; without `stop` it goes on to the end. The axis must have
    the elements that are asked for.
    """

    word = "Slice"
    aliases = ("slice",)
    positional = ("axis", "start", "stop", "step")
    axis: Axis = Field(description="the axis of one example")
    start: int = Field(0, description="the first element, counted from 0")
    stop: int | None = Field(None, description="the element before which it ends")
    step: PositiveInt = Field(1, description="the distance from one element to the next")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        axis = resolve_axis(self, self.axis, x.rank)
        length = self._length(x.shape[axis])
        size = add(floor_divide(add(length, -1), self.step), 1) if self.step > 1 else length
        return (x.with_shape((*x.shape[:axis], size, *x.shape[axis + 1 :])),)

    def bounds(self, size: int) -> tuple[int, int]:
        """Start and stop along an axis of this size, counted from 0."""
        stop = size if self.stop is None else self.stop
        return self.start + size * (self.start < 0), stop + size * (stop < 0)

    def indices(self) -> range | None:
        """The elements of an axis that is free at run time, when their number does not depend on
        its size; negative ones count from the end."""
        end = 0 if self.stop is None else self.stop
        if self.stop is None and self.start >= 0:
            return None
        if (self.start < 0) != (end < 0 or self.stop is None):
            return None
        return range(self.start, end, self.step)

    def _length(self, size: Dim) -> Dim:
        """How many elements lie between the bounds."""
        if isinstance(size, int):
            start, stop = self.bounds(size)
            if not 0 <= start < stop <= size:
                raise self._empty(f"the axis has {size}")
            return stop - start
        found = self.indices()
        if found is not None:
            if not found:
                raise self._empty("it would be empty")
            return len(range(found.start, found.stop))
        if self.start < 0:
            raise Rejected(
                "E303",
                f"`Slice` can't tell how much lies between {self.start} and {self.stop} of an axis "
                f"whose size, `{size}`, is free at run time",
                argument="stop",
                label="counts from the other end",
                help="count both ends from the same side",
            )
        return add(size, (self.stop or 0) - self.start)

    def _empty(self, label: str) -> Rejected:
        stop = "the end" if self.stop is None else self.stop
        return Rejected(
            "E301",
            f"`Slice` finds no elements from {self.start} to {stop}",
            argument="start" if self.stop is None else "stop",
            label=label,
        )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(axis=0, start=1, stop=3), "f32[4]"),
            example(cls(axis=1, start=-3, stop=-1), "f32[2, 5, 3]"),
            example(cls(axis=-1, start=1, step=2), "f32[3, 6]"),
            example(cls(axis=0, start=-1), "f32[T, 3]"),
            example(cls(axis=0, start=0, stop=2), "f32[T, 3]"),
            example(cls(axis=0, start=1, stop=-1), "f32[T, 3]"),
            example(cls(axis=1, step=3), "f32[2, T]"),
            example(cls(axis=1, start=-6, stop=-1, step=2), "f32[2, T]"),
            example(cls(axis=0, start=2), "i64[5, 3]", highest=9),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(0, 3, 2)", "E301"),
            Mistake("(0, 0, 9)", "E301"),
            Mistake("(0, -9)", "E301"),
            Mistake("(3)", "E301"),
            Mistake("(0, step=0)", "E203"),
            Mistake("()", "E202"),
            Mistake("(0, -2, 2)", "E303", "f32[T]"),
            Mistake("(0, 2, 2)", "E301", "f32[T]"),
        )


class Split(AlongAxis):
    """An axis cut into parts: `part0`, `part1`, …; equal ones by their number, others by their
    sizes."""

    word = "Split"
    aliases = ("split", "chunk")
    positional = ("parts", "axis")
    argument_aliases = {"dim": "axis", "num_splits": "parts", "chunks": "parts"}
    parts: PositiveInt | None = Field(None, description="how many equal parts to make")
    sizes: tuple[PositiveInt, ...] | None = Field(None, description="the size of each part")
    axis: Axis = Field(-1, description="the axis of one example that is cut")

    def result_names(self) -> tuple[str, ...]:
        count = len(self.sizes) if self.sizes is not None else self.parts or 0
        return tuple(f"part{number}" for number in range(count))

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        axis = resolve_axis(self, self.axis, x.rank)
        sizes = self.part_sizes(known(self, x.shape[axis], "the size of the axis that it cuts"))
        return tuple(x.with_shape((*x.shape[:axis], n, *x.shape[axis + 1 :])) for n in sizes)

    def part_sizes(self, size: int) -> tuple[int, ...]:
        """The sizes of the parts of an axis of this size. Raises Rejected when they don't fit."""
        if (self.parts is None) == (self.sizes is None):
            raise Rejected(
                "E202" if self.parts is None else "E203",
                "`Split` needs either how many `parts`, or the `sizes` of them",
                argument=None if self.parts is None else "sizes",
                label="give one of the two",
                help="write `Split(2)` or `Split(sizes=[1, 3])`",
            )
        if len(self.result_names()) < 2:
            argument = "parts" if self.sizes is None else "sizes"
            raise Rejected(
                "E203", "`Split` makes two parts or more", argument=argument, label="only one part"
            )
        if self.sizes is None:
            count = self.parts or 1
            if size % count:
                raise Rejected(
                    "E301",
                    f"`Split` can't cut an axis of {size} into {count} equal parts",
                    argument="parts",
                    label=f"{size} is not a multiple of {count}",
                    help="give the `sizes`",
                )
            return (size // count,) * count
        if sum(self.sizes) != size:
            raise Rejected(
                "E301",
                f"the `sizes` of `Split` make {sum(self.sizes)}, but the axis has {size}",
                argument="sizes",
                label=f"must add up to {size}",
            )
        return self.sizes

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(parts=2), "f32[6]"),
            example(cls(sizes=(1, 3, 2), axis=0), "f32[6, T]"),
            example(cls(parts=3, axis=1), "f32[2, 6, 5]"),
            example(cls(sizes=(4, 1)), "i64[3, 5]", highest=9),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("", "E202"),
            Mistake("(2, sizes=[3, 3])", "E203"),
            Mistake("(1)", "E203"),
            Mistake("(4)", "E301"),
            Mistake("(sizes=[1, 2])", "E301"),
            Mistake("(2, axis=1)", "E301"),
            Mistake("(2)", "E303", "f32[T]"),
        )


class Gather(Op):
    """The elements along an axis of x that the numbers name, for each example by its own numbers:
    x [a, n, b], numbers [i, j] -> [a, i, j, b] with axis 1.

    Numbers count from 0; one outside 0 … n - 1 is an error of the data.
    """

    word = "Gather"
    aliases = ("gather", "take", "index_select")
    positional = ("axis",)
    argument_aliases = {"dim": "axis"}
    arity = (2, 2)
    axis: Axis = Field(0, description="the axis of x that the numbers count along")

    def infer(self, inputs: Types) -> Types:
        x, numbers = inputs
        axis = resolve_axis(self, self.axis, x.rank)
        if numbers.dtype not in INTEGERS:
            raise Rejected(
                "E302",
                f"`Gather` needs whole numbers as its second input, but was given `{numbers}`",
                input=1,
                label=f"this is `{numbers}`",
                help="declare the input as `i64[…]`",
            )
        return (x.with_shape((*x.shape[:axis], *numbers.shape, *x.shape[axis + 1 :])),)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[5]", "i64[3]", highest=5),
            example(cls(), "f32[5, T]", "i32[3, 2]", highest=5),
            example(cls(axis=1), "f32[2, 5, 3]", "i64[T]", highest=5),
            example(cls(axis=-1), "f32[2, 5]", "i64", highest=5),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("", "E302", "f32[3]", "f32[2]"),
            Mistake("(1)", "E301", "f32[3]", "i64[2]"),
            Mistake("", "E306", "f32[3]"),
        )


class Repeat(AlongAxis):
    """The whole once more behind itself along an axis, `times` times in all: [1, 2] -> [1, 2, 1, 2]
    with 2."""

    word = "Repeat"
    aliases = ("tile",)
    positional = ("times", "axis")
    argument_aliases = {"dim": "axis", "repeats": "times"}
    times: PositiveInt = Field(description="how often the whole stands in the result")
    axis: Axis = Field(-1, description="the axis along which it is repeated")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        axis = resolve_axis(self, self.axis, x.rank)
        size = multiply(x.shape[axis], self.times)
        return (x.with_shape((*x.shape[:axis], size, *x.shape[axis + 1 :])),)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(times=2), "f32[3]"),
            example(cls(times=3, axis=0), "f32[T, 2]"),
            example(cls(times=2, axis=1), "f32[2, 3, 4]"),
            example(cls(times=2), "i64[3]", highest=9),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(0)", "E203"),
            Mistake("()", "E202"),
            Mistake("(2, axis=1)", "E301", "f32[3]"),
        )
