"""Transposed convolutions over one, two and three axes."""

from __future__ import annotations

from math import prod

from nnc.compiler.types import Dim, add, is_static, multiply
from nnc.compiler.vocabulary.base import Count, Mistake, Rejected
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.geometry import Pads, pads, per_axis
from nnc.compiler.vocabulary.ops.base import Example, Types, Weight, example
from nnc.compiler.vocabulary.ops.conv import Grouped


class Transposed(Grouped):
    """The gradient of a convolution with respect to its input, as a layer over any axes."""

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


_MISTAKES = (
    Mistake("(4, 3, stride=2, output_padding=2)", "E203"),
    Mistake("(4, 2, padding=9)", "E304"),
    Mistake("(4, 3, groups=5)", "E305"),
    Mistake("(4, [3, 3, 3, 3])", "E203"),
)


class ConvTranspose1D(Transposed):
    """Transposed one-dimensional convolution: [C, L] -> [filters, L'].

    Every element adds its product with the kernel to the result, `stride` apart. L' =
    (L - 1)·stride - pads + dilation·(kernel - 1) + 1 + output_padding; with `same` L' = L·stride;
    `full` cuts dilation·(kernel - 1) off both ends. weight: [C, filters / groups, kernel];
    bias: [filters].
    """

    word = "ConvTranspose1D"
    aliases = ("Conv1DTranspose", "ConvTranspose1d", "conv_transpose1d", "Convolution1DTranspose")
    axes = 1

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[3, 5]"
        return (
            example(cls(filters=4, kernel=3), x),
            example(cls(filters=4, kernel=3, stride=2, padding=1, output_padding=1), x),
            example(cls(filters=4, kernel=3, stride=2, padding="same"), x),
            example(cls(filters=2, kernel=3, dilation=2, stride=2, bias=False), x),
            example(cls(filters=6, kernel=3, groups=2, padding=((1, 0),)), "f32[4, 5]"),
            example(cls(filters=4, kernel=2, stride=3, padding="same"), "f32[3, T]"),
            example(cls(filters=4, kernel=3, layout="channels_last"), "f32[5, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return _MISTAKES


class ConvTranspose2D(Transposed):
    """Transposed two-dimensional convolution: [C, H, W] -> [filters, H', W'].

    H' = (H - 1)·stride - pads + dilation·(kernel - 1) + 1 + output_padding; with `same` H' =
    H·stride; `full` cuts dilation·(kernel - 1) off both ends. weight: [C, filters / groups,
    kernel, kernel]; bias: [filters].
    """

    word = "ConvTranspose2D"
    aliases = ("Conv2DTranspose", "ConvTranspose2d", "conv_transpose2d", "Convolution2DTranspose")
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
        return _MISTAKES


class ConvTranspose3D(Transposed):
    """Transposed three-dimensional convolution: [C, D, H, W] -> [filters, D', H', W'].

    As ConvTranspose2D, with one axis more. weight: [C, filters / groups, kernel, kernel, kernel];
    bias: [filters].
    """

    word = "ConvTranspose3D"
    aliases = ("Conv3DTranspose", "ConvTranspose3d", "conv_transpose3d", "Convolution3DTranspose")
    axes = 3

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[3, 2, 4, 5]"
        return (
            example(cls(filters=2, kernel=2), x),
            example(cls(filters=4, kernel=(2, 3, 1), stride=2, padding="same"), x),
            example(cls(filters=2, kernel=2, stride=(1, 2, 1), output_padding=(0, 1, 0)), x),
            example(cls(filters=2, kernel=2, dilation=(1, 2, 1), bias=False), x),
            example(cls(filters=4, kernel=(1, 2, 2), groups=2), "f32[2, 3, 4, 5]"),
            example(cls(filters=2, kernel=2, stride=2), "f32[3, D, H, 2]"),
            example(cls(filters=2, kernel=2, layout="channels_last"), "f32[2, 4, 5, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return _MISTAKES
