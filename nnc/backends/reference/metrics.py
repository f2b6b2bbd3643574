"""Metrics over all examples at once."""

from __future__ import annotations

import numpy as np

from nnc.backends.base import Counts
from nnc.backends.reference.table import metrics
from nnc.backends.reference.tape import Array
from nnc.compiler.vocabulary import metrics as words


@metrics.lowers(words.Accuracy)
def accuracy(metric: words.Accuracy, prediction: Array, target: Array) -> float:
    if target.dtype.kind in "iu":
        return float(np.mean(prediction.argmax(axis=-1) == target))
    return float(np.mean((prediction > metric.threshold) == (target > 0.5)))


@metrics.lowers(words.ConfusionMatrix)
def confusion_matrix(metric: words.ConfusionMatrix, prediction: Array, target: Array) -> Counts:
    if target.dtype.kind in "iu":
        size, truth, answer = prediction.shape[-1], target, prediction.argmax(axis=-1)
    else:
        size, truth, answer = 2, target > 0.5, prediction > metric.threshold
    counts = np.zeros((size, size), np.int64)
    known = (truth >= 0) & (truth < size)
    np.add.at(counts, (truth[known].astype(np.int64), answer[known].astype(np.int64)), 1)
    found: Counts = counts.tolist()
    return found


@metrics.lowers(words.MeanAbsoluteError)
def mean_absolute_error(metric: words.MeanAbsoluteError, prediction: Array, target: Array) -> float:
    return float(np.mean(np.abs(prediction - target)))


@metrics.lowers(words.MeanSquaredError)
def mean_squared_error(metric: words.MeanSquaredError, prediction: Array, target: Array) -> float:
    return float(np.mean((prediction - target) ** 2))


@metrics.lowers(words.RootMeanSquaredError)
def root_mean_squared_error(
    metric: words.RootMeanSquaredError, prediction: Array, target: Array
) -> float:
    return float(np.sqrt(np.mean((prediction - target) ** 2)))


@metrics.lowers(words.RSquared)
def r_squared(metric: words.RSquared, prediction: Array, target: Array) -> float:
    places = prediction.shape[-1] if prediction.ndim > 1 else 1
    y, t = prediction.reshape(-1, places), target.reshape(-1, places)
    left = ((y - t) ** 2).sum(axis=0)
    spread = ((t - t.mean(axis=0)) ** 2).sum(axis=0)
    found = 1.0 - left / np.where(spread > 0, spread, 1.0)
    return float(np.mean(np.where(spread > 0, found, left == 0)))


@metrics.lowers(words.TopK)
def top_k(metric: words.TopK, prediction: Array, target: Array) -> float:
    own = np.take_along_axis(prediction, target[..., None], -1)
    return float(np.mean((prediction > own).sum(axis=-1) < metric.k))


def _counts(
    metric: words.Precision | words.Recall | words.F1, prediction: Array, target: Array
) -> tuple[Array, Array, Array]:
    """True positives, answers "yes", and what is "yes": of each class, or of all elements."""
    if target.dtype.kind in "iu":
        classes = np.arange(prediction.shape[-1])
        answer = prediction.argmax(axis=-1).reshape(-1, 1) == classes
        truth = target.reshape(-1, 1) == classes
    else:
        answer = (prediction > metric.threshold).reshape(-1, 1)
        truth = (target > 0.5).reshape(-1, 1)
    return (answer & truth).sum(axis=0), answer.sum(axis=0), truth.sum(axis=0)


def _share(part: Array, whole: Array) -> float:
    """The mean share; 0/0 is 0."""
    return float(np.mean(part / np.maximum(whole, 1)))


@metrics.lowers(words.Precision)
def precision(metric: words.Precision, prediction: Array, target: Array) -> float:
    both, answers, _ = _counts(metric, prediction, target)
    return _share(both, answers)


@metrics.lowers(words.Recall)
def recall(metric: words.Recall, prediction: Array, target: Array) -> float:
    both, _, truths = _counts(metric, prediction, target)
    return _share(both, truths)


@metrics.lowers(words.F1)
def f1(metric: words.F1, prediction: Array, target: Array) -> float:
    both, answers, truths = _counts(metric, prediction, target)
    return _share(2 * both, answers + truths)


@metrics.lowers(words.Auc)
def area_under_curve(metric: words.Auc, prediction: Array, target: Array) -> float:
    yes, no = prediction[target > 0.5], prediction[target <= 0.5]
    if not yes.size or not no.size:
        return float("nan")
    above = np.searchsorted(np.sort(no), yes, "left")
    below = np.searchsorted(np.sort(no), yes, "right")
    return float(np.mean(above + below) / (2 * no.size))
