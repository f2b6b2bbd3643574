"""Losses of classes."""

from __future__ import annotations

from typing import Any

from nnc.backends import pysource as py
from nnc.backends.keras.comparison import LOSSES, Comparison, reduced
from nnc.compiler.vocabulary.losses import classification as words


@LOSSES.lowers(words.BinaryCrossEntropy)
def binary_cross_entropy(loss: words.BinaryCrossEntropy, at: Comparison) -> py.Expr:
    target, given, smoothing = at.target, loss.pos_weight, loss.label_smoothing
    if smoothing:
        target = py.binary("+", py.binary("*", 1 - smoothing, target), smoothing / 2)
    options: dict[str, object] = {}
    if given != 1:
        options["pos_weight"] = list(given) if isinstance(given, tuple) else given
    name = f"weighted_{_binary(at)}" if given != 1 and at.logits else _binary(at)
    return reduced(loss, py.call(at.piece(name), at.prediction, target, **options))


def _binary(at: Comparison) -> str:
    return "binary_cross_entropy" + ("" if at.logits else "_of_probabilities")


@LOSSES.lowers(words.CrossEntropy)
def cross_entropy(loss: words.CrossEntropy, at: Comparison) -> py.Expr:
    options = _chosen(loss)
    if loss.label_smoothing:
        options["label_smoothing"] = loss.label_smoothing
    if at.logits and not options:
        return reduced(loss, at.call("cross_entropy"))
    return _of_logarithms(loss, at, _logarithms(at), options)


@LOSSES.lowers(words.NegativeLogLikelihood)
def negative_log_likelihood(loss: words.NegativeLogLikelihood, at: Comparison) -> py.Expr:
    return _of_logarithms(loss, at, at.prediction, _chosen(loss))


def _chosen(loss: words.CrossEntropy | words.NegativeLogLikelihood) -> dict[str, object]:
    options: dict[str, object] = {}
    if loss.class_weights is not None:
        options["weights"] = list(loss.class_weights)
    if loss.ignore is not None:
        options["ignore"] = loss.ignore
    return options


def _of_logarithms(
    loss: words.CrossEntropy | words.NegativeLogLikelihood,
    at: Comparison,
    logs: py.Expr,
    options: dict[str, object],
) -> py.Expr:
    if loss.reduction != "mean":
        options["reduction"] = loss.reduction
    function = at.piece("cross_entropy_of_logarithms")
    return py.call(function, logs, at.target, **options)


def _logarithms(at: Comparison) -> py.Expr:
    """ln p of every class."""
    if at.logits:
        return py.call("ops.log_softmax", at.prediction, axis=-1)
    return py.call("ops.log", py.call("ops.clip", at.prediction, py.binary("**", 2, -23), 1.0))


@LOSSES.lowers(words.KlDivergence)
def kl_divergence(loss: words.KlDivergence, at: Comparison) -> py.Expr:
    return reduced(loss, py.call(at.piece("kl_divergence"), _logarithms(at), at.target))


@LOSSES.lowers(words.Focal)
def focal(loss: words.Focal, at: Comparison) -> py.Expr:
    options: dict[str, Any] = {"alpha": loss.alpha, "gamma": loss.gamma}
    return reduced(loss, py.call(at.piece("focal"), at.call(_binary(at)), at.target, **options))


@LOSSES.lowers(words.CategoricalFocal)
def categorical_focal(loss: words.CategoricalFocal, at: Comparison) -> py.Expr:
    function = at.piece("categorical_focal")
    return reduced(loss, py.call(function, _logarithms(at), at.target, gamma=loss.gamma))
