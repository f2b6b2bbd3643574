"""Losses: what training makes small. Without another word said, the mean over every element."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from nnc.compiler.types import FLOATS, INTEGERS, TensorType
from nnc.compiler.vocabulary.base import Rejected, Word


class Loss(Word):
    """A function of a prediction and a target that gives one number."""

    kind = "loss"
    fuses: ClassVar[str | None] = None
    """The activation with which the loss is computed from the logits in one step."""

    @property
    def takes_logits(self) -> bool | None:
        """Whether the spec says that the prediction is logits; None when it does not say."""
        return None

    def check(self, prediction: TensorType, target: TensorType) -> None:
        """Raise Rejected when prediction and target do not fit: `input` 0 is the prediction, 1 the
        target."""
        raise NotImplementedError

    @classmethod
    def pairs(cls) -> tuple[tuple[str, str], ...]:
        """Types of predictions and targets that fit; they feed every generic test."""
        raise NotImplementedError


class MeanSquaredError(Loss):
    """mean (y - t)²."""

    word = "mse"
    aliases = ("mean_squared_error", "MSELoss", "MeanSquaredError")

    def check(self, prediction: TensorType, target: TensorType) -> None:
        same_shape(self, prediction, target)

    @classmethod
    def pairs(cls) -> tuple[tuple[str, str], ...]:
        return (("f32[3]", "f32[3]"), ("f32", "f32"), ("f32[T, 2]", "f32[T, 2]"))


class _FromLogits(Loss):
    from_logits: bool | None = Field(
        None,
        description="true: the prediction is logits; false: probabilities; without it: the logits "
        "in front of the matching activation when there is one, else the prediction is logits",
    )

    @property
    def takes_logits(self) -> bool | None:
        return self.from_logits


class BinaryCrossEntropy(_FromLogits):
    """mean of -t·ln p - (1 - t)·ln(1 - p).

    From logits z: max(z, 0) - z·t + ln(1 + e^-|z|). From probabilities: p is clipped to [2⁻²³, 1 -
    2⁻²³].
    """

    word = "binary_cross_entropy"
    aliases = ("bce", "BCELoss", "BCEWithLogitsLoss", "BinaryCrossentropy")
    fuses = "sigmoid"

    def check(self, prediction: TensorType, target: TensorType) -> None:
        same_shape(self, prediction, target)

    @classmethod
    def pairs(cls) -> tuple[tuple[str, str], ...]:
        return (("f32[1]", "f32[1]"), ("f32[3, 2]", "f32[3, 2]"))


class CrossEntropy(_FromLogits):
    """mean over examples (and places) of -ln p of the true class; classes lie on the last axis.

    The target is a class number (i64, the prediction's shape without the last axis) or a
    distribution over the classes (float, the same shape). From logits: -log_softmax(z) at the
    class; from probabilities: -ln of p clipped to [2⁻²³, 1].
    """

    word = "cross_entropy"
    aliases = (
        "categorical_cross_entropy",
        "sparse_categorical_cross_entropy",
        "CrossEntropyLoss",
        "CategoricalCrossentropy",
        "SparseCategoricalCrossentropy",
    )
    fuses = "softmax"

    def check(self, prediction: TensorType, target: TensorType) -> None:
        floats(self, prediction)
        if prediction.rank == 0:
            raise Rejected(
                "E501",
                f"`{self.word}` needs a score for each class on the last axis",
                input=0,
                label=f"this is `{prediction}`",
            )
        if target.dtype in INTEGERS and target.shape == prediction.shape[:-1]:
            return
        if target.dtype in FLOATS and target.shape == prediction.shape:
            return
        numbers = TensorType("i64", prediction.shape[:-1])
        raise Rejected(
            "E501",
            f"`{self.word}` can't compare `{prediction}` with `{target}`",
            input=1,
            label=f"this is `{target}`",
            help=f"declare it as `{numbers}` (class numbers) or `{prediction}` (a distribution)",
        )

    @classmethod
    def pairs(cls) -> tuple[tuple[str, str], ...]:
        return (("f32[4]", "i64"), ("f32[4]", "f32[4]"), ("f32[T, 3]", "i64[T]"))


def floats(loss: Word, prediction: TensorType) -> None:
    """Raise Rejected unless the prediction is made of floating-point numbers."""
    if prediction.dtype not in FLOATS:
        raise Rejected(
            "E501",
            f"`{loss.word}` needs a prediction of floating-point numbers, not `{prediction}`",
            input=0,
            label=f"this is `{prediction}`",
        )


def same_shape(loss: Word, prediction: TensorType, target: TensorType) -> None:
    """Raise Rejected unless both are floats of one shape: frameworks broadcast here without a
    word."""
    floats(loss, prediction)
    if target.dtype not in FLOATS or target.shape != prediction.shape:
        raise Rejected(
            "E501",
            f"`{loss.word}` can't compare `{prediction}` with `{target}`",
            input=1,
            label=f"this is `{target}`",
            help=f"declare it as `{prediction}`",
        )
