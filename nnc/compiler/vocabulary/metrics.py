"""Metrics: what is told of a prediction. Computed from sums and counts over all examples, never as
a mean of batches' means."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from nnc.compiler.types import FLOATS, TensorType
from nnc.compiler.vocabulary.base import Real, Rejected, Word
from nnc.compiler.vocabulary.losses.base import Example, Types, is_class, same_shape


class Metric(Word):
    """A number that people read."""

    kind = "metric"
    takes: ClassVar[tuple[str, ...]] = ("prediction", "target")
    """What the values are called, in the order in which they are written."""
    larger_is_better: ClassVar[bool] = True

    def check(self, types: Types) -> None:
        """Raise Rejected when the values do not fit; `input` is the place of one in `takes`."""
        raise NotImplementedError

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Types that fit; they feed every generic test."""
        raise NotImplementedError


class Accuracy(Metric):
    """The share of right answers.

    Target of class numbers: the first largest score along the last axis is the answer. Otherwise
    each element is an answer of its own: yes when above `threshold`, right when the target (above
    ½ is yes) agrees.
    """

    word = "accuracy"
    threshold: Real = Field(0.5, description="above it a single output means yes")

    def classes(self, types: Types) -> bool:
        """Whether the answer is the class with the largest score."""
        return types[0].rank > 0 and is_class(types)

    def check(self, types: Types) -> None:
        prediction, target = types
        if self.classes(types) or (target.dtype in FLOATS and target.shape == prediction.shape):
            return
        raise Rejected(
            "E501",
            f"`accuracy` can't compare `{prediction}` with `{target}`",
            input=1,
            label=f"this is `{target}`",
            help=f"declare it as `{TensorType('i64', prediction.shape[:-1])}` or `{prediction}`",
        )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(), ("f32[4]", "i64")),
            Example(cls(threshold=0.3), ("f32[1]", "f32[1]")),
            Example(cls(), ("f32[T, 3]", "i64[T]")),
        )


class MeanAbsoluteError(Metric):
    """mean |y - t| over every element of all examples."""

    word = "mae"
    aliases = ("mean_absolute_error", "MeanAbsoluteError")
    larger_is_better = False

    def check(self, types: Types) -> None:
        same_shape(self, types)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example(cls(), ("f32[3]", "f32[3]")), Example(cls(), ("f32", "f32")))
