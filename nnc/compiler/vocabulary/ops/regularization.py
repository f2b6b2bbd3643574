"""Layers that act in training only.

What they draw is a function of the spec's seed, the layer's name, the step and the place of an
element in the batch, the same on every backend; `bits` is that of `nnc/backends/draws.py`, its key
made of the first three, its index the element's place, counted row by row.
"""

from __future__ import annotations

from nnc.compiler.vocabulary.base import Mistake, NonNegativeReal, Probability
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.ops.base import (
    Channelled,
    ElementWise,
    Example,
    Op,
    Types,
    example,
    require_float,
    require_rank,
)
from nnc.compiler.vocabulary.penalties import L1, L1L2, Penalty

SELU_LIMIT = -1.0507009873554805 * 1.6732632423543772
"""What selu tends to far below 0."""


class ActivityRegularization(ElementWise):
    """x as it is. The loss of training and of evaluation gets the penalty of x: the sum over an
    example, as a mean over the batch. `Dense(8, activation=relu, activity_regularize=l1(0.01))`
    puts it behind the layer and its activation."""

    word = "ActivityRegularization"
    aliases = ("activity_regularization",)
    positional = ("penalty",)
    gives_input = True
    penalty: Penalty = Field(description="what the loss adds for x")

    @property
    def activity_penalty(self) -> Penalty:
        return self.penalty

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(penalty=L1(strength=0.3)), "f32[5]"),
            example(cls(penalty=L1L2(l1=0.1, l2=0.2)), "f32[3, T]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("", "E202"), Mistake("(0.1)", "E203"))


class Rated(Op):
    """A layer that disturbs at a rate."""

    positional = ("rate",)
    argument_aliases = {"p": "rate"}
    rate: Probability = Field(0.5, description="the share of elements that are dropped")

    @property
    def is_random(self) -> bool:
        return self.rate > 0

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (example(cls(rate=0.3), "f32[5]"), example(cls(rate=0.0), "f32[3, T]"))

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("(1.0)", "E203"), Mistake("(-0.1)", "E203"))


class Dropout(Rated, ElementWise):
    """In training each element is 0 with probability `rate` and otherwise x / (1 - rate); in
    evaluation x (Srivastava et al. 2014). It is kept where bits >> 8 >= floor(rate · 2^24), with
    random bits that depend on the seed, the layer, the step and the place in the batch alone."""

    word = "Dropout"
    aliases = ("dropout",)


class SpatialDropout(Channelled, Rated):
    """In training each channel of each example is 0 at all places with probability `rate` and
    otherwise x / (1 - rate); in evaluation x (Tompson et al. 2015). Drawn as for `Dropout`, by the
    place in [batch, channels]."""

    word = "SpatialDropout"
    aliases = (
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
        "Dropout1d",
        "Dropout2d",
        "Dropout3d",
        "dropout1d",
        "dropout2d",
        "dropout3d",
    )
    rate: Probability = Field(0.5, description="the share of channels that are dropped")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_float(self, inputs)
        if not 2 <= x.rank <= 4:
            require_rank(self, x, 3, "channels, height, width")
        return inputs

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(rate=0.3), "f32[5, 4]"),
            example(cls(rate=0.0), "f32[3, T]"),
            example(cls(rate=0.2), "f32[3, H, 5]"),
            example(cls(rate=0.0, layout="channels_last"), "f32[2, 3, 4, 5]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            *super().mistakes(),
            Mistake("", "E301", "f32[3]"),
            Mistake("", "E302", "i64[3, 2]"),
        )


class AlphaDropout(Rated, ElementWise):
    """In training each element is a·x + b, or with probability `rate` a·s + b, where s = -1.7581 is
    the limit of selu, a = 1 / sqrt((1 - rate)·(1 + rate·s²)) and b = -a·rate·s: what has mean 0 and
    variance 1 keeps them. In evaluation x (Klambauer et al. 2017). Drawn as for `Dropout`."""

    word = "AlphaDropout"
    aliases = ("alpha_dropout",)


class GaussianDropout(Rated, ElementWise):
    """In training each element is multiplied by a normal number of mean 1 and variance rate / (1 -
    rate); in evaluation x (Srivastava et al. 2014). Drawn as for `GaussianNoise`."""

    word = "GaussianDropout"
    rate: Probability = Field(0.5, description="the rate of the dropout that it stands for")


class GaussianNoise(ElementWise):
    """In training a normal number of mean 0 and standard deviation `std` is added to each element;
    in evaluation x. It is std · √(-2 ln u) · cos(2π v) (Box and Muller 1958), where u = (1 + (b >>
    8)) / 2^24 and v = (c >> 8) / 2^24 with random bits b, c for the numbers 2i and 2i + 1 of the
    element at place i."""

    word = "GaussianNoise"
    positional = ("std",)
    argument_aliases = {"stddev": "std"}
    std: NonNegativeReal = Field(description="the standard deviation of the noise")

    @property
    def is_random(self) -> bool:
        return self.std > 0

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (example(cls(std=0.3), "f32[5]"), example(cls(std=0.0), "f32[3, T]"))

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("(-0.1)", "E203"), Mistake("", "E202"))
