"""Losses of numbers."""

from __future__ import annotations

import math

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.table import Judged, losses
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.losses import regression as words


def error(at: Judged) -> Tensor:
    """Prediction minus target."""
    return at.prediction - at.t


@losses.lowers(words.SumOfSquares)
def sum_of_squares(loss: words.SumOfSquares, at: Judged) -> Tensor:
    return tape.total(error(at) ** 2)


@losses.lowers(words.MeanSquaredError)
def mean_squared_error(loss: words.MeanSquaredError, at: Judged) -> Tensor:
    return at.reduced(loss, error(at) ** 2)


@losses.lowers(words.RootMeanSquaredError)
def root_mean_squared_error(loss: words.RootMeanSquaredError, at: Judged) -> Tensor:
    return tape.sqrt(tape.mean(error(at) ** 2) + 1e-12)


@losses.lowers(words.MeanAbsoluteError)
def mean_absolute_error(loss: words.MeanAbsoluteError, at: Judged) -> Tensor:
    return at.reduced(loss, tape.absolute(error(at)))


@losses.lowers(words.Huber)
def huber(loss: words.Huber, at: Judged) -> Tensor:
    return at.reduced(loss, _huber(error(at), loss.delta))


@losses.lowers(words.SmoothL1)
def smooth_l1(loss: words.SmoothL1, at: Judged) -> Tensor:
    return at.reduced(loss, _huber(error(at), loss.beta) / loss.beta)


def _huber(e: Tensor, delta: float) -> Tensor:
    distance = tape.absolute(e)
    line = delta * (distance - 0.5 * delta)
    return tape.where(distance.value <= delta, 0.5 * e**2, line)


@losses.lowers(words.LogCosh)
def log_cosh(loss: words.LogCosh, at: Judged) -> Tensor:
    distance = tape.absolute(error(at))
    return at.reduced(loss, distance + tape.softplus(-2.0 * distance) - math.log(2.0))


@losses.lowers(words.Pinball)
def pinball(loss: words.Pinball, at: Judged) -> Tensor:
    e, q = -error(at), loss.quantile
    value = np.maximum(q * e.value, (q - 1.0) * e.value)
    slope = np.where(e.value > 0, q, np.where(e.value < 0, q - 1.0, q - 0.5))
    return at.reduced(loss, tape.elementwise(e, value, slope))


@losses.lowers(words.Poisson)
def poisson(loss: words.Poisson, at: Judged) -> Tensor:
    return at.reduced(loss, at.prediction - at.t * tape.log(at.prediction + 1e-8))


@losses.lowers(words.PoissonLog)
def poisson_log(loss: words.PoissonLog, at: Judged) -> Tensor:
    return at.reduced(loss, tape.exp(at.prediction) - at.t * at.prediction)


@losses.lowers(words.GaussianNll)
def gaussian_nll(loss: words.GaussianNll, at: Judged) -> Tensor:
    variance = tape.clip(at.predictions[1], 1e-6, math.inf)
    return at.reduced(loss, 0.5 * (tape.log(variance) + error(at) ** 2 / variance))


@losses.lowers(words.GaussianKl)
def gaussian_kl(loss: words.GaussianKl, at: Judged) -> Tensor:
    mean, log_variance = at.predictions
    parts = 0.5 * (mean**2 + tape.exp(log_variance) - 1.0 - log_variance)
    return at.reduced(loss, tape.total(parts, -1))
