"""Optimisers: one update of one weight."""

from __future__ import annotations

import math

import numpy as np

from nnc.backends.reference.table import Step, optimizers
from nnc.backends.reference.tape import Array
from nnc.compiler.vocabulary.optimizers import (
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Coupled,
    Lamb,
    Lion,
    Nadam,
    RmsProp,
    Sgd,
)


def _coupled(rule: Coupled, step: Step) -> Array:
    return step.gradient + rule.weight_decay * step.weight


def _mean(step: Step, name: str, share: float, new: Array) -> Array:
    """A running mean that keeps a share of its old value."""
    mean = step.remembered(name)
    step.state[name] = mean + (1 - share) * (new - mean)
    return step.state[name]


@optimizers.lowers(Sgd)
def sgd(rule: Sgd, step: Step) -> Array:
    gradient = _coupled(rule, step)
    speed = rule.momentum * step.remembered("speed") + gradient
    step.state["speed"] = speed
    direction = gradient + rule.momentum * speed if rule.nesterov else speed
    return step.weight - step.rate * direction


@optimizers.lowers(Adagrad)
def adagrad(rule: Adagrad, step: Step) -> Array:
    gradient = _coupled(rule, step)
    total = step.state.get("total", rule.initial) + gradient**2
    step.state["total"] = total
    return step.weight - step.rate * gradient / (np.sqrt(total) + rule.epsilon)


@optimizers.lowers(Adadelta)
def adadelta(rule: Adadelta, step: Step) -> Array:
    gradient = _coupled(rule, step)
    square = _mean(step, "square", rule.decay, gradient**2)
    steps = step.remembered("steps")
    change = np.sqrt(steps + rule.epsilon) / np.sqrt(square + rule.epsilon) * gradient
    _mean(step, "steps", rule.decay, change**2)
    return step.weight - step.rate * change


@optimizers.lowers(RmsProp)
def rmsprop(rule: RmsProp, step: Step) -> Array:
    gradient = _coupled(rule, step)
    square = rule.decay * step.remembered("square") + (1 - rule.decay) * gradient**2
    step.state["square"] = square
    if rule.centered:
        square = square - _mean(step, "mean", rule.decay, gradient) ** 2
    speed = rule.momentum * step.remembered("speed")
    speed = speed + gradient / (np.sqrt(square) + rule.epsilon)
    step.state["speed"] = speed
    return step.weight - step.rate * speed


@optimizers.lowers(Adam)
def adam(rule: Adam, step: Step) -> Array:
    return _adam(rule, step, _coupled(rule, step))


@optimizers.lowers(AdamW)
def adamw(rule: AdamW, step: Step) -> Array:
    step.weight = step.weight * (1 - step.rate * rule.weight_decay)
    return _adam(rule, step, step.gradient)


def _adam(rule: Adam | AdamW, step: Step, gradient: Array) -> Array:
    mean = _mean(step, "mean", rule.beta1, gradient)
    square = rule.beta2 * step.remembered("square") + (1 - rule.beta2) * gradient**2
    step.state["square"] = square
    if rule.amsgrad:
        square = np.maximum(step.remembered("largest"), square)
        step.state["largest"] = square
    rate = step.rate / (1 - rule.beta1**step.number)
    root = np.sqrt(square) / math.sqrt(1 - rule.beta2**step.number)
    return step.weight - rate * mean / (root + rule.epsilon)


@optimizers.lowers(Adamax)
def adamax(rule: Adamax, step: Step) -> Array:
    gradient = _coupled(rule, step)
    mean = _mean(step, "mean", rule.beta1, gradient)
    size = np.maximum(rule.beta2 * step.remembered("size"), np.abs(gradient) + rule.epsilon)
    step.state["size"] = size
    return step.weight - step.rate / (1 - rule.beta1**step.number) * mean / size


@optimizers.lowers(Nadam)
def nadam(rule: Nadam, step: Step) -> Array:
    def momentum(t: int) -> float:
        return rule.beta1 * (1 - 0.5 * float(0.96 ** (t * rule.momentum_decay)))

    gradient = _coupled(rule, step)
    mean = _mean(step, "mean", rule.beta1, gradient)
    square = _mean(step, "square", rule.beta2, gradient**2)
    t = step.number
    product = math.prod(momentum(i) for i in range(1, t + 1))
    now = (1 - momentum(t)) / (1 - product) * gradient
    ahead = momentum(t + 1) / (1 - product * momentum(t + 1)) * mean
    root = np.sqrt(square / (1 - rule.beta2**t)) + rule.epsilon
    return step.weight - step.rate * (now + ahead) / root


@optimizers.lowers(Lion)
def lion(rule: Lion, step: Step) -> Array:
    mean = step.remembered("mean")
    direction = np.sign(rule.beta1 * mean + (1 - rule.beta1) * step.gradient)
    step.state["mean"] = rule.beta2 * mean + (1 - rule.beta2) * step.gradient
    kept = step.weight * (1 - step.rate * rule.weight_decay)
    return np.asarray(kept - step.rate * direction)


@optimizers.lowers(Lamb)
def lamb(rule: Lamb, step: Step) -> Array:
    mean = _mean(step, "mean", rule.beta1, step.gradient)
    square = _mean(step, "square", rule.beta2, step.gradient**2)
    root = np.sqrt(square / (1 - rule.beta2**step.number)) + rule.epsilon
    update = mean / (1 - rule.beta1**step.number) / root + rule.weight_decay * step.weight
    norms = float(np.linalg.norm(step.weight)), float(np.linalg.norm(update))
    trust = norms[0] / norms[1] if all(norms) else 1.0
    return step.weight - step.rate * trust * update
