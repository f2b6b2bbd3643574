"""Padding of the spatial axes as a layer."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, TypeAlias

from nnc.compiler.types import Dim, add
from nnc.compiler.vocabulary.base import Count, Mistake, Phrase, Real, Rejected
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.geometry import Pads, pads
from nnc.compiler.vocabulary.ops.base import (
    Channelled,
    Example,
    Types,
    example,
    require_float,
    require_rank,
)

Amounts: TypeAlias = Annotated[
    Count | tuple[Count | tuple[Count, Count], ...],
    Phrase("a whole number, 0 or above, or a list with a number or a pair for each spatial axis"),
]


class Padded(Channelled):
    """Elements around each spatial axis, of which there may be one to three."""

    positional: ClassVar[tuple[str, ...]] = ("padding",)

    padding: Amounts = Field(
        description="elements added before and after each spatial axis, or a pair of both"
    )

    def pads(self, inputs: Types) -> Pads:
        """Elements before and after each spatial axis."""
        ones = (1,) * len(self.spatial(inputs[0]))
        return pads(self, self.padding, ones, ones, ones, ones)

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_float(self, inputs)
        if not 2 <= x.rank <= 4:
            require_rank(self, x, 3, "channels, height, width")
        widths = self.pads(inputs)
        for n, (lo, hi) in zip(self.spatial(x), widths, strict=True):
            self.check(n, max(lo, hi))
        sizes = tuple(add(n, lo + hi) for n, (lo, hi) in zip(self.spatial(x), widths, strict=True))
        return (self.join(x, x.shape[self.channel_axis(x)], sizes),)

    def check(self, n: Dim, most: int) -> None:
        """Raise Rejected when an axis of n elements can't be padded by so many."""


class Filled(Padded):
    """Padding with one number."""

    @property
    def number(self) -> float:
        """What is put around."""
        raise NotImplementedError


def _examples(cls: type[Padded], **options: Any) -> tuple[Example, ...]:
    return (
        example(cls(padding=2, **options), "f32[3, 4, 5]"),
        example(cls(padding=((0, 2), (1, 0)), **options), "f32[3, 4, 5]"),
        example(cls(padding=((2, 1),), **options), "f32[3, 4]"),
        example(cls(padding=(0, 1, (1, 2)), **options), "f32[2, 3, 4, 5]"),
        example(cls(padding=(1, 0), **options), "f32[3, H, W]"),
        example(cls(padding=(1, 3), layout="channels_last", **options), "f32[4, 5, 3]"),
    )


class ZeroPad(Filled):
    """Zeros around the spatial axes: [C, …] -> [C, …]; 0 0 [1 2 3 4] 0 0.

    One to three spatial axes, each longer by its padding.
    """

    word = "ZeroPad"
    aliases = (
        *("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"),
        *("ZeroPad1d", "ZeroPad2d", "ZeroPad3d"),
    )

    @property
    def number(self) -> float:
        return 0.0

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return _examples(cls)

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("()", "E202"),
            Mistake("(-1)", "E203"),
            Mistake("([1, 2, 3])", "E203"),
            Mistake("([[1, 2, 3], 1])", "E203"),
            Mistake("(1)", "E301", "f32[3]"),
            Mistake("(1)", "E302", "i32[3, 4]"),
        )


class ConstantPad(Filled):
    """A number around the spatial axes: [C, …] -> [C, …]; v v [1 2 3 4] v v.

    One to three spatial axes, each longer by its padding.
    """

    word = "ConstantPad"
    aliases = ("ConstantPad1d", "ConstantPad2d", "ConstantPad3d")
    positional = ("padding", "value")

    value: Real = Field(description="the number that is put around")

    @property
    def number(self) -> float:
        return self.value

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return _examples(cls, value=-1.5)

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("(1)", "E202"), Mistake("(-1, 2)", "E203"), Mistake("([1], 2)", "E203"))


class ReflectPad(Padded):
    """The elements beside the border, in mirror order: [C, …] -> [C, …]; 3 2 [1 2 3 4] 3 2.

    The border itself isn't repeated, so the padding must be less than the axis. One to three
    spatial axes, each longer by its padding.
    """

    word = "ReflectPad"
    aliases = ("ReflectionPad1d", "ReflectionPad2d", "ReflectionPad3d")

    def check(self, n: Dim, most: int) -> None:
        if isinstance(n, int) and most >= n:
            raise _too_much(self, n, most, f"less than {n}, the size of the axis")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return _examples(cls)

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("(-1)", "E203"), Mistake("(4)", "E304"), Mistake("([1])", "E203"))


class ReplicatePad(Padded):
    """The border repeated: [C, …] -> [C, …]; 1 1 [1 2 3 4] 4 4.

    One to three spatial axes, each longer by its padding.
    """

    word = "ReplicatePad"
    aliases = ("ReplicationPad1d", "ReplicationPad2d", "ReplicationPad3d")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return _examples(cls)

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("(-1)", "E203"), Mistake("([1])", "E203"))


class CircularPad(Padded):
    """The elements from the other end: [C, …] -> [C, …]; 3 4 [1 2 3 4] 1 2.

    The padding can't be more than the axis. One to three spatial axes, each longer by its padding.
    """

    word = "CircularPad"
    aliases = ("CircularPad1d", "CircularPad2d", "CircularPad3d")

    def check(self, n: Dim, most: int) -> None:
        if isinstance(n, int) and most > n:
            raise _too_much(self, n, most, f"at most {n}, the size of the axis")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return _examples(cls)

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("(-1)", "E203"), Mistake("(5)", "E304"), Mistake("([1])", "E203"))


def _too_much(op: Padded, n: int, most: int, limit: str) -> Rejected:
    return Rejected(
        "E304",
        f"the padding of `{op.word}` must be {limit}",
        argument="padding",
        label=f"{most} elements are asked for, but the axis has {n}",
        help="pad less, or repeat the border with ReplicatePad",
    )
