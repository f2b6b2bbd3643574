"""Losses of classes: how unlikely a prediction makes what is true."""

from __future__ import annotations

from typing import Annotated

from nnc.compiler.vocabulary.base import (
    NonNegativeReal,
    Phrase,
    PositiveReal,
    Probability,
    Rejected,
)
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.losses.base import (
    Example,
    Reduced,
    Types,
    classes,
    is_class,
    same_shape,
)

Share = Annotated[float, Field(ge=0, le=1), Phrase("a number from 0 to 1")]
Weights = Annotated[
    tuple[NonNegativeReal, ...], Phrase("a list of numbers, 0 or above, one for each class")
]


class _FromLogits(Reduced):
    from_logits: bool | None = Field(
        None,
        description="true: the prediction is logits; false: probabilities; without it: the logits "
        "in front of the matching activation when there is one, else the prediction is logits",
    )

    @property
    def takes_logits(self) -> bool | None:
        return self.from_logits


class BinaryCrossEntropy(_FromLogits):
    """mean of -w·t·ln p - (1 - t)·ln(1 - p); w is `pos_weight`.

    From logits z: (1 - t)·z + (1 + (w - 1)·t)·softplus(-z). From probabilities: p is clipped to
    [2⁻²³, 1 - 2⁻²³]. With `label_smoothing` s, t becomes (1 - s)·t + s/2.
    """

    word = "binary_cross_entropy"
    aliases = (
        "bce",
        "BCELoss",
        "BCEWithLogitsLoss",
        "BinaryCrossentropy",
        "binary_crossentropy",
        "binary_cross_entropy_with_logits",
        "bce_with_logits",
        "BCE",
    )
    fuses = "sigmoid"
    values = "share"
    label_smoothing: Probability = Field(0.0, description="how far targets move towards ½")
    pos_weight: PositiveReal | tuple[PositiveReal, ...] = Field(
        1.0, description="how much more a yes counts; a list for each place of the last axis"
    )

    def check(self, types: Types) -> None:
        same_shape(self, types)
        places = types[0].shape[-1] if types[0].shape else 1
        if isinstance(self.pos_weight, tuple) and len(self.pos_weight) != places:
            raise Rejected(
                "E501",
                f"`pos_weight` has {len(self.pos_weight)} numbers for a prediction `{types[0]}`",
                argument="pos_weight",
                label=f"{len(self.pos_weight)} numbers",
                help="give one number for all, or one for each place of the last axis",
            )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(), ("f32[1]", "f32[1]")),
            Example(cls(reduction="sum"), ("f32[3, 2]", "f32[3, 2]")),
            Example(cls(label_smoothing=0.2, pos_weight=3.0), ("f32[T, 2]", "f32[T, 2]")),
            Example(cls(pos_weight=(0.3, 2.0, 1.1)), ("f32[3]", "f32[3]")),
        )


class _Chosen(Reduced):
    """What losses of class numbers can leave out and weigh."""

    class_weights: Weights | None = Field(
        None, description="how much each class counts; the mean divides by the sum of the weights"
    )
    ignore: int | None = Field(
        None, description="class number of examples that don't count; with none left the loss is 0"
    )

    def check(self, types: Types) -> None:
        classes(self, types)
        given, count = self.class_weights, types[0].shape[-1]
        if given is not None and len(given) != count:
            raise Rejected(
                "E501",
                f"`class_weights` has {len(given)} numbers for {count} classes",
                argument="class_weights",
                label=f"{len(given)} numbers",
                help="give one number for each class",
            )
        if self.ignore is not None and not is_class(types):
            raise Rejected(
                "E501",
                f"`ignore` is a class number, but the target is `{types[1]}`, a distribution",
                argument="ignore",
                label="no class number can be left out",
                help="leave it out",
            )


class CrossEntropy(_Chosen, _FromLogits):
    """mean over examples (and places) of -ln p of the true class; classes lie on the last axis.

    The target is a class number (i64, the prediction's shape without the last axis) or a
    distribution over the classes (float, the same shape). From logits: -log_softmax(z) at the
    class; from probabilities: -ln of p clipped to [2⁻²³, 1]. With `label_smoothing` s over C
    classes the target is (1 - s) times the true distribution + s/C. With weights w the mean of
    class numbers is [(1 - s)·Σ w_y·l_y + s/C·Σ Σ w_c·l_c] / Σ w_y.
    """

    word = "cross_entropy"
    aliases = (
        "categorical_cross_entropy",
        "sparse_categorical_cross_entropy",
        "CrossEntropyLoss",
        "CategoricalCrossentropy",
        "SparseCategoricalCrossentropy",
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
        "cross_entropy_loss",
    )
    argument_aliases = {
        "weight": "class_weights",
        "ignore_index": "ignore",
        "ignore_class": "ignore",
    }
    fuses = "softmax"
    values = "distribution"
    label_smoothing: Probability = Field(
        0.0, description="the share of the target that is spread over all classes"
    )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        weights = (0.5, 2.0, 1.5, 0.3)
        return (
            Example(cls(), ("f32[4]", "i64")),
            Example(cls(), ("f32[4]", "f32[4]")),
            Example(cls(reduction="sum"), ("f32[T, 3]", "i64[T]")),
            Example(cls(label_smoothing=0.1), ("f32[T, 3]", "i64[T]")),
            Example(cls(class_weights=weights), ("f32[4]", "i64")),
            Example(cls(class_weights=weights, label_smoothing=0.2), ("f32[5, 4]", "i64[5]")),
            Example(cls(class_weights=weights, label_smoothing=0.2), ("f32[4]", "f32[4]")),
            Example(cls(ignore=2), ("f32[T, 3]", "i64[T]")),
            Example(
                cls(ignore=0, class_weights=weights, label_smoothing=0.2), ("f32[5, 4]", "i64[5]")
            ),
            Example(cls(ignore=1, reduction="sum"), ("f32[3]", "i64")),
        )


class NegativeLogLikelihood(_Chosen):
    """mean over examples (and places) of -l of the true class: the prediction l is the logarithms
    of probabilities, as `log_softmax` makes them; classes lie on the last axis."""

    word = "nll"
    aliases = ("NLLLoss", "nll_loss", "negative_log_likelihood")
    argument_aliases = {"weight": "class_weights", "ignore_index": "ignore"}
    ends = ("log_softmax",)

    def check(self, types: Types) -> None:
        classes(self, types, shares=False)
        super().check(types)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(), ("f32[4]", "i64")),
            Example(cls(reduction="sum"), ("f32[T, 3]", "i64[T]")),
            Example(cls(class_weights=(0.5, 2.0, 1.5)), ("f32[T, 3]", "i64[T]")),
            Example(cls(ignore=1, class_weights=(0.5, 2.0, 1.5)), ("f32[3]", "i64")),
        )


class KlDivergence(_FromLogits):
    """mean over examples (and places) of Σ t·ln t - t·ln p along the last axis, 0·ln 0 = 0: how far
    the distribution p is from the target t (Kullback and Leibler 1951).

    From logits: ln p = log_softmax(z), of which logarithms of probabilities are a case; from
    probabilities: p is clipped to [2⁻²³, 1].
    """

    word = "kl_divergence"
    aliases = ("KLDivLoss", "kl_div", "KLDivergence", "kld", "KLD")
    fuses = "softmax"
    values = "distribution"

    def check(self, types: Types) -> None:
        same_shape(self, types)
        classes(self, types)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(), ("f32[4]", "f32[4]")),
            Example(cls(reduction="sum"), ("f32[T, 3]", "f32[T, 3]")),
        )


class Focal(_FromLogits):
    """mean of a·(1 - q)^gamma · -ln q: q = p and a = alpha where the target is 1, q = 1 - p and
    a = 1 - alpha where it is 0 (Lin et al. 2017).

    For a target t between: -ln q is the binary cross-entropy, a = alpha·t + (1 - alpha)(1 - t).
    Without balance: alpha = 0.5, which halves the loss. From probabilities: p is clipped to
    [2⁻²³, 1 - 2⁻²³].
    """

    word = "focal"
    aliases = (
        "BinaryFocalCrossentropy",
        "binary_focal_crossentropy",
        "sigmoid_focal_loss",
        "FocalLoss",
        "focal_loss",
    )
    fuses = "sigmoid"
    values = "share"
    alpha: Share = Field(0.25, description="how much a yes counts; a no counts 1 - alpha")
    gamma: NonNegativeReal = Field(2.0, description="how much less what is nearly right counts")

    def check(self, types: Types) -> None:
        same_shape(self, types)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(), ("f32[1]", "f32[1]")),
            Example(cls(alpha=0.7, gamma=1.5, reduction="sum"), ("f32[T, 2]", "f32[T, 2]")),
        )


class CategoricalFocal(_FromLogits):
    """mean over examples (and places) of -(1 - p)^gamma · ln p of the true class; classes lie on
    the last axis (Lin et al. 2017). A target of shares weighs the classes' terms.

    From probabilities: p is clipped to [2⁻²³, 1].
    """

    word = "categorical_focal"
    aliases = ("CategoricalFocalCrossentropy", "categorical_focal_crossentropy")
    fuses = "softmax"
    values = "distribution"
    gamma: NonNegativeReal = Field(2.0, description="how much less what is nearly right counts")

    def check(self, types: Types) -> None:
        classes(self, types)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(), ("f32[4]", "i64")),
            Example(cls(gamma=1.5, reduction="sum"), ("f32[T, 3]", "i64[T]")),
            Example(cls(), ("f32[4]", "f32[4]")),
        )
