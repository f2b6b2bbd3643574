"""Convolutions. All are cross-correlations, as every framework has them."""

from __future__ import annotations

from math import prod
from typing import ClassVar

from pydantic import Field

from nnc.compiler.types import Dim, add, is_static, multiply
from nnc.compiler.vocabulary.base import Count, Mistake, PositiveInt, Rejected, Size
from nnc.compiler.vocabulary.geometry import Padding, Pads, output_size, pads, per_axis
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

_ALIASES = {
    "out_channels": "filters",
    "kernel_size": "kernel",
    "strides": "stride",
    "dilation_rate": "dilation",
    "use_bias": "bias",
    "kernel_initializer": "weight_init",
    "bias_initializer": "bias_init",
    "kernel_regularizer": "regularize",
}
AXES = ("depth", "height", "width")


class _Window(Channelled, Weighted):
    """What convolutions and transposed convolutions share."""

    axes: ClassVar[int]
    positional = ("filters", "kernel", "stride")
    argument_aliases = _ALIASES

    filters: PositiveInt = Field(description="channels of the result")
    kernel: Size = Field(description="size of the kernel")
    stride: Size = Field(1, description="step of the kernel")
    padding: Padding = Field("valid", description="padding around the input")
    dilation: Size = Field(1, description="distance of the kernel's elements")
    groups: PositiveInt = Field(1, description="parts that channels and filters are divided into")

    @property
    def kernels(self) -> tuple[int, ...]:
        return per_axis(self, self.kernel, self.axes, "kernel")

    @property
    def strides(self) -> tuple[int, ...]:
        return per_axis(self, self.stride, self.axes, "stride")

    @property
    def dilations(self) -> tuple[int, ...]:
        return per_axis(self, self.dilation, self.axes, "dilation")

    def check(self, inputs: Types) -> None:
        """Raise Rejected unless channels and filters divide into the groups."""
        (x,) = inputs
        names = ", ".join(AXES[-self.axes :])
        first = self.layout == "channels_first"
        require_rank(
            self, x, self.axes + 1, f"channels, {names}" if first else f"{names}, channels"
        )
        require_float(self, inputs)
        channels = self.channels(x)
        for number, what in ((channels, "input channels"), (self.filters, "filters")):
            if number % self.groups:
                raise Rejected(
                    "E305",
                    f"{number} {what} of `{self.word}` can't be divided into {self.groups} groups",
                    argument="groups",
                    label=f"{number} is not a multiple of {self.groups}",
                    help=f"choose a divisor of {number}",
                )


class _Convolution(_Window):
    def pads(self, x: Types) -> Pads:
        """Padding before and after each spatial axis, as numbers."""
        return pads(
            self, self.padding, self.spatial(x[0]), self.kernels, self.strides, self.dilations
        )

    def infer(self, inputs: Types) -> Types:
        self.check(inputs)
        (x,) = inputs
        windows = zip(
            self.spatial(x),
            self.kernels,
            self.strides,
            self.dilations,
            self.pads(inputs),
            strict=True,
        )
        return (
            self.join(x, self.filters, tuple(output_size(self, *window) for window in windows)),
        )

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
        places = self.spatial(self.infer(inputs)[0])
        per_place = self.filters * (self.channels(inputs[0]) // self.groups) * prod(self.kernels)
        return per_place * prod(d if isinstance(d, int) else 1 for d in places)


class Conv2D(_Convolution):
    """Two-dimensional convolution (cross-correlation): [C, H, W] -> [filters, H', W'].

    y[f, i, j] = bias[f] + Σ weight[f, c, u, v] · x[c, i·stride + u·dilation - pad, …], with
    H' = (H + pads - dilation·(kernel - 1) - 1) // stride + 1.
    weight: [filters, C / groups, kernel, kernel]; bias: [filters].
    """

    word = "Conv2D"
    aliases = ("Conv2d", "Convolution2D")
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


class _Transposed(_Window):
    """The gradient of a convolution as a layer."""

    output_padding: Count | tuple[Count, ...] = Field(
        0, description="elements added after the end of the result; less than the stride"
    )

    @property
    def output_paddings(self) -> tuple[int, ...]:
        return per_axis(self, self.output_padding, self.axes, "output_padding")

    def crops(self) -> Pads:
        """What is cut off the full result before and after each axis; negative adds zeros.

        `same` gives n·stride: left crop max(d·(k - 1) + 1 - s, 0) // 2, as Keras has it.
        """
        spans = [d * (k - 1) + 1 for k, d in zip(self.kernels, self.dilations, strict=True)]
        if self.padding == "same":
            lefts = [max(span - s, 0) // 2 for span, s in zip(spans, self.strides, strict=True)]
            return tuple(
                (left, span - s - left)
                for left, span, s in zip(lefts, spans, self.strides, strict=True)
            )
        given = pads(
            self, self.padding, (1,) * self.axes, self.kernels, (1,) * self.axes, self.dilations
        )
        return tuple(
            (lo, hi - out) for (lo, hi), out in zip(given, self.output_paddings, strict=True)
        )

    def infer(self, inputs: Types) -> Types:
        self.check(inputs)
        (x,) = inputs
        for out, s in zip(self.output_paddings, self.strides, strict=True):
            if out >= s:
                raise Rejected(
                    "E203",
                    f"`output_padding` of `{self.word}` must be less than the stride",
                    argument="output_padding",
                    label=f"{out} is not less than {s}",
                )
        sizes = zip(
            self.spatial(x), self.strides, self.kernels, self.dilations, self.crops(), strict=True
        )
        spatial = tuple(
            add(multiply(add(n, -1), s), d * (k - 1) + 1 - lo - hi)
            for n, s, k, d, (lo, hi) in sizes
        )
        if is_static(spatial) and min(spatial) < 1:
            raise Rejected(
                "E304",
                f"nothing is left of the result of `{self.word}` after its padding is cut off",
                argument="padding",
                label="this cuts off everything",
            )
        return (self.join(x, self.filters, spatial),)

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        channels = self.channels(inputs[0])
        taps = prod(self.kernels)
        per_group = self.filters // self.groups
        kernel = self.kernel_weight(
            (channels, per_group, *self.kernels),
            channels // self.groups * taps,
            per_group * taps,
        )
        return (kernel, *self.bias_weight(self.filters))

    def cost(self, inputs: Types) -> int:
        per_place = self.channels(inputs[0]) * (self.filters // self.groups) * prod(self.kernels)
        places: tuple[Dim, ...] = self.spatial(inputs[0])
        return per_place * prod(d if isinstance(d, int) else 1 for d in places)


class ConvTranspose2D(_Transposed):
    """Transposed two-dimensional convolution: [C, H, W] -> [filters, H', W'].

    H' = (H - 1)·stride - pads + dilation·(kernel - 1) + 1 + output_padding; with `same` H' =
    H·stride; `full` cuts dilation·(kernel - 1) off both ends. weight: [C, filters / groups,
    kernel, kernel]; bias: [filters].
    """

    word = "ConvTranspose2D"
    aliases = ("Conv2DTranspose", "ConvTranspose2d")
    axes = 2

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[3, 4, 5]"
        return (
            example(cls(filters=4, kernel=3), x),
            example(cls(filters=4, kernel=3, stride=2, padding=1, output_padding=1), x),
            example(cls(filters=4, kernel=3, stride=2, padding="same"), x),
            example(cls(filters=4, kernel=2, stride=3, padding="same"), x),
            example(cls(filters=2, kernel=(2, 3), dilation=2, bias=False), x),
            example(cls(filters=6, kernel=3, stride=(1, 2), groups=2), "f32[4, 3, 5]"),
            example(cls(filters=4, kernel=3, stride=2, padding=((1, 0), (0, 2))), x),
            example(cls(filters=4, kernel=2, stride=2), "f32[3, H, W]"),
            example(cls(filters=4, kernel=3, layout="channels_last"), "f32[4, 5, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("(4, 3, stride=2, output_padding=2)", "E203"),
            Mistake("(4, 2, padding=9)", "E304"),
            Mistake("(4, 3, groups=3)", "E305"),
        )
