"""Losses, penalties and metrics: the hand-written functions that compute them.

Keras' own losses look for logits behind probabilities, and average the last axis first; none is
used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from nnc.backends.base import Table
from nnc.compiler.ir import LossTerm, MetricUse
from nnc.compiler.vocabulary import losses as words
from nnc.compiler.vocabulary import metrics, penalties

LossName: TypeAlias = Callable[[Any, LossTerm], str]
"""The function of a prediction and a target."""
PenaltyName: TypeAlias = Callable[[Any], str]
"""The function of weights."""
MetricName: TypeAlias = Callable[[Any, MetricUse], tuple[str, dict[str, object]]]
"""The function that gives a sum and a count, and its options."""

LOSSES: Table[LossName] = Table("keras", "loss")
PENALTIES: Table[PenaltyName] = Table("keras", "penalty")
METRICS: Table[MetricName] = Table("keras", "metric")


@LOSSES.lowers(words.MeanSquaredError)
def mean_squared_error(loss: words.MeanSquaredError, term: LossTerm) -> str:
    return "mean_squared_error"


@LOSSES.lowers(words.BinaryCrossEntropy)
def binary_cross_entropy(loss: words.BinaryCrossEntropy, term: LossTerm) -> str:
    return "binary_cross_entropy" + ("" if term.logits else "_of_probabilities")


@LOSSES.lowers(words.CrossEntropy)
def cross_entropy(loss: words.CrossEntropy, term: LossTerm) -> str:
    return "cross_entropy" + ("" if term.logits else "_of_probabilities")


@PENALTIES.lowers(penalties.L1)
def l1(penalty: penalties.L1) -> str:
    return "sum_of_magnitudes"


@PENALTIES.lowers(penalties.L2)
def l2(penalty: penalties.L2) -> str:
    return "sum_of_squares"


@METRICS.lowers(metrics.Accuracy)
def accuracy(metric: metrics.Accuracy, use: MetricUse) -> tuple[str, dict[str, object]]:
    if metric.classes(use.prediction.type, use.target.type):
        return "right_classes", {}
    return "right_answers", {"threshold": metric.threshold}


@METRICS.lowers(metrics.MeanAbsoluteError)
def mean_absolute_error(
    metric: metrics.MeanAbsoluteError, use: MetricUse
) -> tuple[str, dict[str, object]]:
    return "absolute_errors", {}
