"""Metrics: what is told of a prediction. Computed from sums and counts over all examples, never as
a mean of batches' means."""

from __future__ import annotations

from typing import ClassVar

from nnc.compiler.types import FLOATS, TensorType
from nnc.compiler.vocabulary.base import PositiveInt, Real, Rejected, Word
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.losses.base import Example, Types, classes, is_class, same_shape


class Metric(Word):
    """A number that people read, or a table of them."""

    kind = "metric"
    takes: ClassVar[tuple[str, ...]] = ("prediction", "target")
    """What the values are called, in the order in which they are written."""
    larger_is_better: ClassVar[bool] = True
    table: ClassVar[bool] = False
    """Whether the result is a table of counts: nothing that could be drawn as a curve, compared or
    monitored."""

    def check(self, types: Types) -> None:
        """Raise Rejected when the values do not fit; `input` is the place of one in `takes`."""
        raise NotImplementedError

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        """Types that fit; they feed every generic test."""
        raise NotImplementedError


class Answering(Metric):
    """A metric of answers: classes where the target has their numbers, otherwise yes or no for each
    element."""

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
            f"`{self.word}` can't compare `{prediction}` with `{target}`",
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


class Accuracy(Answering):
    """The share of right answers.

    Target of class numbers: the first largest score along the last axis is the answer. Otherwise
    each element is an answer of its own: yes when above `threshold`, right when the target (above
    ½ is yes) agrees.
    """

    word = "accuracy"
    aliases = (
        "acc",
        "Accuracy",
        "BinaryAccuracy",
        "SparseCategoricalAccuracy",
        "binary_accuracy",
        "sparse_categorical_accuracy",
    )


class ConfusionMatrix(Answering):
    """A table of counts: how often each true class (row) was taken for each class (column), as
    scikit-learn, TensorFlow and TorchMetrics have it.

    Target of class numbers: [classes, classes], the first largest score along the last axis being
    the answer; a target that is no class of the prediction is not counted. Otherwise 2×2 over all
    elements, no before yes: the answer is yes above `threshold`, a target above ½ is yes.
    """

    word = "confusion_matrix"
    aliases = ("ConfusionMatrix", "MulticlassConfusionMatrix")
    table = True


class _Errors(Metric):
    larger_is_better = False

    def check(self, types: Types) -> None:
        same_shape(self, types)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(), ("f32[3]", "f32[3]")),
            Example(cls(), ("f32", "f32")),
            Example(cls(), ("f32[T, 2]", "f32[T, 2]")),
        )


class MeanAbsoluteError(_Errors):
    """mean |y - t| over every element of all examples."""

    word = "mae"
    aliases = ("mean_absolute_error", "MeanAbsoluteError", "MAE")


class MeanSquaredError(_Errors):
    """mean (y - t)² over every element of all examples."""

    word = "mse"
    aliases = ("mean_squared_error", "MeanSquaredError", "MSE")


class RootMeanSquaredError(_Errors):
    """√ mean (y - t)² over every element of all examples."""

    word = "rmse"
    aliases = ("root_mean_squared_error", "RootMeanSquaredError", "RMSE")


class RSquared(_Errors):
    """1 - Σ (y - t)² / Σ (t - mean t)² over all examples, the mean over the places of the last
    axis.

    A place where all targets are one number counts 1 when it is predicted exactly, else 0.
    """

    word = "r2"
    aliases = ("R2Score", "r2_score")
    larger_is_better = True


class TopK(Metric):
    """The share of examples (and places) whose true class is among the k with the largest scores:
    it has fewer than k scores above its own."""

    word = "top_k"
    aliases = ("SparseTopKCategoricalAccuracy", "top_k_accuracy", "TopKCategoricalAccuracy")
    positional = ("k",)
    k: PositiveInt = Field(5, description="how many answers may be given")

    def check(self, types: Types) -> None:
        classes(self, types, shares=False)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example(cls(k=2), ("f32[4]", "i64")), Example(cls(k=1), ("f32[T, 3]", "i64[T]")))


class _Counted(Metric):
    """From true positives tp, false positives fp and false negatives fn; 0/0 is 0.

    Target of class numbers: the first largest score along the last axis is the answer, each class
    is judged against all others, and the mean over all classes is taken. Otherwise all elements
    are judged together: yes when above `threshold`; a target above ½ is yes.
    """

    argument_aliases = {"thresholds": "threshold"}
    threshold: Real = Field(0.5, description="above it a single output means yes")

    def classes(self, types: Types) -> bool:
        """Whether the answer is the class with the largest score."""
        return types[0].rank > 0 and is_class(types)

    def check(self, types: Types) -> None:
        if not self.classes(types):
            same_shape(self, types)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(), ("f32[1]", "f32[1]")),
            Example(cls(threshold=0.3), ("f32[T, 2]", "f32[T, 2]")),
            Example(cls(), ("f32[4]", "i64")),
            Example(cls(), ("f32[T, 3]", "i64[T]")),
        )


class Precision(_Counted):
    """tp / (tp + fp): the share of the answers "yes" that are right; 0/0 is 0.

    Of class numbers the mean over all classes is taken, the first largest score being the answer;
    otherwise all elements are judged together, yes when above `threshold`.
    """

    word = "precision"
    aliases = ("Precision",)


class Recall(_Counted):
    """tp / (tp + fn): the share of what is "yes" that is found; 0/0 is 0.

    Of class numbers the mean over all classes is taken, the first largest score being the answer;
    otherwise all elements are judged together, yes when above `threshold`.
    """

    word = "recall"
    aliases = ("Recall",)


class F1(_Counted):
    """2·tp / (2·tp + fp + fn), the harmonic mean of precision and recall; 0/0 is 0.

    Of class numbers the mean over all classes is taken, the first largest score being the answer;
    otherwise all elements are judged together, yes when above `threshold`.
    """

    word = "f1"
    aliases = ("F1Score", "f1_score")


class Auc(Metric):
    """The chance that a "yes" has a higher score than a "no", a tie counting one half: the area
    under the ROC curve, exactly (Mann and Whitney 1947). A target above ½ is yes; all elements are
    judged together. Not a number when only one of both occurs."""

    word = "auc"
    aliases = ("AUC", "roc_auc", "roc_auc_score")

    def check(self, types: Types) -> None:
        same_shape(self, types)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example(cls(), ("f32[1]", "f32[1]")), Example(cls(), ("f32[T, 2]", "f32[T, 2]")))
