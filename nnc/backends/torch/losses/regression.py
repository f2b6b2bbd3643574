"""Losses of numbers."""

from __future__ import annotations

from nnc.backends import pysource as py
from nnc.backends.torch.comparison import LOSSES, Comparison
from nnc.backends.torch.losses.reduction import native, reduced
from nnc.compiler.vocabulary.losses import regression as words


@LOSSES.lowers(words.SumOfSquares)
def sum_of_squares(loss: words.SumOfSquares, at: Comparison) -> py.Expr:
    return at.call("F.mse_loss", reduction="sum")


@LOSSES.lowers(words.MeanSquaredError)
def mean_squared_error(loss: words.MeanSquaredError, at: Comparison) -> py.Expr:
    return native(loss, at, "F.mse_loss")


@LOSSES.lowers(words.RootMeanSquaredError)
def root_mean_squared_error(loss: words.RootMeanSquaredError, at: Comparison) -> py.Expr:
    return at.call("losses:root_mean_squared_error")


@LOSSES.lowers(words.MeanAbsoluteError)
def mean_absolute_error(loss: words.MeanAbsoluteError, at: Comparison) -> py.Expr:
    return native(loss, at, "F.l1_loss")


@LOSSES.lowers(words.Huber)
def huber(loss: words.Huber, at: Comparison) -> py.Expr:
    return native(loss, at, "F.huber_loss", delta=loss.delta)


@LOSSES.lowers(words.SmoothL1)
def smooth_l1(loss: words.SmoothL1, at: Comparison) -> py.Expr:
    return native(loss, at, "F.smooth_l1_loss", beta=loss.beta)


@LOSSES.lowers(words.LogCosh)
def log_cosh(loss: words.LogCosh, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("losses:log_cosh"))


@LOSSES.lowers(words.Pinball)
def pinball(loss: words.Pinball, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("losses:pinball", quantile=loss.quantile))


@LOSSES.lowers(words.Poisson)
def poisson(loss: words.Poisson, at: Comparison) -> py.Expr:
    return native(loss, at, "F.poisson_nll_loss", log_input=False, eps=1e-8)


@LOSSES.lowers(words.PoissonLog)
def poisson_log(loss: words.PoissonLog, at: Comparison) -> py.Expr:
    return native(loss, at, "F.poisson_nll_loss", log_input=True)


@LOSSES.lowers(words.GaussianNll)
def gaussian_nll(loss: words.GaussianNll, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("losses:gaussian_nll"))


@LOSSES.lowers(words.GaussianKl)
def gaussian_kl(loss: words.GaussianKl, at: Comparison) -> py.Expr:
    return reduced(loss, at.call("losses:gaussian_kl"))
