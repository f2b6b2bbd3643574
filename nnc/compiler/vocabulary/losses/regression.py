"""Losses of numbers: how far a prediction y is from a target t."""

from __future__ import annotations

from typing import Annotated

from nnc.compiler.vocabulary.base import Phrase, PositiveReal
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.losses.base import (
    ElementWise,
    Example,
    Loss,
    Reduced,
    Types,
    on_last_axis,
    same_shape,
)


class SumOfSquares(Loss):
    """Σ (y - t)² over every element of all examples, with no half."""

    word = "sse"
    aliases = ("sum_squared_error", "sum_of_squared_errors")

    @property
    def no_mean(self) -> str:
        return self.word

    def check(self, types: Types) -> None:
        same_shape(self, types)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example(cls(), ("f32[3]", "f32[3]")), Example(cls(), ("f32[T, 2]", "f32[T, 2]")))


class MeanSquaredError(ElementWise):
    """mean (y - t)²."""

    word = "mse"
    aliases = ("mean_squared_error", "MSELoss", "MeanSquaredError", "mse_loss", "MSE")


class RootMeanSquaredError(Loss):
    """√(mean (y - t)² + 10⁻¹²); the small term gives a gradient where there is no error."""

    word = "rmse"
    aliases = ("root_mean_squared_error", "RMSELoss", "RootMeanSquaredError", "RMSE")

    @property
    def no_mean(self) -> str:
        return self.word

    def check(self, types: Types) -> None:
        same_shape(self, types)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (Example(cls(), ("f32[3]", "f32[3]")), Example(cls(), ("f32[T, 2]", "f32[T, 2]")))


class MeanAbsoluteError(ElementWise):
    """mean |y - t|; its gradient is 0 where there is no error."""

    word = "mae"
    aliases = ("mean_absolute_error", "L1Loss", "MeanAbsoluteError", "l1_loss", "MAE")


class Huber(ElementWise):
    """mean of ½e² where |e| ≤ delta, else delta·(|e| - ½·delta), with e = y - t (Huber 1964)."""

    word = "huber"
    aliases = ("HuberLoss", "Huber", "huber_loss")
    positional = ("delta",)
    delta: PositiveReal = Field(1.0, description="the error from which on the loss is a line")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (*super().examples(), Example(cls(delta=0.4), ("f32[5]", "f32[5]")))


class SmoothL1(ElementWise):
    """mean of ½e² / beta where |e| < beta, else |e| - ½·beta, with e = y - t (Girshick 2015).

    It is `huber(delta=beta)` divided by beta.
    """

    word = "smooth_l1"
    aliases = ("SmoothL1Loss", "smooth_l1_loss")
    positional = ("beta",)
    beta: PositiveReal = Field(1.0, description="the error from which on the loss is a line")

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (*super().examples(), Example(cls(beta=0.4), ("f32[5]", "f32[5]")))


class LogCosh(ElementWise):
    """mean of ln cosh e = |e| + softplus(-2|e|) - ln 2, with e = y - t."""

    word = "log_cosh"
    aliases = ("LogCosh", "logcosh")


class Pinball(ElementWise):
    """mean of max(q·e, (q - 1)·e) with e = t - y: its least value is the quantile q of the target
    (Koenker and Bassett 1978). At e = 0 the gradient is the mean of both sides."""

    word = "pinball"
    aliases = ("quantile_loss", "PinballLoss", "QuantileLoss", "pinball_loss")
    positional = ("quantile",)
    argument_aliases = {"tau": "quantile", "alpha": "quantile"}
    quantile: Annotated[float, Field(gt=0, lt=1), Phrase("a number between 0 and 1")] = Field(
        description="the share of targets that lie below the prediction"
    )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(quantile=0.9), ("f32[3]", "f32[3]")),
            Example(cls(quantile=0.5, reduction="sum"), ("f32", "f32")),
            Example(cls(quantile=0.1), ("f32[T, 2]", "f32[T, 2]")),
        )


class Poisson(ElementWise):
    """mean of r - t·ln(r + 10⁻⁸): the prediction r is the rate of events, above 0; t counts them.

    From the logarithm of the rate: `poisson_log`.
    """

    word = "poisson"
    aliases = ("Poisson",)
    positive = (0,)
    values = "count"


class PoissonLog(ElementWise):
    """mean of eᶻ - t·z: the prediction z is the logarithm of the rate of events; t counts them."""

    word = "poisson_log"
    aliases = ("PoissonNLLLoss", "poisson_nll_loss")
    values = "count"


class GaussianNll(Reduced):
    """mean of ½(ln v + (y - t)² / v): prediction y of the mean and v of the variance, both learnt
    (Nix and Weigend 1994). v below 10⁻⁶ counts as 10⁻⁶, with the gradient 0.

    Written with two outputs: `gaussian_nll(mean, variance, y)`.
    """

    word = "gaussian_nll"
    aliases = ("GaussianNLLLoss", "gaussian_nll_loss")
    takes = ("mean", "variance", "target")
    positive = (1,)

    def check(self, types: Types) -> None:
        same_shape(self, types)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(), ("f32[3]", "f32[3]", "f32[3]")),
            Example(cls(reduction="sum"), ("f32[T, 2]", "f32[T, 2]", "f32[T, 2]")),
        )


class GaussianKl(Reduced):
    """mean over examples (and places) of Σ ½(m² + eˡ - 1 - l) along the last axis: how far the
    normal distribution with mean m and log-variance l is from the standard one (Kingma and Welling
    2014, appendix B).

    Written with two outputs and no target: `gaussian_kl(mean, log_variance)`.
    """

    word = "gaussian_kl"
    takes = ("mean", "log_variance")

    def check(self, types: Types) -> None:
        on_last_axis(self, types, "the components of a normal distribution")
        same_shape(self, types)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            Example(cls(), ("f32[3]", "f32[3]")),
            Example(cls(reduction="sum"), ("f32[T, 2]", "f32[T, 2]")),
        )
