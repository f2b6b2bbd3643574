"""Learning rates as a Python function of generated programs, evaluated in float64: the same text
whatever the framework."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from nnc.backends import pysource as py
from nnc.backends.base import Table
from nnc.compiler.vocabulary.schedules import (
    ConstantRate,
    Cosine,
    CosineRestarts,
    Exponential,
    InverseTime,
    MultiStep,
    OneCycle,
    Plateau,
    Polynomial,
    Schedule,
    Steps,
)

Lines: TypeAlias = tuple[py.Statement, ...]
RateLowering: TypeAlias = Callable[[Any, float, py.Expr, py.Expr], Lines]
"""(schedule, η₀, step after the warm-up, updates after the warm-up) -> lines that end with the
rate."""


def table(backend: str) -> Table[RateLowering]:
    """The schedules of a backend whose programs are Python."""
    schedules: Table[RateLowering] = Table(backend, "schedule")
    for word, lowering in _LOWERINGS.items():
        schedules.lowers(word)(lowering)
    return schedules


def learning_rate(schedules: Table[RateLowering], schedule: Schedule, base: float) -> py.Function:
    """The function of the step, 0 for the first update, and the number of all steps."""
    warmup = schedule.warmup_steps
    step, steps = py.name("step"), py.name("steps")
    body: Lines = ()
    after: tuple[py.Expr, py.Expr] = (step, steps)
    if warmup:
        rising = py.binary("/", py.binary("*", base, py.binary("+", step, 1)), warmup)
        body = (py.If(py.binary("<", step, warmup), (py.Return(rising),)),)
        after = (py.binary("-", step, warmup), py.binary("-", steps, warmup))
    return py.Function(
        "learning_rate",
        (py.Parameter("step", py.name("int")), py.Parameter("steps", py.name("int"))),
        (*body, *schedules.find(schedule)(schedule, base, *after)),
        returns=py.name("float"),
        docstring="The learning rate of update `step` (from 0) of `steps`.",
    )


def plateau_constants(schedule: Schedule) -> dict[str, object]:
    """The settings of `Plateau` by the names that programs give them."""
    if not isinstance(schedule, Plateau):
        return {}
    names = ("monitor", "factor", "patience", "threshold", "cooldown", "minimum")
    return {f"PLATEAU_{name.upper()}": getattr(schedule, name) for name in names}


def _constant(schedule: Schedule, base: float, step: py.Expr, steps: py.Expr) -> Lines:
    return (py.Return(py.literal(base)),)


def _steps(schedule: Steps, base: float, step: py.Expr, steps: py.Expr) -> Lines:
    power = py.binary("**", schedule.factor, py.binary("//", step, schedule.every))
    return (py.Return(py.binary("*", base, power)),)


def _exponential(schedule: Exponential, base: float, step: py.Expr, steps: py.Expr) -> Lines:
    return (py.Return(py.binary("*", base, py.binary("**", schedule.factor, step))),)


def _multi_step(schedule: MultiStep, base: float, step: py.Expr, steps: py.Expr) -> Lines:
    return tuple(_falling(schedule, base, step))


def _falling(schedule: MultiStep, base: float, step: py.Expr) -> Iterator[py.Statement]:
    passed = 0
    for boundary, times in sorted(Counter(schedule.boundaries).items()):
        rate = py.literal(base * float(schedule.factor**passed))
        yield py.If(py.binary("<", step, boundary), (py.Return(rate),))
        passed += times
    yield py.Return(py.literal(base * float(schedule.factor**passed)))


def _polynomial(schedule: Polynomial, base: float, step: py.Expr, steps: py.Expr) -> Lines:
    left = py.binary("-", 1.0, _progress(schedule.steps, step, steps))
    if schedule.power != 1:
        left = py.binary("**", left, schedule.power)
    return (py.Return(_above(schedule.end, base, left)),)


def _inverse_time(schedule: InverseTime, base: float, step: py.Expr, steps: py.Expr) -> Lines:
    time = py.binary("*", schedule.decay, step)
    if schedule.every > 1:
        time = py.binary("/", time, schedule.every)
    return (py.Return(py.binary("/", base, py.binary("+", 1.0, time))),)


def _cosine(schedule: Cosine, base: float, step: py.Expr, steps: py.Expr) -> Lines:
    progress = _progress(schedule.steps, step, steps)
    return (py.Return(_above(schedule.minimum, base, _wave(progress))),)


def _cosine_restarts(schedule: CosineRestarts, base: float, step: py.Expr, steps: py.Expr) -> Lines:
    first: py.Expr = py.literal(schedule.period)
    if schedule.multiply == 1:
        share = py.binary("/", py.binary("%", step, first), first)
        return (py.Return(_above(schedule.minimum, base, _wave(share))),)
    place, period = py.name("step"), py.name("period")
    moved = () if step == place else (py.Assign((place,), step),)
    once = (
        py.Assign((place,), py.binary("-", place, period)),
        py.Assign((period,), py.binary("*", period, schedule.multiply)),
    )
    share = py.binary("/", place, period)
    return (
        *moved,
        py.Assign((period,), first),
        py.While(py.binary(">=", place, period), once),
        py.Return(_above(schedule.minimum, base, _wave(share))),
    )


def _one_cycle(schedule: OneCycle, base: float, step: py.Expr, steps: py.Expr) -> Lines:
    total = steps if schedule.steps is None else py.literal(schedule.steps)
    last, top, high = py.name("last"), py.name("top"), schedule.maximum
    rising = py.binary("-", py.binary("*", schedule.rising, total), 1.0)
    down = py.binary("/", py.binary("-", step, top), py.binary("-", last, top))
    end = py.literal(schedule.minimum)
    up = _above(base, high, py.binary("-", 1.0, _wave(py.binary("/", step, top))))
    return (
        py.Assign((last,), py.binary("-", total, 1)),
        py.Assign((top,), py.call("max", rising, 0.0)),
        py.If(py.binary(">=", step, last), (py.Return(end),)),
        py.If(py.binary("<", step, top), (py.Return(up),)),
        py.Return(_above(schedule.minimum, high, _wave(down))),
    )


def _progress(given: int | None, step: py.Expr, steps: py.Expr) -> py.Expr:
    """The share of the way that is done, 1 at most."""
    end: py.Expr = py.call("max", steps, 1) if given is None else py.literal(given)
    return py.call("min", py.binary("/", step, end), 1.0)


def _wave(share: py.Expr) -> py.Expr:
    """1 to 0 as half a cosine."""
    cosine = py.call("math.cos", py.binary("*", py.dotted("math.pi"), share))
    return py.binary("*", 0.5, py.binary("+", 1.0, cosine))


def _above(low: float, high: float, share: py.Expr) -> py.Expr:
    """low + (high - low) * share."""
    if not low:
        return py.binary("*", high, share)
    return py.binary("+", low, py.binary("*", py.binary("-", high, low), share))


_LOWERINGS: dict[type[Schedule], RateLowering] = {
    ConstantRate: _constant,
    Steps: _steps,
    Exponential: _exponential,
    MultiStep: _multi_step,
    Polynomial: _polynomial,
    InverseTime: _inverse_time,
    Cosine: _cosine,
    CosineRestarts: _cosine_restarts,
    OneCycle: _one_cycle,
    Plateau: _constant,
}
