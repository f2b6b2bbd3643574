"""Penalties on weights: a term of the loss, `l2(1e-4)`, or a layer's `regularize=`."""

from __future__ import annotations

from pydantic import Field

from nnc.compiler.vocabulary.base import NonNegativeReal, Word


class Penalty(Word):
    """A term added to the loss. As a term of the loss it is taken over every trained weight that
    is not a bias and does not belong to a normalisation; as `regularize=` over that layer's
    weight."""

    kind = "penalty"
    positional = ("strength",)
    strength: NonNegativeReal = Field(description="the factor in front of the sum")


class L1(Penalty):
    """strength · Σ |w|; its gradient is strength · sign(w), 0 at 0."""

    word = "l1"


class L2(Penalty):
    """strength · Σ w², with no half; its gradient is 2 · strength · w."""

    word = "l2"
