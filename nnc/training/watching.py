"""What is watched from epoch to epoch: the best one, when to stop, when to lower the rate.

The rules are those of the generated programs. Each watcher is a frozen value that gives the next
one, so that a run can be continued from what stands in its state.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from nnc.compiler.ir import Program, Training
from nnc.compiler.vocabulary.schedules import Plateau


@dataclass(frozen=True)
class Goal:
    """The value that says how good an epoch is: its name, and whether larger is better."""

    monitor: str
    larger: bool = False
    min_delta: float = 0.0

    def improves(self, value: float, best: float | None) -> bool:
        """Whether a value counts as better than the best one so far; NaN never does."""
        sign = -1.0 if self.larger else 1.0
        before = math.inf if best is None else sign * best
        return sign * value < before - self.min_delta


def goal(program: Program, *, validated: bool) -> Goal:
    """What early stopping monitors; without it the loss, of the validation examples if there are
    any."""
    training = training_of(program)
    if training.stop is None:
        return Goal("val_loss" if validated else "loss")
    measured = {use.name: use.metric for use in training.metrics}
    metric = measured.get(training.stop.monitor.removeprefix("val_"))
    larger = metric is not None and metric.larger_is_better
    return Goal(training.stop.monitor, larger, training.stop.min_delta)


def training_of(program: Program) -> Training:
    """The train block of a program that has one."""
    assert program.training is not None
    return program.training


@dataclass(frozen=True)
class Best:
    """The best epoch so far, from 1 (0: none), its value, and how many epochs came after it."""

    epoch: int = 0
    value: float | None = None
    waited: int = 0

    def after(self, epoch: int, value: float, goal: Goal) -> Best:
        """What is the best after one more epoch."""
        if goal.improves(value, self.value):
            return Best(epoch, value)
        return replace(self, waited=self.waited + 1)


@dataclass(frozen=True)
class Slowing:
    """How far a `plateau` schedule has lowered the rate, and what it has seen."""

    best: float | None = None
    bad: int = 0
    rest: int = 0
    share: float = 1.0

    def rate(self, rate: float, schedule: Plateau) -> float:
        """The learning rate as it is by now."""
        return rate if self.share == 1 else max(rate * self.share, schedule.minimum)

    def after(self, value: float, schedule: Plateau) -> Slowing:
        """What holds after one more epoch."""
        before = math.inf if self.best is None else self.best
        better = value < before * (1 - schedule.threshold)
        best = value if better else self.best
        bad = 0 if better or self.rest else self.bad + 1
        rest = max(self.rest - 1, 0)
        if bad > schedule.patience:
            return Slowing(best, 0, schedule.cooldown, self.share * schedule.factor)
        return Slowing(best, bad, rest, self.share)


def watched(training: Training) -> Mapping[str, str]:
    """Every value that training depends on by name -> the setting that asks for it."""
    made: dict[str, str] = {}
    if isinstance(training.schedule, Plateau):
        made[training.schedule.monitor] = "schedule"
    if training.stop is not None:
        made[training.stop.monitor] = "stop"
    return made
