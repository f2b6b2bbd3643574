"""Metrics over all examples at once."""

from __future__ import annotations

import numpy as np

from nnc.backends.reference.table import metrics
from nnc.backends.reference.tape import Array
from nnc.compiler.vocabulary.metrics import Accuracy, MeanAbsoluteError


@metrics.lowers(Accuracy)
def accuracy(metric: Accuracy, prediction: Array, target: Array) -> float:
    if target.dtype.kind in "iu":
        return float(np.mean(prediction.argmax(axis=-1) == target))
    return float(np.mean((prediction > metric.threshold) == (target > 0.5)))


@metrics.lowers(MeanAbsoluteError)
def mean_absolute_error(metric: MeanAbsoluteError, prediction: Array, target: Array) -> float:
    return float(np.mean(np.abs(prediction - target)))
