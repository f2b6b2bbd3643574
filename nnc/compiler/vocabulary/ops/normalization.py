"""Normalisation. The mean is subtracted first, then scaled; the variance used is the biased one."""

from __future__ import annotations

from typing import Any

from nnc.compiler.types import Shape, TensorType, is_static
from nnc.compiler.vocabulary.base import Mistake, PositiveInt, PositiveReal, Probability, Rejected
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.initializers import Ones
from nnc.compiler.vocabulary.ops.base import (
    Channelled,
    Example,
    Op,
    Types,
    Weight,
    example,
    require_float,
    require_rank,
)


class Normalization(Op):
    """What all of these share: a gain and a shift that training finds, which may be left out."""

    argument_aliases = {"eps": "epsilon"}
    epsilon: PositiveReal = Field(1e-5, description="added to the variance")
    affine: bool = Field(True, description="false: there is no weight and no bias")
    trainable: bool = Field(True, description="false: training leaves weight and bias as they are")

    def gain(self, shape: tuple[int, ...]) -> tuple[Weight, ...]:
        """The weight, or nothing."""
        if not self.affine:
            return ()
        return (Weight("weight", shape, Ones(), trainable=self.trainable, penalized=False),)

    def gain_and_shift(self, shape: tuple[int, ...]) -> tuple[Weight, ...]:
        """Weight and bias, or nothing."""
        if not self.affine:
            return ()
        bias = Weight("bias", shape, trainable=self.trainable, penalized=False)
        return (*self.gain(shape), bias)


class BatchNorm(Channelled, Normalization):
    """(x - mean) / sqrt(variance + epsilon) · weight + bias for each channel.

    Training: mean and biased variance of the batch (and all places); the running mean r becomes
    (1 - momentum)·r + momentum·mean, the running variance likewise with the unbiased variance.
    Evaluation: the running statistics (Ioffe and Szegedy 2015). weight, bias, running_mean,
    running_var: [C].
    """

    word = "BatchNorm"
    aliases = ("BatchNormalization", "BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "batch_norm")
    momentum: Probability = Field(
        0.1, description="weight of the new batch in the running statistics"
    )

    def infer(self, inputs: Types) -> Types:
        require_float(self, inputs)
        if inputs[0].rank == 0:
            require_rank(self, inputs[0], 1, "channels")
        self.channels(inputs[0])
        return inputs

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        shape = (self.channels(inputs[0]),)
        return (
            *self.gain_and_shift(shape),
            Weight("running_mean", shape, role="statistic", penalized=False),
            Weight("running_var", shape, Ones(), role="statistic", penalized=False),
        )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[4]"),
            example(cls(epsilon=1e-3, momentum=0.3), "f32[3, 4, 5]"),
            example(cls(), "f32[3, 7]"),
            example(cls(affine=False), "f32[3, H, 5]"),
            example(cls(layout="channels_last"), "f32[4, 5, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(epsilon=0)", "E203"),
            Mistake("(momentum=2)", "E203"),
            Mistake("", "E302", "i64[3]"),
            Mistake("", "E303", "f32[C, 4, 4]"),
        )


class LastAxes(Normalization):
    """Normalisation over the last axes of each example."""

    positional = ("axes",)
    axes: PositiveInt = Field(1, description="how many of the last axes are normalised together")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_float(self, inputs)
        if self.axes > x.rank:
            raise Rejected(
                "E301",
                f"`{self.word}` can't take the last {self.axes} axes of `{x}`",
                argument="axes" if self.axes > 1 else None,
                input=0 if self.axes == 1 else None,
                label=f"one example has {x.rank} {'axis' if x.rank == 1 else 'axes'}",
            )
        if not is_static(x.shape[-self.axes :]):
            raise Rejected(
                "E303",
                f"`{self.word}` must know the sizes it normalises over, but `{x}` has a free one",
                input=0,
                label=f"this is `{x}`",
            )
        return inputs

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[4]"),
            example(cls(epsilon=1e-3), "f32[T, 5]"),
            example(cls(axes=2), "f32[2, 3, 4]"),
            example(cls(affine=False), "f32[2, 5]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(axes=3)", "E301", "f32[3, 4]"),
            Mistake("", "E303", "f32[T]"),
            Mistake("", "E301", "f32"),
        )


class LayerNorm(LastAxes):
    """(x - mean) / sqrt(variance + epsilon) · weight + bias over the last `axes` axes of each
    example (Ba et al. 2016). weight, bias: the shape of those axes."""

    word = "LayerNorm"
    aliases = ("LayerNormalization", "layer_norm")
    argument_aliases = {"eps": "epsilon", "elementwise_affine": "affine", "center": "bias"}
    bias: bool = Field(True, description="false: there is no bias")

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        shape: Any = inputs[0].shape[-self.axes :]
        return self.gain_and_shift(shape) if self.bias else self.gain(shape)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            *super().examples(),
            example(cls(bias=False), "f32[T, 5]"),
            example(cls(axes=2, bias=False), "f32[2, 3, 4]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (*super().mistakes(), Mistake("(bias=2)", "E203"))


class RMSNorm(LastAxes):
    """x / sqrt(mean(x²) + epsilon) · weight over the last `axes` axes of each example (Zhang and
    Sennrich 2019). weight: the shape of those axes."""

    word = "RMSNorm"
    aliases = ("RMSNormalization", "rms_norm", "rms_normalization")
    argument_aliases = {"eps": "epsilon", "elementwise_affine": "affine"}
    epsilon: PositiveReal = Field(1e-6, description="added to the mean of the squares")
    affine: bool = Field(True, description="false: there is no weight")

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        shape: Any = inputs[0].shape[-self.axes :]
        return self.gain(shape)


class GroupNorm(Channelled, Normalization):
    """(x - mean) / sqrt(variance + epsilon) · weight + bias, where mean and variance are those of a
    group of neighbouring channels of one example at all places (Wu and He 2018). weight, bias:
    [C]."""

    word = "GroupNorm"
    aliases = ("GroupNormalization", "group_norm")
    positional = ("groups",)
    argument_aliases = {"eps": "epsilon", "num_groups": "groups"}
    groups: PositiveInt = Field(description="number of groups; a divisor of the channels")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_float(self, inputs)
        if x.rank == 0:
            require_rank(self, x, 1, "channels")
        channels = self.channels(x)
        if channels % self.groups:
            raise Rejected(
                "E305",
                f"{channels} channels can't be divided into {self.groups} groups",
                argument="groups",
                label=f"{channels} is not a multiple of {self.groups}",
            )
        if channels == self.groups:
            _require_places(self, x, self.spatial(x))
        return inputs

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        return self.gain_and_shift((self.channels(inputs[0]),))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(groups=2), "f32[6]"),
            example(cls(groups=3, epsilon=1e-3), "f32[6, 4, 5]"),
            example(cls(groups=1), "f32[3, T]"),
            example(cls(groups=2, affine=False), "f32[8, H, W]"),
            example(cls(groups=2, layout="channels_last"), "f32[2, 3, 5, 4]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(4)", "E305", "f32[6, 2]"),
            Mistake("(3)", "E301", "f32[3]"),
            Mistake("", "E202"),
            Mistake("(1)", "E303", "f32[C, 4]"),
        )


class InstanceNorm(Channelled, Normalization):
    """(x - mean) / sqrt(variance + epsilon) · weight + bias for each channel of each example over
    all its places, in training and in evaluation (Ulyanov et al. 2016). weight, bias: [C]."""

    word = "InstanceNorm"
    aliases = (
        "InstanceNorm1d",
        "InstanceNorm2d",
        "InstanceNorm3d",
        "instance_norm",
        "InstanceNormalization",
    )

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_float(self, inputs)
        if not 2 <= x.rank <= 4:
            require_rank(self, x, 3, "channels, height, width")
        self.channels(x)
        _require_places(self, x, self.spatial(x))
        return inputs

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        return self.gain_and_shift((self.channels(inputs[0]),))

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[3, 7]"),
            example(cls(epsilon=1e-3), "f32[3, 4, 5]"),
            example(cls(affine=False), "f32[3, H, 5]"),
            example(cls(layout="channels_last"), "f32[2, 3, 5, 4]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("", "E301", "f32[3]"),
            Mistake("", "E301", "f32[3, 1, 1]"),
            Mistake("", "E303", "f32[C, 4]"),
            Mistake("", "E302", "i64[3, 4]"),
        )


def _require_places(op: Op, x: TensorType, spatial: Shape) -> None:
    """Raise Rejected when a channel has a single value: its variance would be 0."""
    if all(size == 1 for size in spatial):
        raise Rejected(
            "E301",
            f"`{op.word}` can't normalise a single value, but `{x}` has one for each channel",
            input=0,
            label=f"this is `{x}`",
            help="leave it out: the result would be the bias alone",
        )
