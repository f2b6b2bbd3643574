"""Losses of classes."""

from __future__ import annotations

import numpy as np

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.comparison import LOSSES, Comparison
from nnc.compiler.vocabulary.losses import classification as words

SMALLEST = 2.0**-23
"""Probabilities are clipped to this and 1 minus this; float32 has both exactly."""


@LOSSES.lowers(words.BinaryCrossEntropy)
def binary_cross_entropy(loss: words.BinaryCrossEntropy, at: Comparison) -> Handle:
    t = at.target
    if loss.label_smoothing:
        s = loss.label_smoothing
        t = at.moved(at.scaled(t, 1.0 - s), 0.5 * s)
    return at.reduced(loss, _binary(at, t, loss.pos_weight))


def _binary(at: Comparison, t: Handle, positive: float | tuple[float, ...] = 1.0) -> Handle:
    """-w·t·ln p - (1 - t)·ln(1 - p) of each element."""
    y, no = at.prediction, at.rest(t)
    weighed = t if positive == 1 else at.add("Mul", t, at.floats(np.array(positive), "weights"))
    if not at.logits:
        p = at.clipped(y, SMALLEST, 1.0 - SMALLEST)
        of_yes = at.add("Mul", at.add("Log", p), weighed)
        of_no = at.add("Mul", at.add("Log", at.rest(p)), no)
        return at.add("Neg", at.add("Add", of_yes, of_no))
    bent = at.softplus(at.add("Neg", y))
    if positive != 1:
        bent = at.add("Mul", bent, at.add("Add", no, weighed))
    return at.add("Add", at.add("Mul", y, no), bent)


def logarithms(at: Comparison) -> Handle:
    """ln p of every class, from logits or from probabilities."""
    if at.logits:
        return at.add("LogSoftmax", at.prediction, axis=-1)
    return at.add("Log", at.clipped(at.prediction, SMALLEST, 1.0))


@LOSSES.lowers(words.CrossEntropy)
def cross_entropy(loss: words.CrossEntropy, at: Comparison) -> Handle:
    logs, smoothing = logarithms(at), loss.label_smoothing
    if at.is_class:
        return _of_classes(loss, at, logs, smoothing)
    shares = at.scaled(at.target, 1.0 - smoothing)
    if smoothing:
        even = at.add("Div", at.number(smoothing, "smoothing"), at.as_float(at.places()))
        shares = at.add("Add", shares, even)
    if loss.class_weights is not None:
        shares = at.add("Mul", shares, at.floats(np.array(loss.class_weights), "weights"))
    return at.reduced(loss, at.add("Neg", at.total(at.add("Mul", logs, shares), -1)))


@LOSSES.lowers(words.NegativeLogLikelihood)
def negative_log_likelihood(loss: words.NegativeLogLikelihood, at: Comparison) -> Handle:
    return _of_classes(loss, at, at.prediction, 0.0)


def _of_classes(
    loss: words.CrossEntropy | words.NegativeLogLikelihood,
    at: Comparison,
    logs: Handle,
    smoothing: float,
) -> Handle:
    """[(1 - s)·Σ w_y·l_y + s/C·Σ Σ w_c·l_c] / Σ w_y over the examples that count."""
    numbers, kept, weights = at.class_numbers(), None, None
    if loss.ignore is not None:
        left_out = at.add("Equal", numbers, at.whole(loss.ignore, "ignore"))
        numbers = at.add("Where", left_out, at.whole(0, "any"), numbers)
        kept = at.as_float(at.add("Not", left_out))
    found = at.pick(logs, numbers)
    if loss.class_weights is not None:
        of_classes = at.floats(np.array(loss.class_weights), "weights")
        weights = at.add("Gather", of_classes, numbers)
        found, logs = at.add("Mul", found, weights), at.add("Mul", logs, of_classes)
    if smoothing:
        every = at.add("ReduceMean", logs, at.whole([-1], "last"), keepdims=0)
        found = at.add("Add", at.scaled(found, 1.0 - smoothing), at.scaled(every, smoothing))
    if kept is not None:
        found = at.add("Mul", found, kept)
        weights = kept if weights is None else at.add("Mul", weights, kept)
    if loss.reduction == "sum" or weights is None:
        return at.add("Neg", at.reduced(loss, found))
    return _shared(at, at.add("Neg", at.total(found)), weights)


def _shared(at: Comparison, summed: Handle, weights: Handle) -> Handle:
    """A sum divided by the weights; 0 where nothing counts."""
    whole, zero = at.total(weights), at.number(0.0, "zero")
    some = at.add("Greater", whole, zero)
    share = at.add("Div", summed, at.add("Where", some, whole, at.number(1.0, "one")))
    return at.add("Where", some, share, zero)


@LOSSES.lowers(words.KlDivergence)
def kl_divergence(loss: words.KlDivergence, at: Comparison) -> Handle:
    t = at.target
    some = at.add("Greater", t, at.number(0.0, "zero"))
    safe = at.add("Where", some, t, at.number(1.0, "one"))
    apart = at.add("Sub", at.add("Log", safe), logarithms(at))
    return at.reduced(loss, at.total(at.add("Mul", apart, t), -1))


@LOSSES.lowers(words.Focal)
def focal(loss: words.Focal, at: Comparison) -> Handle:
    t = at.target
    found = _binary(at, t)
    balance = at.moved(at.scaled(t, 2 * loss.alpha - 1.0), 1.0 - loss.alpha)
    weighed = _weakened(at, found, at.add("Neg", found), loss.gamma)
    return at.reduced(loss, at.add("Mul", weighed, balance))


@LOSSES.lowers(words.CategoricalFocal)
def categorical_focal(loss: words.CategoricalFocal, at: Comparison) -> Handle:
    logs = logarithms(at)
    found = at.add("Neg", _weakened(at, logs, logs, loss.gamma))
    if at.is_class:
        return at.reduced(loss, at.pick(found, at.class_numbers()))
    return at.reduced(loss, at.total(at.add("Mul", found, at.target), -1))


def _weakened(at: Comparison, found: Handle, logs: Handle, gamma: float) -> Handle:
    """found·(1 - p)^gamma from ln p; 1 - p = tanh(-½·ln p)·(1 + p) is exact where p is almost 1."""
    if gamma == 0:
        return found
    bent = at.add("Tanh", at.scaled(logs, -0.5))
    rest = at.add("Mul", bent, at.moved(at.add("Exp", logs), 1.0))
    return at.add("Mul", found, at.add("Pow", rest, at.number(gamma, "gamma")))
