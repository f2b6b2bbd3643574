"""Losses of margins and angles."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.comparison import LOSSES, Comparison, reduced
from nnc.compiler.vocabulary.losses import margins as words


@LOSSES.lowers(words.Hinge)
def hinge(loss: words.Hinge, at: Comparison) -> py.Expr:
    return reduced(loss, _missing_margin(at))


@LOSSES.lowers(words.SquaredHinge)
def squared_hinge(loss: words.SquaredHinge, at: Comparison) -> py.Expr:
    return reduced(loss, py.call("ops.square", _missing_margin(at)))


def _missing_margin(at: Comparison) -> py.Expr:
    product = py.binary("*", at.target, at.prediction)
    return py.call("ops.relu", py.binary("-", 1, product))


@LOSSES.lowers(words.MulticlassHinge)
def multiclass_hinge(loss: words.MulticlassHinge, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("multiclass_hinge"))


@LOSSES.lowers(words.CosineDistance)
def cosine_distance(loss: words.CosineDistance, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("cosine_distance"))


@LOSSES.lowers(words.Triplet)
def triplet(loss: words.Triplet, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("triplet", margin=loss.margin))
