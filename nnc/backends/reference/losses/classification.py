"""Losses of classes."""

from __future__ import annotations

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.table import Judged, losses
from nnc.backends.reference.tape import Array, Tensor
from nnc.compiler.vocabulary.losses import classification as words

SMALLEST = 2.0**-23
"""Probabilities are clipped to this and 1 minus this; float32 has both exactly."""


@losses.lowers(words.BinaryCrossEntropy)
def binary_cross_entropy(loss: words.BinaryCrossEntropy, at: Judged) -> Tensor:
    smoothing = loss.label_smoothing
    t = at.t * (1.0 - smoothing) + 0.5 * smoothing
    return at.reduced(loss, _binary(at, t, np.asarray(loss.pos_weight)))


def _binary(at: Judged, t: Tensor, positive: Array) -> Tensor:
    """-w·t·ln p - (1 - t)·ln(1 - p) of each element."""
    y = at.prediction
    if at.logits:
        return (1.0 - t) * y + (1.0 + (tape.constant(positive) - 1.0) * t) * tape.softplus(-y)
    p = tape.clip(y, SMALLEST, 1.0 - SMALLEST)
    return -(tape.constant(positive) * t * tape.log(p) + (1.0 - t) * tape.log1p(-p))


def logarithms(at: Judged) -> Tensor:
    """ln p of every class, from logits or from probabilities."""
    if at.logits:
        return log_softmax(at.prediction)
    return tape.log(tape.clip(at.prediction, SMALLEST, 1.0))


def log_softmax(z: Tensor) -> Tensor:
    """z - ln Σ eᶻ along the last axis."""
    shifted = z - tape.constant(z.value.max(axis=-1, keepdims=True))
    return shifted - tape.log(tape.total(tape.exp(shifted), -1, keep=True))


def class_numbers(word: str, target: Array, classes: int) -> Array:
    """The target as whole numbers. Raises ValueError for numbers that no class has: NumPy would
    count a negative one from the end."""
    if target.size and not 0 <= target.min() <= target.max() < classes:
        raise ValueError(
            f"{word}: class numbers from {target.min()} to {target.max()}, "
            f"but they must be from 0 to {classes - 1}"
        )
    return np.asarray(target, np.int64)


@losses.lowers(words.CrossEntropy)
def cross_entropy(loss: words.CrossEntropy, at: Judged) -> Tensor:
    logs, smoothing = logarithms(at), loss.label_smoothing
    if at.target.ndim < logs.rank:
        return _of_classes(loss, at, logs, smoothing)
    shares = at.t.value * (1.0 - smoothing) + smoothing / logs.shape[-1]
    weights = np.ones(logs.shape[-1]) if loss.class_weights is None else loss.class_weights
    return at.reduced(loss, -tape.total(logs * tape.constant(shares * np.asarray(weights)), -1))


@losses.lowers(words.NegativeLogLikelihood)
def negative_log_likelihood(loss: words.NegativeLogLikelihood, at: Judged) -> Tensor:
    return _of_classes(loss, at, at.prediction, 0.0)


def _of_classes(
    loss: words.CrossEntropy | words.NegativeLogLikelihood,
    at: Judged,
    logs: Tensor,
    smoothing: float,
) -> Tensor:
    """[(1 - s)·Σ w_y·l_y + s/C·Σ Σ w_c·l_c] / Σ w_y over the examples that count."""
    count = logs.shape[-1]
    kept = np.ones(at.target.shape, bool) if loss.ignore is None else at.target != loss.ignore
    numbers = class_numbers(loss.word, np.where(kept, at.target, 0), count)
    weights = np.ones(count) if loss.class_weights is None else np.asarray(loss.class_weights)
    of_class = weights[numbers] * kept
    every = tape.total(logs * tape.constant(weights * kept[..., None]))
    chosen = tape.total(tape.pick(logs, numbers) * tape.constant(of_class))
    summed = -((1.0 - smoothing) * chosen + smoothing / count * every)
    if loss.reduction == "sum":
        return summed
    return summed / of_class.sum() if of_class.any() else summed * 0.0


@losses.lowers(words.KlDivergence)
def kl_divergence(loss: words.KlDivergence, at: Judged) -> Tensor:
    t = at.t.value
    of_target = t * np.log(np.where(t > 0, t, 1.0))
    return at.reduced(loss, tape.total(tape.constant(of_target) - at.t * logarithms(at), -1))


@losses.lowers(words.Focal)
def focal(loss: words.Focal, at: Judged) -> Tensor:
    found = _binary(at, at.t, np.ones(()))
    balance = loss.alpha * at.t + (1.0 - loss.alpha) * (1.0 - at.t)
    return at.reduced(loss, balance * _rest(-found) ** loss.gamma * found)


@losses.lowers(words.CategoricalFocal)
def categorical_focal(loss: words.CategoricalFocal, at: Judged) -> Tensor:
    logs = logarithms(at)
    found = -(_rest(logs) ** loss.gamma) * logs
    if at.target.ndim == logs.rank:
        return at.reduced(loss, tape.total(found * at.t, -1))
    numbers = class_numbers(loss.word, at.target, logs.shape[-1])
    return at.reduced(loss, tape.pick(found, numbers))


def _rest(logs: Tensor) -> Tensor:
    """1 - p from ln p, exact where p is almost 1."""
    return tape.elementwise(logs, -np.expm1(logs.value), -np.exp(logs.value))
