"""Penalties on weights: a term of the loss, `l2(1e-4)`, or a layer's `regularize=`."""

from __future__ import annotations

from nnc.compiler.vocabulary.base import NonNegativeReal, Word
from nnc.compiler.vocabulary.fields import Field


class Penalty(Word):
    """A term added to the loss. As a term of the loss it is taken over every trained weight that
    is not a bias and does not belong to a normalisation; as `regularize=` over that layer's
    weight, as `bias_regularize=` over its bias."""

    kind = "penalty"

    @classmethod
    def examples(cls) -> tuple[Penalty, ...]:
        """The penalty with arguments; they feed every generic test."""
        raise NotImplementedError


class L1(Penalty):
    """strength · Σ |w|; its gradient is strength · sign(w), 0 at 0."""

    word = "l1"
    aliases = ("L1",)
    positional = ("strength",)
    argument_aliases = {"l1": "strength"}
    strength: NonNegativeReal = Field(description="the factor in front of the sum")

    @classmethod
    def examples(cls) -> tuple[Penalty, ...]:
        return (cls(strength=0.3),)


class L2(Penalty):
    """strength · Σ w², with no half; its gradient is 2 · strength · w."""

    word = "l2"
    aliases = ("L2",)
    positional = ("strength",)
    argument_aliases = {"l2": "strength"}
    strength: NonNegativeReal = Field(description="the factor in front of the sum")

    @classmethod
    def examples(cls) -> tuple[Penalty, ...]:
        return (cls(strength=0.3),)


class L1L2(Penalty):
    """l1 · Σ |w| + l2 · Σ w²: the elastic net (Zou and Hastie 2005)."""

    word = "l1_l2"
    aliases = ("L1L2", "elastic", "elastic_net")
    positional = ("l1", "l2")
    l1: NonNegativeReal = Field(description="the factor in front of the sum of magnitudes")
    l2: NonNegativeReal = Field(description="the factor in front of the sum of squares")

    @classmethod
    def examples(cls) -> tuple[Penalty, ...]:
        return (cls(l1=0.3, l2=0.2), cls(l1=0.0, l2=0.1))
