"""Losses of margins and angles."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.comparison import LOSSES, Comparison
from nnc.backends.torch.losses.reduction import native, reduced
from nnc.compiler.vocabulary.losses import margins as words


@LOSSES.lowers(words.Hinge)
def hinge(loss: words.Hinge, at: Comparison) -> py.Expr:
    return reduced(loss, _missing_margin(at))


@LOSSES.lowers(words.SquaredHinge)
def squared_hinge(loss: words.SquaredHinge, at: Comparison) -> py.Expr:
    return reduced(loss, py.method(_missing_margin(at), "square"))


def _missing_margin(at: Comparison) -> py.Expr:
    product = py.binary("*", at.target, at.prediction)
    return py.call("F.relu", py.binary("-", 1, product))


@LOSSES.lowers(words.MulticlassHinge)
def multiclass_hinge(loss: words.MulticlassHinge, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("losses:multiclass_hinge"))


@LOSSES.lowers(words.CosineDistance)
def cosine_distance(loss: words.CosineDistance, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("losses:cosine_distance"))


@LOSSES.lowers(words.Triplet)
def triplet(loss: words.Triplet, at: Comparison) -> py.Expr:
    options = {"margin": loss.margin, "p": 2, "eps": 1e-6}
    return native(loss, at, "F.triplet_margin_loss", **options)
