"""Losses of numbers."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.keras.comparison import LOSSES, Comparison, reduced
from nnc.compiler.vocabulary.losses import regression as words


def _error(at: Comparison) -> py.Expr:
    return py.binary("-", at.prediction, at.target)


@LOSSES.lowers(words.SumOfSquares)
def sum_of_squares(loss: words.SumOfSquares, at: Comparison) -> py.Expr:
    return py.call("ops.sum", py.call("ops.square", _error(at)))


@LOSSES.lowers(words.MeanSquaredError)
def mean_squared_error(loss: words.MeanSquaredError, at: Comparison) -> py.Expr:
    return reduced(loss, py.call("ops.square", _error(at)))


@LOSSES.lowers(words.RootMeanSquaredError)
def root_mean_squared_error(loss: words.RootMeanSquaredError, at: Comparison) -> py.Expr:
    return at.call("root_mean_squared_error")


@LOSSES.lowers(words.MeanAbsoluteError)
def mean_absolute_error(loss: words.MeanAbsoluteError, at: Comparison) -> py.Expr:
    return reduced(loss, py.call("ops.abs", _error(at)))


@LOSSES.lowers(words.Huber)
def huber(loss: words.Huber, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("huber", delta=loss.delta))


@LOSSES.lowers(words.SmoothL1)
def smooth_l1(loss: words.SmoothL1, at: Comparison) -> py.Expr:
    return reduced(loss, py.binary("/", at.call("huber", delta=loss.beta), loss.beta))


@LOSSES.lowers(words.LogCosh)
def log_cosh(loss: words.LogCosh, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("log_cosh"))


@LOSSES.lowers(words.Pinball)
def pinball(loss: words.Pinball, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("pinball", quantile=loss.quantile))


@LOSSES.lowers(words.Poisson)
def poisson(loss: words.Poisson, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("poisson"))


@LOSSES.lowers(words.PoissonLog)
def poisson_log(loss: words.PoissonLog, at: Comparison) -> py.Expr:
    product = py.binary("*", at.target, at.prediction)
    return reduced(loss, py.binary("-", py.call("ops.exp", at.prediction), product))


@LOSSES.lowers(words.GaussianNll)
def gaussian_nll(loss: words.GaussianNll, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("gaussian_nll"))


@LOSSES.lowers(words.GaussianKl)
def gaussian_kl(loss: words.GaussianKl, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("gaussian_kl"))
