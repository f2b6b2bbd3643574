"""Convolutions over one, two and three axes.

They are cross-correlations, as every framework has them, unless `flip` turns the kernel round.
"""

from __future__ import annotations

from math import prod
from typing import ClassVar

from nnc.compiler.vocabulary.base import Mistake, PositiveInt, Rejected, Size
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.geometry import LinePadding, Padding, Pads, output_size, pads, per_axis
from nnc.compiler.vocabulary.ops.base import (
    Channelled,
    Example,
    Types,
    Weight,
    Weighted,
    example,
    require_float,
    require_rank,
)

ALIASES = {
    "out_channels": "filters",
    "kernel_size": "kernel",
    "strides": "stride",
    "dilation_rate": "dilation",
    "use_bias": "bias",
    "kernel_initializer": "weight_init",
    "bias_initializer": "bias_init",
    "kernel_regularizer": "regularize",
    "bias_regularizer": "bias_regularize",
    "activity_regularizer": "activity_regularize",
    "kernel_constraint": "constraint",
}
AXES = ("depth", "height", "width")


def require_spatial(op: Channelled, inputs: Types, axes: int) -> None:
    """Raise Rejected unless the input is floating-point, with channels and this many axes."""
    names = ", ".join(AXES[-axes:]) if axes > 1 else "length"
    first = op.layout == "channels_first"
    require_rank(op, inputs[0], axes + 1, f"channels, {names}" if first else f"{names}, channels")
    require_float(op, inputs)


class Window(Channelled, Weighted):
    """A kernel that moves over the spatial axes."""

    axes: ClassVar[int]
    argument_aliases = ALIASES

    kernel: Size = Field(description="size of the kernel")
    stride: Size = Field(1, description="step of the kernel")
    padding: Padding = Field("valid", description="padding around the input")
    dilation: Size = Field(1, description="distance of the kernel's elements")

    @property
    def kernels(self) -> tuple[int, ...]:
        return per_axis(self, self.kernel, self.axes, "kernel")

    @property
    def strides(self) -> tuple[int, ...]:
        return per_axis(self, self.stride, self.axes, "stride")

    @property
    def dilations(self) -> tuple[int, ...]:
        return per_axis(self, self.dilation, self.axes, "dilation")


class Grouped(Window):
    """A window over all channels, or over groups of them, that gives any number of filters."""

    positional = ("filters", "kernel", "stride")

    filters: PositiveInt = Field(description="channels of the result")
    groups: PositiveInt = Field(1, description="parts that channels and filters are divided into")

    def check(self, inputs: Types) -> None:
        """Raise Rejected unless channels and filters divide into the groups."""
        require_spatial(self, inputs, self.axes)
        channels = self.channels(inputs[0])
        for number, what in ((channels, "input channels"), (self.filters, "filters")):
            if number % self.groups:
                raise Rejected(
                    "E305",
                    f"{number} {what} of `{self.word}` can't be divided into {self.groups} groups",
                    argument="groups",
                    label=f"{number} is not a multiple of {self.groups}",
                    help=f"choose a divisor of {number}",
                )


class Sliding(Window):
    """A window of which every place gives an element of the result."""

    flip: bool = Field(
        False, description="true convolution: the kernel turned round along every spatial axis"
    )

    def pads(self, inputs: Types) -> Pads:
        """Padding before and after each spatial axis, as numbers."""
        return pads(
            self, self.padding, self.spatial(inputs[0]), self.kernels, self.strides, self.dilations
        )

    def moved_over(self, inputs: Types, filters: int) -> Types:
        """The type of the result with so many channels."""
        (x,) = inputs
        windows = zip(
            self.spatial(x),
            self.kernels,
            self.strides,
            self.dilations,
            self.pads(inputs),
            strict=True,
        )
        return (self.join(x, filters, tuple(output_size(self, *window) for window in windows)),)

    def places(self, inputs: Types) -> int:
        """How many places the window has; symbolic dimensions count 1."""
        spatial = self.spatial(self.infer(inputs)[0])
        return prod(d if isinstance(d, int) else 1 for d in spatial)


class Convolution(Grouped, Sliding):
    """A convolution over any number of axes."""

    def infer(self, inputs: Types) -> Types:
        self.check(inputs)
        return self.moved_over(inputs, self.filters)

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        per_group = self.channels(inputs[0]) // self.groups
        taps = prod(self.kernels)
        kernel = self.kernel_weight(
            (self.filters, per_group, *self.kernels),
            per_group * taps,
            self.filters // self.groups * taps,
        )
        return (kernel, *self.bias_weight(self.filters))

    def cost(self, inputs: Types) -> int:
        per_place = self.filters * (self.channels(inputs[0]) // self.groups) * prod(self.kernels)
        return per_place * self.places(inputs)


class Conv1D(Convolution):
    """One-dimensional convolution: [C, L] -> [filters, L'].

    y[f, i] = bias[f] + Σ weight[f, c, u] · x[c, i·stride + u·dilation - pad], with L' =
    (L + pads - dilation·(kernel - 1) - 1) // stride + 1. `flip` takes weight[f, c, kernel - 1 - u].
    `causal` pads dilation·(kernel - 1) zeros before the first element, so that nothing looks ahead.
    weight: [filters, C / groups, kernel]; bias: [filters].
    """

    word = "Conv1D"
    aliases = ("Conv1d", "Convolution1D", "conv1d")
    axes = 1
    padding: LinePadding = Field("valid", description="padding around the input")  # type: ignore[assignment]

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[3, 8]"
        return (
            example(cls(filters=4, kernel=3), x),
            example(cls(filters=4, kernel=3, flip=True, padding="full"), x),
            example(cls(filters=4, kernel=2, stride=3, padding="same", bias=False), x),
            example(cls(filters=4, kernel=3, padding="causal", dilation=2), "f32[3, T]"),
            example(cls(filters=6, kernel=3, stride=2, padding=((1, 2),), groups=2), "f32[4, 9]"),
            example(cls(filters=4, kernel=3, stride=2, dilation=2, padding=1), "f32[3, 9]"),
            example(cls(filters=4, kernel=3, padding="same"), "f32[3, T]"),
            example(cls(filters=4, kernel=2, flip=True, layout="channels_last"), "f32[7, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(4, [3, 3])", "E203"),
            Mistake("(4, 3, padding=cause)", "E203"),
            Mistake("(4, 9)", "E304"),
            Mistake("(4, 3)", "E301", "f32[3, 7, 7]"),
            Mistake("(4, 3, groups=2)", "E305"),
        )


class Conv2D(Convolution):
    """Two-dimensional convolution: [C, H, W] -> [filters, H', W'].

    y[f, i, j] = bias[f] + Σ weight[f, c, u, v] · x[c, i·stride + u·dilation - pad, …], with
    H' = (H + pads - dilation·(kernel - 1) - 1) // stride + 1. `flip` takes weight[f, c,
    kernel - 1 - u, kernel - 1 - v]: the kernel turned by 180°.
    weight: [filters, C / groups, kernel, kernel]; bias: [filters].
    """

    word = "Conv2D"
    aliases = ("Conv2d", "Convolution2D", "conv2d")
    axes = 2

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[3, 7, 9]"
        return (
            example(cls(filters=4, kernel=3), x),
            example(cls(filters=4, kernel=(3, 2), padding="same", bias=False), x),
            example(cls(filters=5, kernel=3, stride=2, padding="same"), "f32[3, 8, 9]"),
            example(cls(filters=2, kernel=(2, 3), padding="full"), x),
            example(cls(filters=4, kernel=3, stride=(2, 1), padding=1), x),
            example(cls(filters=4, kernel=2, padding=((0, 1), (2, 0)), dilation=2), x),
            example(cls(filters=4, kernel=2, stride=2, dilation=(1, 3)), x),
            example(cls(filters=6, kernel=3, padding=1, groups=2), "f32[4, 5, 7]"),
            example(cls(filters=6, kernel=3, groups=3, stride=2), "f32[3, 5, 7]"),
            example(cls(filters=4, kernel=(3, 2), padding="full", flip=True), x),
            example(cls(filters=4, kernel=3, stride=2, groups=2, flip=True), "f32[6, 5, 7]"),
            example(cls(filters=4, kernel=3, padding="same"), "f32[3, H, W]"),
            example(cls(filters=4, kernel=2, padding=1, layout="channels_last"), "f32[7, 9, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(4)", "E202"),
            Mistake("(4, 0)", "E203"),
            Mistake("(4, [3, 3, 3])", "E203"),
            Mistake("(4, 3, padding=smae)", "E203"),
            Mistake("(4, 3, padding=[1])", "E203"),
            Mistake("(4, 9)", "E304"),
            Mistake("(4, 3, groups=2)", "E305"),
            Mistake("(4, 3)", "E301", "f32[3, 7]"),
            Mistake("(4, 3, stride=2, padding=same)", "E303", "f32[3, H, W]"),
            Mistake("(4, 3)", "E303", "f32[C, 7, 7]"),
        )


class Conv3D(Convolution):
    """Three-dimensional convolution: [C, D, H, W] -> [filters, D', H', W'].

    As Conv2D, with one axis more. weight: [filters, C / groups, kernel, kernel, kernel];
    bias: [filters].
    """

    word = "Conv3D"
    aliases = ("Conv3d", "Convolution3D", "conv3d")
    axes = 3

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[3, 4, 5, 6]"
        return (
            example(cls(filters=2, kernel=2), x),
            example(cls(filters=4, kernel=(2, 3, 1), stride=(1, 2, 2), padding="same"), x),
            example(cls(filters=2, kernel=2, padding=((0, 1), 1, (2, 0)), dilation=2), x),
            example(cls(filters=2, kernel=2, stride=2, dilation=(1, 2, 1), bias=False), x),
            example(cls(filters=4, kernel=(1, 2, 2), groups=2, flip=True), "f32[2, 3, 4, 5]"),
            example(cls(filters=2, kernel=2, padding="full"), "f32[3, D, H, 2]"),
            example(cls(filters=2, kernel=2, layout="channels_last"), "f32[4, 5, 6, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(4, [3, 3])", "E203"),
            Mistake("(4, 9)", "E304"),
            Mistake("(4, 3)", "E301", "f32[3, 7, 7]"),
            Mistake("(4, 2, groups=2)", "E305"),
        )
