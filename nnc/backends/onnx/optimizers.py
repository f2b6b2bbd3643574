"""Optimisers and clipping.

Memory is read and written in every step, so each pass over it counts. A running mean
m ← β·m + (1 - β)·g is therefore kept without its factor, as m / (1 - β) ← β·(m / (1 - β)) + g, and
factors that all elements share are gathered into one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from nnc.backends.onnx.arithmetic import Term
from nnc.backends.onnx.assembly import Handle, Scope
from nnc.backends.onnx.updates import CLIPS, OPTIMIZERS, Update
from nnc.compiler.vocabulary import optimizers as words
from nnc.compiler.vocabulary.schedules import ClipValue, GlobalNorm, WeightNorm


def _coupled(rule: words.Coupled, step: Update) -> Term:
    if rule.weight_decay == 0:
        return step.gradient
    return step.gradient + step.weight * rule.weight_decay


def _sum(step: Update, name: str, share: float, new: Term) -> Term:
    """A running sum that keeps a share of its old value: the running mean / (1 - share)."""
    return step.keep(name, step.remembered(name) * share + new)


def _rate(step: Update) -> Term:
    return step.shared("rate", lambda rate, t: rate)


@OPTIMIZERS.lowers(words.Sgd)
def sgd(rule: words.Sgd, step: Update) -> Term:
    direction = gradient = _coupled(rule, step)
    if rule.momentum:
        direction = speed = _sum(step, "speed", rule.momentum, gradient)
        if rule.nesterov:
            direction = gradient + speed * rule.momentum
    return step.weight - direction * _rate(step)


@OPTIMIZERS.lowers(words.Adagrad)
def adagrad(rule: words.Adagrad, step: Update) -> Term:
    gradient = _coupled(rule, step)
    total = step.keep("total", step.remembered("total", rule.initial) + gradient * gradient)
    return step.weight - gradient / (total.root() + rule.epsilon) * _rate(step)


@OPTIMIZERS.lowers(words.Adadelta)
def adadelta(rule: words.Adadelta, step: Update) -> Term:
    gradient = _coupled(rule, step)
    epsilon = rule.epsilon / (1 - rule.decay)
    square = _sum(step, "square", rule.decay, gradient * gradient)
    ratio = (step.remembered("steps") + epsilon) / (square + epsilon)
    change = ratio.root() * gradient
    _sum(step, "steps", rule.decay, change * change)
    return step.weight - change * _rate(step)


@OPTIMIZERS.lowers(words.RmsProp)
def rmsprop(rule: words.RmsProp, step: Update) -> Term:
    gradient = _coupled(rule, step)
    rest = 1 - rule.decay
    square = _sum(step, "square", rule.decay, gradient * gradient)
    if rule.centered:
        mean = _sum(step, "mean", rule.decay, gradient)
        square = square - mean * mean * rest
    scaled = gradient / (square.root() + rule.epsilon / math.sqrt(rest))
    if rule.momentum:
        scaled = _sum(step, "speed", rule.momentum, scaled)
    return step.weight - scaled * step.shared("scaled rate", lambda rate, t: rate / math.sqrt(rest))


@OPTIMIZERS.lowers(words.Adam)
def adam(rule: words.Adam, step: Update) -> Term:
    return _adam(rule, step, step.weight, _coupled(rule, step))


@OPTIMIZERS.lowers(words.AdamW)
def adamw(rule: words.AdamW, step: Update) -> Term:
    return _adam(rule, step, _decayed(rule.weight_decay, step), step.gradient)


def _decayed(decay: float, step: Update) -> Term:
    """θ·(1 - η·decay)."""
    if decay == 0:
        return step.weight
    return step.weight * step.shared("kept", lambda rate, t: 1.0 - rate * decay)


def _adam(rule: words.Adam | words.AdamW, step: Update, weight: Term, gradient: Term) -> Term:
    mean = _sum(step, "mean", rule.beta1, gradient)
    square = _sum(step, "square", rule.beta2, gradient * gradient)
    if rule.amsgrad:
        square = step.keep("largest", step.remembered("largest").at_least(square))

    def unit(t: Term) -> Term:
        """What √v is divided by: √(1 - beta2ᵗ) without the factor of the sum."""
        return ((1.0 - rule.beta2**t) / (1 - rule.beta2)).root()

    epsilon = step.shared("epsilon", lambda rate, t: unit(t) * rule.epsilon)
    factor = step.shared(
        "corrected rate",
        lambda rate, t: rate * (1 - rule.beta1) / (1.0 - rule.beta1**t) * unit(t),
    )
    return weight - mean / (square.root() + epsilon) * factor


@OPTIMIZERS.lowers(words.Adamax)
def adamax(rule: words.Adamax, step: Update) -> Term:
    gradient = _coupled(rule, step)
    mean = _sum(step, "mean", rule.beta1, gradient)
    faded = step.remembered("size") * rule.beta2
    size = step.keep("size", faded.at_least(gradient.size() + rule.epsilon))
    factor = step.shared(
        "corrected rate", lambda rate, t: rate * (1 - rule.beta1) / (1.0 - rule.beta1**t)
    )
    return step.weight - mean / size * factor


@OPTIMIZERS.lowers(words.Nadam)
def nadam(rule: words.Nadam, step: Update) -> Term:
    def momentum(t: Term) -> Term:
        return (1.0 - 0.96 ** (t * rule.momentum_decay) * 0.5) * rule.beta1

    def unit(t: Term) -> Term:
        return ((1.0 - rule.beta2**t) / (1 - rule.beta2)).root()

    def of_gradient(rate: Term, t: Term) -> Term:
        return rate * unit(t) * (1.0 - momentum(t)) / (1.0 - product)

    def of_mean(rate: Term, t: Term) -> Term:
        ahead = momentum(t + 1.0)
        return rate * unit(t) * ahead / (1.0 - product * ahead) * (1 - rule.beta1)

    gradient = _coupled(rule, step)
    mean = _sum(step, "mean", rule.beta1, gradient)
    square = _sum(step, "square", rule.beta2, gradient * gradient)
    product = step.running_product("product", momentum)
    now = gradient * step.shared("rate of gradient", of_gradient)
    ahead = mean * step.shared("rate of mean", of_mean)
    epsilon = step.shared("epsilon", lambda rate, t: unit(t) * rule.epsilon)
    return step.weight - (now + ahead) / (square.root() + epsilon)


@OPTIMIZERS.lowers(words.Lion)
def lion(rule: words.Lion, step: Update) -> Term:
    mean = step.remembered("mean")
    ahead = rule.beta1 * (1 - rule.beta2) / (1 - rule.beta1)
    direction = (mean * ahead + step.gradient).sign()
    _sum(step, "mean", rule.beta2, step.gradient)
    return _decayed(rule.weight_decay, step) - direction * _rate(step)


@OPTIMIZERS.lowers(words.Lamb)
def lamb(rule: words.Lamb, step: Update) -> Term:
    mean = _sum(step, "mean", rule.beta1, step.gradient)
    square = _sum(step, "square", rule.beta2, step.gradient * step.gradient)

    def unit(t: Term) -> Term:
        return ((1.0 - rule.beta2**t) / (1 - rule.beta2)).root()

    def corrected(rate: Term, t: Term) -> Term:
        return (1 - rule.beta1) / (1.0 - rule.beta1**t) * unit(t)

    epsilon = step.shared("epsilon", lambda rate, t: unit(t) * rule.epsilon)
    update = mean / (square.root() + epsilon) * step.shared("correction", corrected)
    if rule.weight_decay:
        update = update + step.weight * rule.weight_decay
    return step.weight - update * (_trust(step.weight.norm(), update.norm()) * _rate(step))


def _trust(weight: Term, update: Term) -> Term:
    """‖θ‖ / ‖u‖, 1 where ‖θ‖ is 0; where ‖u‖ is 0 any number does."""
    return (weight / update.or_where_zero(1.0)).or_where_zero(1.0)


@CLIPS.lowers(ClipValue)
def clip_value(clip: ClipValue, scope: Scope, gradients: Mapping[str, Handle]) -> dict[str, Handle]:
    low, high = scope.number(-clip.limit, "low"), scope.number(clip.limit, "high")
    return {name: scope.add("Clip", g, low, high) for name, g in gradients.items()}


@CLIPS.lowers(GlobalNorm)
def clip_norm(clip: GlobalNorm, scope: Scope, gradients: Mapping[str, Handle]) -> dict[str, Handle]:
    factor = _factor(clip.limit, scope, list(gradients.values()))
    return {name: scope.add("Mul", g, factor) for name, g in gradients.items()}


@CLIPS.lowers(WeightNorm)
def clip_each(clip: WeightNorm, scope: Scope, gradients: Mapping[str, Handle]) -> dict[str, Handle]:
    return {
        name: scope.add("Mul", g, _factor(clip.limit, scope, [g])) for name, g in gradients.items()
    }


def _factor(limit: float, scope: Scope, gradients: list[Handle]) -> Handle:
    """min(1, limit / (n + 10⁻⁶)), n the norm of all together."""
    squares = [scope.add("ReduceSumSquare", g, keepdims=0) for g in gradients]
    norm = scope.add("Sqrt", scope.add("Sum", *squares))
    bound = scope.add("Add", norm, scope.number(1e-6, "least"))
    share = scope.add("Div", scope.number(limit, "limit"), bound)
    return scope.add("Min", share, scope.number(1.0, "one"))
