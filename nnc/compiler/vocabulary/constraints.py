"""Constraints on weights: a layer's `constraint=`, applied to its weight after every update.

A unit is what stands at one index of the weight's first axis: its norm is over all other axes. A
bias has a unit for each element.
"""

from __future__ import annotations

from nnc.compiler.vocabulary.base import PositiveReal, Word
from nnc.compiler.vocabulary.fields import Field


class Constraint(Word):
    """A rule that brings a weight back to where it may be."""

    kind = "constraint"


class MaxNorm(Constraint):
    """Each unit is multiplied by min(1, limit / n), n its norm (Srivastava et al. 2014)."""

    word = "max_norm"
    aliases = ("MaxNorm", "maxnorm")
    positional = ("limit",)
    argument_aliases = {"max_value": "limit"}
    limit: PositiveReal = Field(2.0, description="the largest norm of a unit")


class NonNegative(Constraint):
    """Elements below 0 become 0."""

    word = "non_negative"
    aliases = ("NonNeg", "non_neg", "nonneg")


class UnitNorm(Constraint):
    """Each unit is divided by its norm; a unit of zeros stays."""

    word = "unit_norm"
    aliases = ("UnitNorm",)
