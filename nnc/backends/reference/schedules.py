"""Learning rates and the clipping of gradients."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from nnc.backends.reference.table import clips, schedules
from nnc.backends.reference.tape import Array
from nnc.compiler.vocabulary.schedules import (
    ClipValue,
    ConstantRate,
    Cosine,
    CosineRestarts,
    Exponential,
    GlobalNorm,
    InverseTime,
    MultiStep,
    OneCycle,
    Plateau,
    Polynomial,
    Schedule,
    Steps,
    WeightNorm,
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


@schedules.lowers(MultiStep)
def multi_step(schedule: MultiStep, base: float, t: int, updates: int) -> float:
    passed = sum(boundary <= t for boundary in schedule.boundaries)
    return base * float(schedule.factor**passed)


@schedules.lowers(Polynomial)
def polynomial(schedule: Polynomial, base: float, t: int, updates: int) -> float:
    left = max(1 - t / (schedule.steps or updates), 0.0)
    return schedule.end + (base - schedule.end) * float(left**schedule.power)


@schedules.lowers(InverseTime)
def inverse_time(schedule: InverseTime, base: float, t: int, updates: int) -> float:
    return base / (1 + schedule.decay * t / schedule.every)


def _between(first: float, last: float, share: float) -> float:
    """From `first` to `last` as half a cosine, at a share of the way."""
    return last + (first - last) * 0.5 * (1 + math.cos(math.pi * share))


@schedules.lowers(Cosine)
def cosine(schedule: Cosine, base: float, t: int, updates: int) -> float:
    end = schedule.steps or updates
    return schedule.minimum if t >= end else _between(base, schedule.minimum, t / end)


@schedules.lowers(CosineRestarts)
def cosine_restarts(schedule: CosineRestarts, base: float, t: int, updates: int) -> float:
    begin, period = 0, schedule.period
    while t >= begin + period:
        begin, period = begin + period, period * schedule.multiply
    return _between(base, schedule.minimum, (t - begin) / period)


@schedules.lowers(OneCycle)
def one_cycle(schedule: OneCycle, base: float, t: int, updates: int) -> float:
    total = schedule.steps or updates
    top = max(schedule.rising * total - 1, 0.0)
    if t >= total - 1:
        return schedule.minimum
    if t < top:
        return _between(base, schedule.maximum, t / top)
    return _between(schedule.maximum, schedule.minimum, (t - top) / (total - 1 - top))


@schedules.lowers(Plateau)
def plateau(schedule: Plateau, base: float, t: int, updates: int) -> float:
    """The rate before anything was reduced: see `reductions`."""
    return base


def reductions(schedule: Plateau, values: Iterable[float]) -> Iterator[int]:
    """How often the rate is reduced after each epoch, from the monitored values of the epochs."""
    best, bad, rest, count = math.inf, 0, 0, 0
    for value in values:
        better = value < best * (1 - schedule.threshold)
        best = value if better else best
        bad = 0 if better or rest else bad + 1
        rest = max(rest - 1, 0)
        if bad > schedule.patience:
            bad, rest, count = 0, schedule.cooldown, count + 1
        yield count


@clips.lowers(ClipValue)
def by_value(clip: ClipValue, gradients: dict[str, Array]) -> dict[str, Array]:
    return {name: np.clip(g, -clip.limit, clip.limit) for name, g in gradients.items()}


@clips.lowers(GlobalNorm)
def global_norm(clip: GlobalNorm, gradients: dict[str, Array]) -> dict[str, Array]:
    norm = math.sqrt(sum(float((g**2).sum()) for g in gradients.values()))
    factor = min(1.0, clip.limit / (norm + 1e-6))
    return {name: g * factor for name, g in gradients.items()}


@clips.lowers(WeightNorm)
def weight_norm(clip: WeightNorm, gradients: dict[str, Array]) -> dict[str, Array]:
    norms = {name: float(np.linalg.norm(g)) for name, g in gradients.items()}
    return {n: g * min(1.0, clip.limit / (norms[n] + 1e-6)) for n, g in gradients.items()}
