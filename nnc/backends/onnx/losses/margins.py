"""Losses of margins and angles."""

from __future__ import annotations

import math

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.comparison import LOSSES, Comparison
from nnc.compiler.vocabulary.losses import margins as words


def _missing(at: Comparison) -> Handle:
    """max(0, 1 - t·y)."""
    agreement = at.add("Mul", at.prediction, at.target)
    return at.add("Relu", at.rest(agreement))


@LOSSES.lowers(words.Hinge)
def hinge(loss: words.Hinge, at: Comparison) -> Handle:
    return at.reduced(loss, _missing(at))


@LOSSES.lowers(words.SquaredHinge)
def squared_hinge(loss: words.SquaredHinge, at: Comparison) -> Handle:
    return at.reduced(loss, at.squared(_missing(at)))


@LOSSES.lowers(words.MulticlassHinge)
def multiclass_hinge(loss: words.MulticlassHinge, at: Comparison) -> Handle:
    scores, numbers = at.prediction, at.class_numbers()
    others = at.add("Where", at.one_hot(numbers), at.number(-math.inf, "never"), scores)
    greatest = at.add("ReduceMax", others, at.whole([-1], "last"), keepdims=0)
    apart = at.add("Sub", greatest, at.pick(scores, numbers))
    return at.reduced(loss, at.add("Relu", at.moved(apart, 1.0)))


@LOSSES.lowers(words.CosineDistance)
def cosine_distance(loss: words.CosineDistance, at: Comparison) -> Handle:
    y, t = at.values
    lengths = at.add("Mul", _length(at, y), _length(at, t))
    product = at.total(at.add("Mul", y, t), -1)
    return at.reduced(loss, at.rest(at.add("Div", product, lengths)))


def _length(at: Comparison, x: Handle) -> Handle:
    return at.add("Sqrt", at.moved(at.total(at.squared(x), -1), 1e-12))


@LOSSES.lowers(words.Triplet)
def triplet(loss: words.Triplet, at: Comparison) -> Handle:
    anchor, positive, negative = at.values
    apart = at.add("Sub", _distance(at, anchor, positive), _distance(at, anchor, negative))
    return at.reduced(loss, at.add("Relu", at.moved(apart, loss.margin)))


def _distance(at: Comparison, u: Handle, v: Handle) -> Handle:
    apart = at.moved(at.add("Sub", u, v), 1e-6)
    return at.add("Sqrt", at.total(at.squared(apart), -1))
