"""Normalisation. The mean is subtracted first, then scaled; the variance used is the biased one."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from nnc.compiler.types import is_static
from nnc.compiler.vocabulary.base import Mistake, PositiveInt, PositiveReal, Probability, Rejected
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


class BatchNorm(Channelled):
    """(x - mean) / sqrt(variance + epsilon) · weight + bias for each channel.

    Training: mean and biased variance of the batch (and all places); the running mean r becomes
    (1 - momentum)·r + momentum·mean, the running variance likewise with the unbiased variance.
    Evaluation: the running statistics (Ioffe and Szegedy 2015). weight, bias, running_mean,
    running_var: [C].
    """

    word = "BatchNorm"
    aliases = (
        "BatchNormalization",
        "BatchNorm1d",
        "BatchNorm2d",
        "BatchNorm3d",
    )
    argument_aliases = {"eps": "epsilon"}
    epsilon: PositiveReal = Field(1e-5, description="added to the variance")
    momentum: Probability = Field(
        0.1, description="weight of the new batch in the running statistics"
    )
    trainable: bool = Field(True, description="false: training leaves weight and bias as they are")

    def infer(self, inputs: Types) -> Types:
        require_float(self, inputs)
        if inputs[0].rank == 0:
            require_rank(self, inputs[0], 1, "channels")
        self.channels(inputs[0])
        return inputs

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        shape = (self.channels(inputs[0]),)
        return (
            Weight("weight", shape, Ones(), trainable=self.trainable, penalized=False),
            Weight("bias", shape, trainable=self.trainable, penalized=False),
            Weight("running_mean", shape, role="statistic", penalized=False),
            Weight("running_var", shape, Ones(), role="statistic", penalized=False),
        )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[4]"),
            example(cls(epsilon=1e-3, momentum=0.3), "f32[3, 4, 5]"),
            example(cls(), "f32[3, 7]"),
            example(cls(), "f32[3, H, 5]"),
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


class LayerNorm(Op):
    """(x - mean) / sqrt(variance + epsilon) · weight + bias over the last `axes` axes of each
    example (Ba et al. 2016). weight, bias: the shape of those axes."""

    word = "LayerNorm"
    aliases = ("LayerNormalization",)
    positional = ("axes",)
    argument_aliases = {"eps": "epsilon"}
    axes: PositiveInt = Field(1, description="how many of the last axes are normalised together")
    epsilon: PositiveReal = Field(1e-5, description="added to the variance")
    trainable: bool = Field(True, description="false: training leaves weight and bias as they are")

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_float(self, inputs)
        if self.axes > x.rank:
            raise Rejected(
                "E301",
                f"`LayerNorm` can't take the last {self.axes} axes of `{x}`",
                argument="axes" if self.axes > 1 else None,
                input=0 if self.axes == 1 else None,
                label=f"one example has {x.rank} {'axis' if x.rank == 1 else 'axes'}",
            )
        if not is_static(x.shape[-self.axes :]):
            raise Rejected(
                "E303",
                f"`LayerNorm` must know the sizes it normalises over, but `{x}` has a free one",
                input=0,
                label=f"this is `{x}`",
            )
        return inputs

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        shape: Any = inputs[0].shape[-self.axes :]
        return (
            Weight("weight", shape, Ones(), trainable=self.trainable, penalized=False),
            Weight("bias", shape, trainable=self.trainable, penalized=False),
        )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[4]"),
            example(cls(epsilon=1e-3), "f32[T, 5]"),
            example(cls(axes=2), "f32[2, 3, 4]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(axes=3)", "E301", "f32[3, 4]"),
            Mistake("", "E303", "f32[T]"),
            Mistake("", "E301", "f32"),
        )
