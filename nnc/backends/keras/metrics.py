"""Metrics: what of them is known from a batch."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.base import Table
from nnc.backends.keras.comparison import Comparison, LossLowering
from nnc.compiler.vocabulary.metrics import Accuracy, MeanAbsoluteError

METRICS: Table[LossLowering] = Table("keras", "metric")


@METRICS.lowers(Accuracy)
def accuracy(metric: Accuracy, at: Comparison) -> py.Expr:
    if metric.classes(at.types):
        return at.call("right_classes")
    return at.call("right_answers", threshold=metric.threshold)


@METRICS.lowers(MeanAbsoluteError)
def mean_absolute_error(metric: MeanAbsoluteError, at: Comparison) -> py.Expr:
    return at.call("absolute_errors")
