"""What surrounds the optimiser: learning-rate schedules, clipping of gradients, early stopping.

A schedule is a function of the step t, evaluated in float64. t counts updates, not epochs: it is 0
for the first update after the warm-up.
"""

from __future__ import annotations

from typing import Annotated, Literal

from nnc.compiler.vocabulary.base import (
    Count,
    NonNegativeReal,
    Phrase,
    PositiveInt,
    PositiveReal,
    Probability,
    Word,
)
from nnc.compiler.vocabulary.fields import Field

Share = Annotated[float, Field(gt=0, lt=1), Phrase("a number between 0 and 1")]


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
    aliases = ("StepLR",)
    positional = ("every", "factor")
    argument_aliases = {"step_size": "every", "gamma": "factor"}
    every: PositiveInt = Field(description="updates between two changes")
    factor: PositiveReal = Field(0.1, description="what the rate is multiplied by")


class Exponential(Schedule):
    """η(t) = η₀ · factorᵗ."""

    word = "exponential"
    aliases = ("ExponentialLR",)
    positional = ("factor",)
    argument_aliases = {"gamma": "factor"}
    factor: PositiveReal = Field(description="what the rate is multiplied by after each update")


class MultiStep(Schedule):
    """η(t) = η₀ · factorⁿ, n the number of boundaries that are not above t."""

    word = "multi_step"
    aliases = ("MultiStepLR",)
    positional = ("boundaries", "factor")
    argument_aliases = {"milestones": "boundaries", "gamma": "factor"}
    boundaries: tuple[PositiveInt, ...] = Field(description="the first update of each new rate")
    factor: PositiveReal = Field(0.1, description="what the rate is multiplied by")


class Polynomial(Schedule):
    """η(t) = end + (η₀ - end)·(1 - t / T)^power up to T, then end.

    T is `steps`, or what is left of the whole training after the warm-up.
    """

    word = "polynomial"
    aliases = ("PolynomialLR", "PolynomialDecay")
    positional = ("steps",)
    argument_aliases = {
        "total_iters": "steps",
        "decay_steps": "steps",
        "end_learning_rate": "end",
    }
    steps: PositiveInt | None = Field(None, description="T; without it, to the end of training")
    end: NonNegativeReal = Field(0.0, description="the rate at the end")
    power: PositiveReal = Field(1.0, description="1 falls evenly, more falls faster at first")


class InverseTime(Schedule):
    """η(t) = η₀ / (1 + decay·t / every)."""

    word = "inverse_time"
    aliases = ("InverseTimeDecay",)
    positional = ("decay", "every")
    argument_aliases = {"decay_rate": "decay", "decay_steps": "every"}
    decay: PositiveReal = Field(description="how fast the rate falls")
    every: PositiveInt = Field(1, description="updates that count as one step of the decay")


class Cosine(Schedule):
    """η(t) = minimum + (η₀ - minimum)·½·(1 + cos(π·t / T)) up to T, then minimum (Loshchilov and
    Hutter 2017).

    T is `steps`, or what is left of the whole training after the warm-up.
    """

    word = "cosine"
    aliases = ("CosineAnnealingLR",)
    argument_aliases = {"T_max": "steps", "eta_min": "minimum"}
    steps: PositiveInt | None = Field(None, description="T; without it, to the end of training")
    minimum: NonNegativeReal = Field(0.0, description="the rate at the end")


class CosineRestarts(Schedule):
    """η falls from η₀ to minimum as half a cosine in `period` updates and begins anew, each time in
    `multiply` times as many updates (Loshchilov and Hutter 2017)."""

    word = "cosine_restarts"
    aliases = ("CosineAnnealingWarmRestarts", "CosineDecayRestarts")
    positional = ("period", "multiply")
    argument_aliases = {
        "T_0": "period",
        "T_mult": "multiply",
        "eta_min": "minimum",
        "first_decay_steps": "period",
        "t_mul": "multiply",
    }
    period: PositiveInt = Field(description="updates before the first restart")
    multiply: PositiveInt = Field(1, description="how much longer each period is than the last")
    minimum: NonNegativeReal = Field(0.0, description="the rate that each period falls to")


class OneCycle(Schedule):
    """η rises from η₀ to `maximum` as half a cosine up to the update rising·T - 1, and falls from
    there to `minimum` at the update T - 1 likewise (Smith and Topin 2018).

    T is `steps`, or what is left of the whole training after the warm-up. The momentum stays as it
    is: PyTorch's OneCycleLR would change it too.
    """

    word = "one_cycle"
    aliases = ("OneCycleLR",)
    positional = ("maximum",)
    argument_aliases = {"max_lr": "maximum", "total_steps": "steps", "pct_start": "rising"}
    maximum: PositiveReal = Field(description="the rate at the top")
    steps: PositiveInt | None = Field(None, description="T; without it, to the end of training")
    rising: Share = Field(0.3, description="share of T in which the rate rises")
    minimum: NonNegativeReal = Field(0.0, description="the rate at the end")


class Plateau(Schedule):
    """η₀ · factorⁿ, not below `minimum`: n grows by 1 after more than `patience` epochs one after
    the other whose monitored value was not below best·(1 - threshold).

    The `cooldown` epochs after a reduction do not count. Keras' patience is one more than this one,
    and its threshold is a difference, not a share.
    """

    word = "plateau"
    aliases = ("ReduceLROnPlateau",)
    positional = ("factor", "patience")
    argument_aliases = {"min_lr": "minimum"}
    factor: Share = Field(0.1, description="what the rate is multiplied by")
    patience: Count = Field(10, description="epochs without improvement that are still borne")
    threshold: Probability = Field(
        1e-4, description="share of the best value that counts as better"
    )
    cooldown: Count = Field(0, description="epochs after a reduction that do not count")
    minimum: NonNegativeReal = Field(0.0, description="the rate is not reduced below this")
    monitor: Literal["val_loss", "loss"] = Field("val_loss", description="what is watched")


class Clip(Word):
    """A bound on gradients, applied before anything else is done with them."""

    kind = "clip"
    positional = ("limit",)
    limit: PositiveReal = Field(description="the bound")


class ClipValue(Clip):
    """Every element of every gradient is clipped to ±limit."""

    word = "value"
    aliases = ("clipvalue", "clip_grad_value_", "clip_value")
    argument_aliases = {"clip_value": "limit"}


class GlobalNorm(Clip):
    """All gradients are multiplied by min(1, limit / (n + 1e-6)), n the norm of all of them
    together (Pascanu et al. 2013)."""

    word = "global_norm"
    aliases = ("global_clipnorm", "clip_grad_norm_")
    argument_aliases = {"max_norm": "limit"}


class WeightNorm(Clip):
    """The gradient of each weight is multiplied by min(1, limit / (n + 1e-6)), n its own norm."""

    word = "weight_norm"
    aliases = ("clipnorm",)


class Stop(Word):
    """A reason to end training before its last epoch."""

    kind = "stop"


class Early(Stop):
    """End after `patience` epochs without a smaller monitored value."""

    word = "early"
    aliases = ("EarlyStopping",)
    argument_aliases = {"restore_best_weights": "restore_best"}
    monitor: str = Field("val_loss", description="`loss`, `val_loss`, or a metric's name")
    patience: PositiveInt = Field(5, description="epochs without improvement before the end")
    min_delta: NonNegativeReal = Field(0.0, description="how much smaller counts as better")
    restore_best: bool = Field(True, description="end with the weights of the best epoch")


class Checkpoint(Word):
    """When a run keeps its weights, beside the best and the last ones."""

    kind = "checkpoint"


class Every(Checkpoint):
    """After every so many epochs, of which the newest are kept."""

    word = "every"
    positional = ("epochs",)
    epochs: PositiveInt = Field(description="how many epochs lie between two")
    keep: PositiveInt | None = Field(None, description="how many are kept; without it all")
