"""Metrics: what of them is known from a batch, and what follows from all batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from nnc.backends import pysource as py
from nnc.backends.base import Table
from nnc.backends.torch.comparison import Comparison
from nnc.compiler.vocabulary import metrics as words

MetricLowering: TypeAlias = Callable[[Any, Comparison], tuple[py.Expr, str]]
"""(metric, what it compares) -> what a batch gives, and the function of a list of these that gives
the result."""

METRICS: Table[MetricLowering] = Table("torch", "metric")


@METRICS.lowers(words.Accuracy)
def accuracy(metric: words.Accuracy, at: Comparison) -> tuple[py.Expr, str]:
    if metric.classes(at.types):
        return at.call("metrics:right_classes"), "metrics:ratio"
    return at.call("metrics:right_answers", threshold=metric.threshold), "metrics:ratio"


@METRICS.lowers(words.ConfusionMatrix)
def confused(metric: words.ConfusionMatrix, at: Comparison) -> tuple[py.Expr, str]:
    """The word's own name is that of the function of all counts."""
    if metric.classes(at.types):
        return at.call("metrics:confused_classes"), f"metrics:{metric.word}"
    return at.call("metrics:confused_answers", threshold=metric.threshold), f"metrics:{metric.word}"


@METRICS.lowers(words.TopK)
def top_k(metric: words.TopK, at: Comparison) -> tuple[py.Expr, str]:
    return at.call("metrics:right_among", k=metric.k), "metrics:ratio"


@METRICS.lowers(words.MeanAbsoluteError)
def mean_absolute_error(metric: words.MeanAbsoluteError, at: Comparison) -> tuple[py.Expr, str]:
    return at.call("metrics:absolute_errors"), "metrics:ratio"


@METRICS.lowers(words.MeanSquaredError)
def mean_squared_error(metric: words.MeanSquaredError, at: Comparison) -> tuple[py.Expr, str]:
    return at.call("metrics:squared_errors"), "metrics:ratio"


@METRICS.lowers(words.RootMeanSquaredError)
def root_mean_squared_error(
    metric: words.RootMeanSquaredError, at: Comparison
) -> tuple[py.Expr, str]:
    return at.call("metrics:squared_errors"), "metrics:root_ratio"


@METRICS.lowers(words.RSquared)
def r_squared(metric: words.RSquared, at: Comparison) -> tuple[py.Expr, str]:
    return at.call("metrics:spreads"), "metrics:r_squared"


@METRICS.lowers(words.Precision, words.Recall, words.F1)
def counted(
    metric: words.Precision | words.Recall | words.F1, at: Comparison
) -> tuple[py.Expr, str]:
    """The word's own name is that of the function of all counts."""
    if metric.classes(at.types):
        return at.call("metrics:judged_classes"), f"metrics:{metric.word}"
    return at.call("metrics:judged_answers", threshold=metric.threshold), f"metrics:{metric.word}"


@METRICS.lowers(words.Auc)
def area_under_curve(metric: words.Auc, at: Comparison) -> tuple[py.Expr, str]:
    return at.call("metrics:scored"), "metrics:area_under_curve"
