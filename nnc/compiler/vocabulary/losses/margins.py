"""Losses of margins and angles: scores on the right side, vectors near each other."""

from __future__ import annotations

from nnc.compiler.vocabulary.base import PositiveReal
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.losses.base import (
    ElementWise,
    Example,
    Reduced,
    Types,
    classes,
    on_last_axis,
    same_shape,
)


class Hinge(ElementWise):
    """mean of max(0, 1 - t·y): targets t are -1 and 1; the gradient is 0 where t·y = 1."""

    word = "hinge"
    aliases = ("Hinge",)
    ends = ("identity", "tanh")
    values = "sign"


class SquaredHinge(ElementWise):
    """mean of max(0, 1 - t·y)²: targets t are -1 and 1."""

    word = "squared_hinge"
    aliases = ("SquaredHinge",)
    ends = ("identity", "tanh")
    values = "sign"


class MulticlassHinge(Reduced):
    """mean over examples (and places) of max(0, 1 + the greatest other score - the true class's
    score); classes lie on the last axis (Crammer and Singer 2001).

    The gradient is 0 where the margin is just kept, and is shared equally by scores that tie.
    """

    word = "multiclass_hinge"
    ends = ("identity",)

    def check(self, types: Types) -> None:
        classes(self, types, shares=False)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(), ("f32[4]", "i64")),
            Example(cls(reduction="sum"), ("f32[T, 3]", "i64[T]")),
        )


class CosineDistance(Reduced):
    """mean over examples (and places) of 1 - y·t / (|y|·|t|) along the last axis, with
    |x| = √(Σ x² + 10⁻¹²). Keras' loss is the same without the 1."""

    word = "cosine_distance"
    aliases = ("CosineSimilarity", "cosine_similarity")

    def check(self, types: Types) -> None:
        on_last_axis(self, types, "vectors")
        same_shape(self, types)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(), ("f32[4]", "f32[4]")),
            Example(cls(reduction="sum"), ("f32[T, 3]", "f32[T, 3]")),
        )


class Triplet(Reduced):
    """mean over examples (and places) of max(0, d(anchor, positive) - d(anchor, negative) + margin)
    with d(u, v) = |u - v + 10⁻⁶| along the last axis (Schroff et al. 2015).

    Written with three outputs and no target: `triplet(anchor, positive, negative)`.
    """

    word = "triplet"
    aliases = ("TripletMarginLoss", "triplet_margin_loss")
    takes = ("anchor", "positive", "negative")
    margin: PositiveReal = Field(1.0, description="how much farther the negative must be")

    def check(self, types: Types) -> None:
        on_last_axis(self, types, "vectors")
        same_shape(self, types)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        three = ("f32[4]", "f32[4]", "f32[4]")
        return (
            Example(cls(), three),
            Example(cls(margin=0.3, reduction="sum"), ("f32[T, 3]", "f32[T, 3]", "f32[T, 3]")),
        )
