"""What surrounds the optimiser: learning-rate schedules, clipping of gradients, early stopping.

A schedule is a pure function of the step t (0 for the first update), evaluated in float64.
"""

from __future__ import annotations

from pydantic import Field

from nnc.compiler.vocabulary.base import Count, NonNegativeReal, PositiveInt, PositiveReal, Word


class Schedule(Word):
    """The learning rate η(t) of each update; η₀ is the optimiser's `lr`."""

    kind = "schedule"
    warmup_steps: Count = Field(
        0, description="first updates, in which the rate rises to η₀ evenly"
    )


class ConstantRate(Schedule):
    """η(t) = η₀."""

    word = "constant"


class Steps(Schedule):
    """η(t) = η₀ · factor^(t // every)."""

    word = "step"
    positional = ("every", "factor")
    every: PositiveInt = Field(description="updates between two changes")
    factor: PositiveReal = Field(0.1, description="what the rate is multiplied by")


class Exponential(Schedule):
    """η(t) = η₀ · factorᵗ."""

    word = "exponential"
    positional = ("factor",)
    factor: PositiveReal = Field(description="what the rate is multiplied by after each update")


class Cosine(Schedule):
    """η(t) = minimum + (η₀ - minimum)·½·(1 + cos(π·t / T)) up to T, then minimum (Loshchilov and
    Hutter 2017).

    T is `steps`, or what is left of the whole training after the warm-up.
    """

    word = "cosine"
    steps: PositiveInt | None = Field(None, description="T; without it, to the end of training")
    minimum: NonNegativeReal = Field(0.0, description="the rate at the end")


class Clip(Word):
    """A bound on gradients, applied before anything else is done with them."""

    kind = "clip"
    positional = ("limit",)
    limit: PositiveReal = Field(description="the bound")


class ClipValue(Clip):
    """Every element of every gradient is clipped to ±limit."""

    word = "value"


class GlobalNorm(Clip):
    """All gradients are multiplied by min(1, limit / (n + 1e-6)), n the norm of all of them
    together (Pascanu et al. 2013)."""

    word = "global_norm"
    aliases = ("norm",)


class Stop(Word):
    """A reason to end training before its last epoch."""

    kind = "stop"


class Early(Stop):
    """End after `patience` epochs without a smaller monitored value."""

    word = "early"
    aliases = ("EarlyStopping",)
    monitor: str = Field("val_loss", description="`loss`, `val_loss`, or a metric's name")
    patience: PositiveInt = Field(5, description="epochs without improvement before the end")
    min_delta: NonNegativeReal = Field(0.0, description="how much smaller counts as better")
    restore_best: bool = Field(True, description="end with the weights of the best epoch")
