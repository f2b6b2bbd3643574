"""Layers that act in training only."""

from __future__ import annotations

from pydantic import Field

from nnc.compiler.vocabulary.base import Mistake, Probability
from nnc.compiler.vocabulary.ops.base import ElementWise, Example, example


class Dropout(ElementWise):
    """In training each element is 0 with probability `rate` and otherwise x / (1 - rate); in
    evaluation x (Srivastava et al. 2014)."""

    word = "Dropout"
    aliases = ("dropout",)
    positional = ("rate",)
    argument_aliases = {"p": "rate"}
    rate: Probability = Field(0.5, description="the share of elements that are dropped")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (example(cls(rate=0.3), "f32[5]"), example(cls(rate=0.0), "f32[3, T]"))

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("(1.0)", "E203"), Mistake("(-0.1)", "E203"))
