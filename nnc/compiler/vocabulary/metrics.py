"""Metrics: what is told of a prediction. Computed from sums and counts over all examples, never as
a mean of batches' means."""

from __future__ import annotations

from pydantic import Field

from nnc.compiler.types import FLOATS, INTEGERS, TensorType
from nnc.compiler.vocabulary.base import Real, Rejected, Word
from nnc.compiler.vocabulary.losses import same_shape


class Metric(Word):
    """A number that people read."""

    kind = "metric"

    def check(self, prediction: TensorType, target: TensorType) -> None:
        """Raise Rejected when prediction and target do not fit: `input` 0 is the prediction, 1 the
        target."""
        raise NotImplementedError

    @classmethod
    def pairs(cls) -> tuple[tuple[str, str], ...]:
        """Types of predictions and targets that fit; they feed every generic test."""
        raise NotImplementedError


class Accuracy(Metric):
    """The share of right answers.

    Target of class numbers: the first largest score along the last axis is the answer. Otherwise
    each element is an answer of its own: yes when above `threshold`, right when the target (above
    ½ is yes) agrees.
    """

    word = "accuracy"
    threshold: Real = Field(0.5, description="above it a single output means yes")

    def classes(self, prediction: TensorType, target: TensorType) -> bool:
        """Whether the answer is the class with the largest score."""
        return target.dtype in INTEGERS and target.shape == prediction.shape[:-1]

    def check(self, prediction: TensorType, target: TensorType) -> None:
        if prediction.rank and self.classes(prediction, target):
            return
        if target.dtype in FLOATS and target.shape == prediction.shape:
            return
        raise Rejected(
            "E501",
            f"`accuracy` can't compare `{prediction}` with `{target}`",
            input=1,
            label=f"this is `{target}`",
            help=f"declare it as `{TensorType('i64', prediction.shape[:-1])}` or `{prediction}`",
        )

    @classmethod
    def pairs(cls) -> tuple[tuple[str, str], ...]:
        return (("f32[4]", "i64"), ("f32[1]", "f32[1]"), ("f32[T, 3]", "i64[T]"))


class MeanAbsoluteError(Metric):
    """mean |y - t| over every element of all examples."""

    word = "mae"
    aliases = ("mean_absolute_error", "MeanAbsoluteError")

    def check(self, prediction: TensorType, target: TensorType) -> None:
        same_shape(self, prediction, target)

    @classmethod
    def pairs(cls) -> tuple[tuple[str, str], ...]:
        return (("f32[3]", "f32[3]"), ("f32", "f32"))
