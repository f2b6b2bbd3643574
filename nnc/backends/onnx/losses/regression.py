"""Losses of numbers."""

from __future__ import annotations

import math

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.comparison import LOSSES, Comparison
from nnc.compiler.vocabulary.losses import regression as words


def error(at: Comparison) -> Handle:
    """Prediction minus target."""
    return at.add("Sub", at.prediction, at.target, role="error")


@LOSSES.lowers(words.SumOfSquares)
def sum_of_squares(loss: words.SumOfSquares, at: Comparison) -> Handle:
    return at.add("ReduceSumSquare", error(at), keepdims=0)


@LOSSES.lowers(words.MeanSquaredError)
def mean_squared_error(loss: words.MeanSquaredError, at: Comparison) -> Handle:
    return at.reduced(loss, at.squared(error(at)))


@LOSSES.lowers(words.RootMeanSquaredError)
def root_mean_squared_error(loss: words.RootMeanSquaredError, at: Comparison) -> Handle:
    mean = at.add("ReduceMean", at.squared(error(at)), keepdims=0)
    return at.add("Sqrt", at.moved(mean, 1e-12))


@LOSSES.lowers(words.MeanAbsoluteError)
def mean_absolute_error(loss: words.MeanAbsoluteError, at: Comparison) -> Handle:
    return at.reduced(loss, at.add("Abs", error(at)))


@LOSSES.lowers(words.Huber)
def huber(loss: words.Huber, at: Comparison) -> Handle:
    return at.reduced(loss, _huber(at, loss.delta))


@LOSSES.lowers(words.SmoothL1)
def smooth_l1(loss: words.SmoothL1, at: Comparison) -> Handle:
    return at.reduced(loss, at.scaled(_huber(at, loss.beta), 1 / loss.beta))


def _huber(at: Comparison, delta: float) -> Handle:
    e = error(at)
    distance = at.add("Abs", e)
    line = at.scaled(at.moved(distance, -0.5 * delta), delta)
    near = at.add("LessOrEqual", distance, at.number(delta, "delta"))
    return at.add("Where", near, at.scaled(at.squared(e), 0.5), line)


@LOSSES.lowers(words.LogCosh)
def log_cosh(loss: words.LogCosh, at: Comparison) -> Handle:
    distance = at.add("Abs", error(at))
    bent = at.add("Add", distance, at.softplus(at.scaled(distance, -2.0)))
    return at.reduced(loss, at.moved(bent, -math.log(2.0)))


@LOSSES.lowers(words.Pinball)
def pinball(loss: words.Pinball, at: Comparison) -> Handle:
    """½·|e| - (q - ½)·e with e = y - t: the same, and its gradient at 0 is the mean of both
    sides."""
    e = error(at)
    size = at.scaled(at.add("Abs", e), 0.5)
    return at.reduced(loss, at.add("Sub", size, at.scaled(e, loss.quantile - 0.5)))


@LOSSES.lowers(words.Poisson)
def poisson(loss: words.Poisson, at: Comparison) -> Handle:
    rate = at.prediction
    log = at.add("Log", at.moved(rate, 1e-8))
    return at.reduced(loss, at.add("Sub", rate, at.add("Mul", log, at.target)))


@LOSSES.lowers(words.PoissonLog)
def poisson_log(loss: words.PoissonLog, at: Comparison) -> Handle:
    z = at.prediction
    return at.reduced(loss, at.add("Sub", at.add("Exp", z), at.add("Mul", z, at.target)))


@LOSSES.lowers(words.GaussianNll)
def gaussian_nll(loss: words.GaussianNll, at: Comparison) -> Handle:
    variance = at.clipped(at.values[1], 1e-6)
    share = at.add("Div", at.squared(error(at)), variance)
    return at.reduced(loss, at.scaled(at.add("Add", at.add("Log", variance), share), 0.5))


@LOSSES.lowers(words.GaussianKl)
def gaussian_kl(loss: words.GaussianKl, at: Comparison) -> Handle:
    mean, log_variance = at.values
    spread = at.moved(at.add("Sub", at.add("Exp", log_variance), log_variance), -1.0)
    parts = at.scaled(at.add("Add", at.squared(mean), spread), 0.5)
    return at.reduced(loss, at.total(parts, -1))
