"""Optimisers, learning-rate schedules and clipping as expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from nnc.backends import pysource as py
from nnc.backends import rates
from nnc.backends.base import Table
from nnc.compiler.vocabulary import optimizers as words
from nnc.compiler.vocabulary.schedules import ClipValue, GlobalNorm, WeightNorm

Piece: TypeAlias = Callable[[str], py.Name]

OPTIMIZERS: Table[Callable[[Any, py.Expr, Piece], py.Expr]] = Table("torch", "optimizer")
SCHEDULES = rates.table("torch")
CLIPS: Table[Callable[[Any, py.Expr], py.Statement]] = Table("torch", "clip")


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
        fused=True,
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
    return _moments("torch.optim.Adam", op, weights, amsgrad=op.amsgrad, fused=True)


@OPTIMIZERS.lowers(words.AdamW)
def adamw(op: words.AdamW, weights: py.Expr, piece: Piece) -> py.Expr:
    return _moments("torch.optim.AdamW", op, weights, amsgrad=op.amsgrad, fused=True)


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


@CLIPS.lowers(ClipValue)
def clip_value(clip: ClipValue, weights: py.Expr) -> py.Statement:
    return py.Expression(py.call("nn.utils.clip_grad_value_", weights, clip.limit))


@CLIPS.lowers(GlobalNorm)
def clip_norm(clip: GlobalNorm, weights: py.Expr) -> py.Statement:
    return py.Expression(py.call("nn.utils.clip_grad_norm_", weights, clip.limit))


@CLIPS.lowers(WeightNorm)
def clip_each(clip: WeightNorm, weights: py.Expr) -> py.Statement:
    weight = py.name("weight")
    bound = py.call("nn.utils.clip_grad_norm_", weight, clip.limit)
    return py.For((weight,), weights, (py.Expression(bound),))
