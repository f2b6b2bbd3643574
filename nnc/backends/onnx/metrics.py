"""Metrics: what of them a graph tells of a batch, and what follows from all batches.

The statistics of a batch are f64 tensors; the functions of all batches' are NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from nnc.backends.base import Counts, Result, Table
from nnc.backends.onnx.assembly import Array, Handle
from nnc.backends.onnx.comparison import Comparison
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.compiler.types import Shape, Symbol
from nnc.compiler.vocabulary import metrics as words

Finish: TypeAlias = Callable[[Sequence[Array]], Result]
MetricLowering: TypeAlias = Callable[[Any, Comparison], tuple[Handle, Finish]]
"""(metric, what it compares) -> the statistics of a batch, and the function of all of them that
gives the result."""

METRICS: Table[MetricLowering] = Table("onnx", "metric")


def _exact(at: Comparison, x: Handle) -> Handle:
    return at.add("Cast", x, to=ELEMENT_TYPES["f64"])


def _rows(at: Comparison, *parts: Handle) -> Handle:
    """Values of one shape, one above the other."""
    first = at.whole([0], "first")
    return at.add("Concat", *(at.add("Unsqueeze", x, first) for x in parts), axis=0)


def _tally(at: Comparison, found: Handle) -> Handle:
    """The sum of numbers or truths, and their count."""
    amount = at.add("ReduceSum", _exact(at, found), keepdims=0)
    return _rows(at, amount, _exact(at, at.add("Size", found)))


def _answers(at: Comparison, threshold: float) -> tuple[Handle, Handle]:
    """For each element: whether the answer is yes, and whether the truth is."""
    answer = at.add("Greater", at.prediction, at.number(threshold, "threshold"))
    return answer, at.add("Greater", at.target, at.number(0.5, "half"))


def _best(at: Comparison) -> Handle:
    """The first largest score's class."""
    return at.add("ArgMax", at.prediction, axis=-1, keepdims=0)


@METRICS.lowers(words.Accuracy)
def accuracy(metric: words.Accuracy, at: Comparison) -> tuple[Handle, Finish]:
    if metric.classes(at.types):
        right = at.add("Equal", _best(at), at.class_numbers())
    else:
        right = at.add("Equal", *_answers(at, metric.threshold))
    return _tally(at, right), ratio


@METRICS.lowers(words.ConfusionMatrix)
def confused(metric: words.ConfusionMatrix, at: Comparison) -> tuple[Handle, Finish]:
    """How often each true class (row) is taken for each (column): a product of truths and answers
    as zeros and ones, in which a target that is no class has no one."""
    if metric.classes(at.types):
        answer, truth = _best(at), at.class_numbers()
        places = at.places()
    else:
        both = _answers(at, metric.threshold)
        answer, truth = (at.add("Cast", x, to=ELEMENT_TYPES["i64"]) for x in both)
        places = at.whole(2, "answers")
    shape = at.whole([-1], "shape")
    answers, truths = (
        _exact(at, at.one_hot(at.add("Reshape", x, shape), places)) for x in (answer, truth)
    )
    return at.add("MatMul", at.add("Transpose", truths, perm=[1, 0]), answers), confusion_matrix


@METRICS.lowers(words.TopK)
def top_k(metric: words.TopK, at: Comparison) -> tuple[Handle, Finish]:
    last = at.whole([-1], "last")
    places = at.add("Unsqueeze", at.class_numbers(), last)
    own = at.add("GatherElements", at.prediction, places, axis=-1)
    above = at.add("Cast", at.add("Greater", at.prediction, own), to=ELEMENT_TYPES["i64"])
    count = at.add("ReduceSum", above, last, keepdims=0)
    return _tally(at, at.add("Less", count, at.whole(metric.k, "k"))), ratio


def _errors(at: Comparison) -> Handle:
    return _exact(at, at.add("Sub", at.prediction, at.target))


@METRICS.lowers(words.MeanAbsoluteError)
def mean_absolute_error(metric: words.MeanAbsoluteError, at: Comparison) -> tuple[Handle, Finish]:
    return _tally(at, at.add("Abs", _errors(at))), ratio


@METRICS.lowers(words.MeanSquaredError, words.RootMeanSquaredError)
def mean_squared_error(
    metric: words.MeanSquaredError | words.RootMeanSquaredError, at: Comparison
) -> tuple[Handle, Finish]:
    finish = ratio if isinstance(metric, words.MeanSquaredError) else root_ratio
    return _tally(at, at.squared(_errors(at))), finish


@METRICS.lowers(words.RSquared)
def r_squared(metric: words.RSquared, at: Comparison) -> tuple[Handle, Finish]:
    """For each place of the last axis: the count, the mean of the targets, their squared distances
    from it, and the squared errors."""
    shape = _rows(at, at.whole(-1, "rows"), at.places())
    first = at.whole([0], "first")
    target = at.add("Reshape", _exact(at, at.target), shape)
    mean = at.add("ReduceMean", target, first, keepdims=0)
    within = at.add("ReduceSumSquare", at.add("Sub", target, mean), first, keepdims=0)
    errors = at.add("Reshape", _errors(at), shape)
    left = at.add("ReduceSumSquare", errors, first, keepdims=0)
    rows = at.add("Shape", target, start=0, end=1)
    counts = at.add("Expand", _exact(at, rows), at.add("Shape", mean))
    return _rows(at, counts, mean, within, left), explained


@METRICS.lowers(words.Precision, words.Recall, words.F1)
def counted(
    metric: words.Precision | words.Recall | words.F1, at: Comparison
) -> tuple[Handle, Finish]:
    """For each class, or for yes alone: how often it is rightly answered, answered, and true."""
    finish = {words.Precision: precision, words.Recall: recall, words.F1: f1}[type(metric)]
    if metric.classes(at.types):
        found, shape = [_best(at), at.class_numbers()], at.whole([-1], "shape")
        answers, truths = (at.one_hot(at.add("Reshape", x, shape)) for x in found)
    else:
        shape = at.whole([-1, 1], "shape")
        answers, truths = (at.add("Reshape", x, shape) for x in _answers(at, metric.threshold))
    first = at.whole([0], "first")
    both = at.add("And", answers, truths)
    sums = (at.add("ReduceSum", _exact(at, x), first, keepdims=0) for x in (both, answers, truths))
    return _rows(at, *sums), finish


@METRICS.lowers(words.Auc)
def area_under_curve(metric: words.Auc, at: Comparison) -> tuple[Handle, Finish]:
    """Each score, and whether it belongs to a yes."""
    shape = at.whole([-1], "shape")
    truth = at.add("Greater", at.target, at.number(0.5, "half"))
    parts = (at.add("Reshape", _exact(at, x), shape) for x in (at.prediction, truth))
    return _rows(at, *parts), ranked


def shape_of(finish: Finish, name: str) -> Shape:
    """The shape of what `finish` takes: a sum and a count, a table, or several numbers for each of
    some places; `name` is that of the metric's output."""
    if finish in (ratio, root_ratio):
        return (2,)
    if finish is confusion_matrix:
        return Symbol(f"{name}/classes"), Symbol(f"{name}/classes")
    return Symbol(f"{name}/numbers"), Symbol(f"{name}/places")


def ratio(parts: Sequence[Array]) -> float:
    """The sum over the count."""
    amount, number = sum(parts[1:], parts[0])
    return float(amount / number)


def confusion_matrix(parts: Sequence[Array]) -> Counts:
    """The counts of all batches."""
    counts: Counts = sum(parts[1:], parts[0]).astype(np.int64).tolist()
    return counts


def root_ratio(parts: Sequence[Array]) -> float:
    """The root of the sum over the count."""
    return math.sqrt(ratio(parts))


def explained(parts: Sequence[Array]) -> float:
    """The share of the targets' variance that is explained: a mean over places."""
    counts, means, within, errors = np.stack(parts, axis=1)
    mean = (counts * means).sum(axis=0) / counts.sum(axis=0)
    spread = (within + counts * (means - mean) ** 2).sum(axis=0)
    left = errors.sum(axis=0)
    found = 1 - left / np.where(spread > 0, spread, 1)
    return float(np.where(spread > 0, found, left == 0).mean())


def precision(parts: Sequence[Array]) -> float:
    """The share of answers that are right, the mean over the classes; 0/0 is 0."""
    right, answered, _ = sum(parts[1:], parts[0])
    return float((right / np.maximum(answered, 1)).mean())


def recall(parts: Sequence[Array]) -> float:
    """The share of what is true that is answered, the mean over the classes; 0/0 is 0."""
    right, _, true = sum(parts[1:], parts[0])
    return float((right / np.maximum(true, 1)).mean())


def f1(parts: Sequence[Array]) -> float:
    """The harmonic mean of precision and recall: a mean over classes; 0/0 is 0."""
    right, answered, true = sum(parts[1:], parts[0])
    return float((2 * right / np.maximum(answered + true, 1)).mean())


def ranked(parts: Sequence[Array]) -> float:
    """The chance that a yes has a higher score than a no; a tie counts one half."""
    scores, target = np.concatenate(parts, axis=1)
    yes, no = scores[target > 0], np.sort(scores[target == 0])
    if not yes.size or not no.size:
        return math.nan
    above = np.searchsorted(no, yes, "left") + np.searchsorted(no, yes, "right")
    return float(above.mean() / (2 * no.size))
