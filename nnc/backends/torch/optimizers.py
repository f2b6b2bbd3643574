"""Optimisers, learning-rate schedules and clipping as expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from nnc.backends import pysource as py
from nnc.backends.base import Table
from nnc.compiler.vocabulary import optimizers as words
from nnc.compiler.vocabulary.schedules import (
    ClipValue,
    ConstantRate,
    Cosine,
    Exponential,
    GlobalNorm,
    Schedule,
    Steps,
)

RateLowering: TypeAlias = Callable[[Any, float, py.Expr, py.Expr], py.Expr]
"""(schedule, η₀, step after the warm-up, updates after the warm-up) -> the rate."""

Piece: TypeAlias = Callable[[str], py.Name]

OPTIMIZERS: Table[Callable[[Any, py.Expr, Piece], py.Expr]] = Table("torch", "optimizer")
SCHEDULES: Table[RateLowering] = Table("torch", "schedule")
CLIPS: Table[Callable[[Any, py.Expr], py.Expr]] = Table("torch", "clip")


@OPTIMIZERS.lowers(words.Sgd)
def sgd(op: words.Sgd, weights: py.Expr, piece: Piece) -> py.Expr:
    return py.call(
        "torch.optim.SGD",
        weights,
        lr=op.lr,
        momentum=op.momentum,
        dampening=0.0,
        # Without momentum both are the same, and torch refuses the flag.
        nesterov=op.nesterov and op.momentum > 0,
        weight_decay=op.weight_decay,
    )


@OPTIMIZERS.lowers(words.Adagrad)
def adagrad(op: words.Adagrad, weights: py.Expr, piece: Piece) -> py.Expr:
    return py.call(
        "torch.optim.Adagrad",
        weights,
        lr=op.lr,
        lr_decay=0.0,
        eps=op.epsilon,
        initial_accumulator_value=op.initial,
        weight_decay=op.weight_decay,
    )


@OPTIMIZERS.lowers(words.Adadelta)
def adadelta(op: words.Adadelta, weights: py.Expr, piece: Piece) -> py.Expr:
    return py.call(
        "torch.optim.Adadelta",
        weights,
        lr=op.lr,
        rho=op.decay,
        eps=op.epsilon,
        weight_decay=op.weight_decay,
    )


@OPTIMIZERS.lowers(words.RmsProp)
def rmsprop(op: words.RmsProp, weights: py.Expr, piece: Piece) -> py.Expr:
    return py.call(
        "torch.optim.RMSprop",
        weights,
        lr=op.lr,
        alpha=op.decay,
        eps=op.epsilon,
        momentum=op.momentum,
        centered=op.centered,
        weight_decay=op.weight_decay,
    )


@OPTIMIZERS.lowers(words.Adam)
def adam(op: words.Adam, weights: py.Expr, piece: Piece) -> py.Expr:
    return _moments("torch.optim.Adam", op, weights, amsgrad=op.amsgrad)


@OPTIMIZERS.lowers(words.AdamW)
def adamw(op: words.AdamW, weights: py.Expr, piece: Piece) -> py.Expr:
    return _moments("torch.optim.AdamW", op, weights, amsgrad=op.amsgrad)


@OPTIMIZERS.lowers(words.Adamax)
def adamax(op: words.Adamax, weights: py.Expr, piece: Piece) -> py.Expr:
    return _moments("torch.optim.Adamax", op, weights)


@OPTIMIZERS.lowers(words.Nadam)
def nadam(op: words.Nadam, weights: py.Expr, piece: Piece) -> py.Expr:
    decay = {"momentum_decay": op.momentum_decay, "decoupled_weight_decay": False}
    return _moments("torch.optim.NAdam", op, weights, **decay)


@OPTIMIZERS.lowers(words.Lamb)
def lamb(op: words.Lamb, weights: py.Expr, piece: Piece) -> py.Expr:
    return _moments(piece("optimizers:Lamb"), op, weights)


@OPTIMIZERS.lowers(words.Lion)
def lion(op: words.Lion, weights: py.Expr, piece: Piece) -> py.Expr:
    betas = (op.beta1, op.beta2)
    return py.call(
        piece("optimizers:Lion"), weights, lr=op.lr, betas=betas, weight_decay=op.weight_decay
    )


_Adaptive: TypeAlias = words.Adam | words.AdamW | words.Adamax | words.Nadam | words.Lamb


def _moments(function: str | py.Expr, op: _Adaptive, weights: py.Expr, **more: float) -> py.Expr:
    return py.call(
        function,
        weights,
        lr=op.lr,
        betas=(op.beta1, op.beta2),
        eps=op.epsilon,
        **more,
        weight_decay=op.weight_decay,
    )


@SCHEDULES.lowers(ConstantRate)
def constant(schedule: ConstantRate, rate: float, step: py.Expr, steps: py.Expr) -> py.Expr:
    return py.literal(rate)


@SCHEDULES.lowers(Steps)
def by_steps(schedule: Steps, rate: float, step: py.Expr, steps: py.Expr) -> py.Expr:
    power = py.binary("**", schedule.factor, py.binary("//", step, schedule.every))
    return py.binary("*", rate, power)


@SCHEDULES.lowers(Exponential)
def exponential(schedule: Exponential, rate: float, step: py.Expr, steps: py.Expr) -> py.Expr:
    return py.binary("*", rate, py.binary("**", schedule.factor, step))


@SCHEDULES.lowers(Cosine)
def cosine(schedule: Cosine, rate: float, step: py.Expr, steps: py.Expr) -> py.Expr:
    end: py.Expr = py.call("max", steps, 1)
    if schedule.steps is not None:
        end = py.literal(schedule.steps)
    progress = py.call("min", py.binary("/", step, end), 1.0)
    wave = py.call("math.cos", py.binary("*", py.dotted("math.pi"), progress))
    share = py.binary("*", 0.5, py.binary("+", 1.0, wave))
    low = schedule.minimum
    if not low:
        return py.binary("*", rate, share)
    return py.binary("+", low, py.binary("*", py.binary("-", rate, low), share))


def learning_rate(schedule: Schedule, rate: float) -> py.Function:
    """The function lr(t), evaluated in float64."""
    warmup = schedule.warmup_steps
    step, steps = py.name("step"), py.name("steps")
    body: tuple[py.Statement, ...] = ()
    after: tuple[py.Expr, py.Expr] = (step, steps)
    if warmup:
        rising = py.binary("/", py.binary("*", rate, py.binary("+", step, 1)), warmup)
        body = (py.If(py.binary("<", step, warmup), (py.Return(rising),)),)
        after = (py.binary("-", step, warmup), py.binary("-", steps, warmup))
    result = py.Return(SCHEDULES.find(schedule)(schedule, rate, *after))
    return py.Function(
        "learning_rate",
        (py.Parameter("step", py.name("int")), py.Parameter("steps", py.name("int"))),
        (*body, result),
        returns=py.name("float"),
        docstring="The learning rate of update `step` (from 0) of `steps`.",
    )


@CLIPS.lowers(ClipValue)
def clip_value(clip: ClipValue, weights: py.Expr) -> py.Expr:
    return py.call("nn.utils.clip_grad_value_", weights, clip.limit)


@CLIPS.lowers(GlobalNorm)
def clip_norm(clip: GlobalNorm, weights: py.Expr) -> py.Expr:
    return py.call("nn.utils.clip_grad_norm_", weights, clip.limit)
