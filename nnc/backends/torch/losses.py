"""Losses, metrics and penalties as expressions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from nnc.backends import pysource as py
from nnc.backends.base import Table
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.losses import BinaryCrossEntropy, CrossEntropy, MeanSquaredError
from nnc.compiler.vocabulary.metrics import Accuracy, MeanAbsoluteError
from nnc.compiler.vocabulary.penalties import L1, L2


@dataclass(frozen=True)
class Comparison:
    """A prediction beside its target: their names in the program and their types."""

    prediction: py.Expr
    target: py.Expr
    type: TensorType
    target_type: TensorType
    logits: bool
    piece: Callable[[str], py.Name]


LossLowering: TypeAlias = Callable[[Any, Comparison], py.Expr]

LOSSES: Table[LossLowering] = Table("torch", "loss")
METRICS: Table[LossLowering] = Table("torch", "metric")
PENALTIES: Table[Callable[[Any], str]] = Table("torch", "penalty")


@LOSSES.lowers(MeanSquaredError)
def mean_squared_error(loss: MeanSquaredError, at: Comparison) -> py.Expr:
    return py.call("F.mse_loss", at.prediction, at.target)


@LOSSES.lowers(BinaryCrossEntropy)
def binary_cross_entropy(loss: BinaryCrossEntropy, at: Comparison) -> py.Expr:
    if at.logits:
        return py.call("F.binary_cross_entropy_with_logits", at.prediction, at.target)
    return py.call(at.piece("losses:binary_cross_entropy"), at.prediction, at.target)


@LOSSES.lowers(CrossEntropy)
def cross_entropy(loss: CrossEntropy, at: Comparison) -> py.Expr:
    if not at.logits:
        return py.call(at.piece("losses:cross_entropy"), at.prediction, at.target)
    if at.type.rank == 1:
        return py.call("F.cross_entropy", at.prediction, at.target)
    # torch wants the classes on axis 1: every place counts as an example of its own.
    places = py.method(at.prediction, "flatten", 0, -2)
    is_class = at.target_type.rank < at.type.rank
    target = py.method(at.target, "flatten", *(() if is_class else (0, -2)))
    return py.call("F.cross_entropy", places, target)


@METRICS.lowers(Accuracy)
def accuracy(metric: Accuracy, at: Comparison) -> py.Expr:
    if at.type.rank and metric.classes(at.type, at.target_type):
        return py.call(at.piece("losses:right_classes"), at.prediction, at.target)
    answers = at.piece("losses:right_answers")
    return py.call(answers, at.prediction, at.target, threshold=metric.threshold)


@METRICS.lowers(MeanAbsoluteError)
def mean_absolute_error(metric: MeanAbsoluteError, at: Comparison) -> py.Expr:
    return py.call(at.piece("losses:absolute_errors"), at.prediction, at.target)


@PENALTIES.lowers(L1)
def l1(penalty: L1) -> str:
    return "losses:sum_of_magnitudes"


@PENALTIES.lowers(L2)
def l2(penalty: L2) -> str:
    return "losses:sum_of_squares"
