"""Optimisers: one update of one weight."""

from __future__ import annotations

import math

import numpy as np

from nnc.backends.reference.table import Step, optimizers
from nnc.backends.reference.tape import Array
from nnc.compiler.vocabulary.optimizers import Adam, AdamW, RmsProp, Sgd


@optimizers.lowers(Sgd)
def sgd(rule: Sgd, step: Step) -> Array:
    gradient = step.gradient + rule.weight_decay * step.weight
    speed = rule.momentum * step.remembered("speed") + gradient
    step.state["speed"] = speed
    direction = gradient + rule.momentum * speed if rule.nesterov else speed
    return step.weight - step.rate * direction


@optimizers.lowers(RmsProp)
def rmsprop(rule: RmsProp, step: Step) -> Array:
    square = rule.decay * step.remembered("square") + (1 - rule.decay) * step.gradient**2
    step.state["square"] = square
    return step.weight - step.rate * step.gradient / (np.sqrt(square) + rule.epsilon)


@optimizers.lowers(Adam)
def adam(rule: Adam, step: Step) -> Array:
    mean = step.remembered("mean")
    mean = mean + (1 - rule.beta1) * (step.gradient - mean)
    square = rule.beta2 * step.remembered("square") + (1 - rule.beta2) * step.gradient**2
    step.state |= {"mean": mean, "square": square}
    rate = step.rate / (1 - rule.beta1**step.number)
    root = np.sqrt(square) / math.sqrt(1 - rule.beta2**step.number)
    return step.weight - rate * mean / (root + rule.epsilon)


@optimizers.lowers(AdamW)
def adamw(rule: AdamW, step: Step) -> Array:
    step.weight = step.weight * (1 - step.rate * rule.weight_decay)
    return adam(rule, step)
