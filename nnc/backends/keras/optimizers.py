"""Optimisers, learning-rate schedules and the clipping of gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from nnc.backends import rates
from nnc.backends.base import Table
from nnc.compiler.ir import Training
from nnc.compiler.vocabulary import optimizers as words
from nnc.compiler.vocabulary import schedules

Construction: TypeAlias = tuple[str, dict[str, object]]
"""A class (of Keras with a dot, of the pieces without one) and its arguments."""

OPTIMIZERS: Table[Callable[[Any, Training], Construction]] = Table("keras", "optimizer")
SCHEDULES = rates.table("keras")
CLIPS: Table[Callable[[Any], str]] = Table("keras", "clip")


@OPTIMIZERS.lowers(words.Sgd)
def sgd(op: words.Sgd, training: Training) -> Construction:
    """Keras keeps the rate in the velocity, which is the same only while the rate does not change,
    and rounds the momentum to float32."""
    if not op.momentum and not op.weight_decay:
        return "keras.optimizers.SGD", {"learning_rate": op.lr}
    options: dict[str, object] = {"learning_rate": op.lr, "momentum": op.momentum}
    if op.nesterov:
        options["nesterov"] = True
    return "SGD", options | _coupled(op)


def _coupled(op: words.Coupled) -> dict[str, object]:
    return {"l2": op.weight_decay} if op.weight_decay else {}


@OPTIMIZERS.lowers(words.Adagrad)
def adagrad(op: words.Adagrad, training: Training) -> Construction:
    options: dict[str, object] = {"learning_rate": op.lr, "epsilon": op.epsilon}
    if op.initial:
        options["initial"] = op.initial
    return "Adagrad", options | _coupled(op)


@OPTIMIZERS.lowers(words.Adadelta)
def adadelta(op: words.Adadelta, training: Training) -> Construction:
    options: dict[str, object] = {"learning_rate": op.lr, "decay": op.decay, "epsilon": op.epsilon}
    return "Adadelta", options | _coupled(op)


@OPTIMIZERS.lowers(words.RmsProp)
def rmsprop(op: words.RmsProp, training: Training) -> Construction:
    options: dict[str, object] = {"learning_rate": op.lr, "decay": op.decay, "epsilon": op.epsilon}
    if op.momentum:
        options["momentum"] = op.momentum
    if op.centered:
        options["centered"] = True
    return "RMSprop", options | _coupled(op)


_Adaptive: TypeAlias = words.Adam | words.AdamW | words.Adamax | words.Nadam | words.Lamb


def _moments(op: _Adaptive) -> dict[str, object]:
    options: dict[str, object] = {"learning_rate": op.lr}
    return options | {"beta1": op.beta1, "beta2": op.beta2, "epsilon": op.epsilon}


def _amsgrad(op: words.Adam | words.AdamW) -> dict[str, object]:
    return {"amsgrad": True} if op.amsgrad else {}


@OPTIMIZERS.lowers(words.Adam)
def adam(op: words.Adam, training: Training) -> Construction:
    return "Adam", _moments(op) | _amsgrad(op) | _coupled(op)


@OPTIMIZERS.lowers(words.AdamW)
def adamw(op: words.AdamW, training: Training) -> Construction:
    return "Adam", _moments(op) | {"decay": op.weight_decay} | _amsgrad(op)


@OPTIMIZERS.lowers(words.Adamax)
def adamax(op: words.Adamax, training: Training) -> Construction:
    return "Adamax", _moments(op) | _coupled(op)


@OPTIMIZERS.lowers(words.Nadam)
def nadam(op: words.Nadam, training: Training) -> Construction:
    return "Nadam", _moments(op) | {"momentum_decay": op.momentum_decay} | _coupled(op)


@OPTIMIZERS.lowers(words.Lion)
def lion(op: words.Lion, training: Training) -> Construction:
    options: dict[str, object] = {"learning_rate": op.lr, "beta1": op.beta1, "beta2": op.beta2}
    return "Lion", options | {"decay": op.weight_decay}


@OPTIMIZERS.lowers(words.Lamb)
def lamb(op: words.Lamb, training: Training) -> Construction:
    return "Lamb", _moments(op) | {"decay": op.weight_decay}


@CLIPS.lowers(schedules.ClipValue)
def by_value(clip: schedules.ClipValue) -> str:
    return "clipped_to"


@CLIPS.lowers(schedules.GlobalNorm)
def global_norm(clip: schedules.GlobalNorm) -> str:
    return "clipped_together"


@CLIPS.lowers(schedules.WeightNorm)
def weight_norm(clip: schedules.WeightNorm) -> str:
    return "clipped_each"
