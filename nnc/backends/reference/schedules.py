"""Learning rates and the clipping of gradients."""

from __future__ import annotations

import math

import numpy as np

from nnc.backends.reference.table import clips, schedules
from nnc.backends.reference.tape import Array
from nnc.compiler.vocabulary.schedules import (
    ClipValue,
    ConstantRate,
    Cosine,
    Exponential,
    GlobalNorm,
    Schedule,
    Steps,
)


def rate(schedule: Schedule, base: float, t: int, updates: int) -> float:
    """η(t), t = 0 for the first of `updates` updates in the whole training; `base` is η₀."""
    warmup = schedule.warmup_steps
    if t < warmup:
        return base * (t + 1) / warmup
    return schedules.find(schedule)(schedule, base, t - warmup, updates - warmup)


@schedules.lowers(ConstantRate)
def constant(schedule: ConstantRate, base: float, t: int, updates: int) -> float:
    return base


@schedules.lowers(Steps)
def steps(schedule: Steps, base: float, t: int, updates: int) -> float:
    return base * float(schedule.factor ** (t // schedule.every))


@schedules.lowers(Exponential)
def exponential(schedule: Exponential, base: float, t: int, updates: int) -> float:
    return base * float(schedule.factor**t)


@schedules.lowers(Cosine)
def cosine(schedule: Cosine, base: float, t: int, updates: int) -> float:
    end = schedule.steps or updates
    if t >= end:
        return schedule.minimum
    fall = 0.5 * (1 + math.cos(math.pi * t / end))
    return schedule.minimum + (base - schedule.minimum) * fall


@clips.lowers(ClipValue)
def by_value(clip: ClipValue, gradients: dict[str, Array]) -> dict[str, Array]:
    return {name: np.clip(g, -clip.limit, clip.limit) for name, g in gradients.items()}


@clips.lowers(GlobalNorm)
def global_norm(clip: GlobalNorm, gradients: dict[str, Array]) -> dict[str, Array]:
    norm = math.sqrt(sum(float((g**2).sum()) for g in gradients.values()))
    factor = min(1.0, clip.limit / (norm + 1e-6))
    return {name: g * factor for name, g in gradients.items()}
