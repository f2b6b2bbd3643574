"""Losses of classes."""

from __future__ import annotations

from typing import Any

from nnc.backends import pysource as py
from nnc.backends.torch.comparison import LOSSES, Comparison
from nnc.backends.torch.losses.reduction import native, reduced
from nnc.compiler.vocabulary.losses import classification as words


@LOSSES.lowers(words.BinaryCrossEntropy)
def binary_cross_entropy(loss: words.BinaryCrossEntropy, at: Comparison) -> py.Expr:
    target = _smoothed(at.target, loss.label_smoothing, 2)
    at = Comparison((at.prediction, target), at.types, at.logits, at.piece)
    options: dict[str, Any] = {}
    if loss.pos_weight != 1:
        options["pos_weight"] = _like(at.prediction, loss.pos_weight)
    if at.logits:
        return native(loss, at, "F.binary_cross_entropy_with_logits", **options)
    return reduced(loss, at.call("losses:binary_cross_entropy", **options))


def _smoothed(target: py.Expr, smoothing: float, classes: int) -> py.Expr:
    if not smoothing:
        return target
    return py.binary("+", py.binary("*", 1 - smoothing, target), smoothing / classes)


def _like(prediction: py.Expr, numbers: float | tuple[float, ...]) -> py.Expr:
    """Numbers in the precision of the prediction."""
    given = list(numbers) if isinstance(numbers, tuple) else numbers
    return py.method(prediction, "new_tensor", given)


@LOSSES.lowers(words.CrossEntropy)
def cross_entropy(loss: words.CrossEntropy, at: Comparison) -> py.Expr:
    if not at.logits or (loss.ignore is not None and loss.reduction == "mean"):
        return _of_logarithms(loss, at, _logarithms(at), label_smoothing=loss.label_smoothing)
    options = {"label_smoothing": loss.label_smoothing} if loss.label_smoothing else {}
    return native(loss, _places(at), "F.cross_entropy", **_chosen(loss, at), **options)


@LOSSES.lowers(words.NegativeLogLikelihood)
def negative_log_likelihood(loss: words.NegativeLogLikelihood, at: Comparison) -> py.Expr:
    if loss.ignore is not None and loss.reduction == "mean":
        return _of_logarithms(loss, at, at.prediction)
    return native(loss, _places(at), "F.nll_loss", **_chosen(loss, at))


def _chosen(loss: Any, at: Comparison) -> dict[str, object]:
    """PyTorch's options about classes."""
    options: dict[str, object] = {}
    if loss.class_weights is not None:
        options["weight"] = _like(at.prediction, loss.class_weights)
    if loss.ignore is not None:
        options["ignore_index"] = loss.ignore
    return options


def _places(at: Comparison) -> Comparison:
    """PyTorch wants the classes on axis 1: every place counts as an example of its own."""
    if at.types[0].rank == 1:
        return at
    places = py.method(at.prediction, "flatten", 0, -2)
    target = py.method(at.target, "flatten", *(() if at.is_class else (0, -2)))
    return Comparison((places, target), at.types, at.logits, at.piece)


def _logarithms(at: Comparison) -> py.Expr:
    """ln p of every class."""
    if at.logits:
        return py.call("F.log_softmax", at.prediction, -1)
    return py.method(py.method(at.prediction, "clamp", py.binary("**", 2, -23), 1), "log")


def _of_logarithms(loss: Any, at: Comparison, logs: py.Expr, **options: object) -> py.Expr:
    """With what PyTorch's own function lacks: 0 when nothing is left, or probabilities."""
    if loss.class_weights is not None:
        options["weights"] = _like(at.prediction, loss.class_weights)
    if loss.ignore is not None:
        options["ignore"] = loss.ignore
    if loss.reduction != "mean":
        options["reduction"] = loss.reduction
    given = {name: option for name, option in options.items() if option != 0 or name == "ignore"}
    return py.call(at.piece("losses:cross_entropy"), logs, at.target, **given)


@LOSSES.lowers(words.KlDivergence)
def kl_divergence(loss: words.KlDivergence, at: Comparison) -> py.Expr:
    terms = py.call("F.kl_div", _logarithms(at), at.target, reduction="none")
    return reduced(loss, py.method(terms, "sum", -1))


@LOSSES.lowers(words.Focal)
def focal(loss: words.Focal, at: Comparison) -> py.Expr:
    if at.logits:
        found: py.Expr = at.call("F.binary_cross_entropy_with_logits", reduction="none")
    else:
        found = at.call("losses:binary_cross_entropy")
    options = {"alpha": loss.alpha, "gamma": loss.gamma}
    return reduced(loss, py.call(at.piece("losses:focal"), found, at.target, **options))


@LOSSES.lowers(words.CategoricalFocal)
def categorical_focal(loss: words.CategoricalFocal, at: Comparison) -> py.Expr:
    function = at.piece("losses:categorical_focal")
    return reduced(loss, py.call(function, _logarithms(at), at.target, gamma=loss.gamma))
