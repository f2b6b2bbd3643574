"""Convolutions that treat every channel by itself, and separable ones that mix them afterwards."""

from __future__ import annotations

from math import prod

from nnc.compiler.vocabulary.base import Array, Mistake, PositiveInt
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.geometry import LinePadding
from nnc.compiler.vocabulary.initializers import GlorotUniform, Initializer
from nnc.compiler.vocabulary.ops.base import Example, Types, Weight, example
from nnc.compiler.vocabulary.ops.conv import ALIASES, Sliding, require_spatial


class Depthwise(Sliding):
    """A convolution with kernels of their own for every channel, over any number of axes."""

    positional = ("kernel", "stride", "multiplier")
    argument_aliases = {
        **{name: ours for name, ours in ALIASES.items() if ours != "filters"},
        "depth_multiplier": "multiplier",
        "depthwise_initializer": "weight_init",
        "depthwise_regularizer": "regularize",
        "depthwise_constraint": "constraint",
    }

    multiplier: PositiveInt = Field(1, description="channels of the result for each of the input")

    def filters(self, inputs: Types) -> int:
        """Channels of the result."""
        return self.channels(inputs[0]) * self.multiplier

    def infer(self, inputs: Types) -> Types:
        require_spatial(self, inputs, self.axes)
        return self.moved_over(inputs, self.filters(inputs))

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        filters, taps = self.filters(inputs), prod(self.kernels)
        kernel = self.kernel_weight((filters, 1, *self.kernels), taps, self.multiplier * taps)
        return (kernel, *self.bias_weight(filters))

    def cost(self, inputs: Types) -> int:
        return self.filters(inputs) * prod(self.kernels) * self.places(inputs)


_DEPTHWISE_MISTAKES = (
    Mistake("()", "E202"),
    Mistake("(0)", "E203"),
    Mistake("(9)", "E304"),
    Mistake("(2)", "E301", "f32[3]"),
    Mistake("(2, multiplier=0)", "E203"),
)


class DepthwiseConv1D(Depthwise):
    """One-dimensional convolution of every channel by itself: [C, L] -> [C·multiplier, L'].

    As DepthwiseConv2D, with one axis; `causal` as in Conv1D. weight: [C·multiplier, 1, kernel];
    bias: [C·multiplier].
    """

    word = "DepthwiseConv1D"
    axes = 1
    padding: LinePadding = Field("valid", description="padding around the input")  # type: ignore[assignment]

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[3, 8]"
        return (
            example(cls(kernel=3), x),
            example(cls(kernel=3, multiplier=2, stride=2, padding=((1, 0),)), x),
            example(cls(kernel=2, padding="causal", dilation=2), "f32[3, T]"),
            example(cls(kernel=3, flip=True, padding="same", bias=False), x),
            example(cls(kernel=2, layout="channels_last"), "f32[7, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return _DEPTHWISE_MISTAKES


class DepthwiseConv2D(Depthwise):
    """Convolution of every channel by itself: [C, H, W] -> [C·multiplier, H', W'].

    y[c·multiplier + m, i, j] = bias[c·multiplier + m] + Σ weight[c·multiplier + m, 0, u, v] ·
    x[c, i·stride + u·dilation - pad, …]: a Conv2D with as many groups as channels. `flip` as there.
    weight: [C·multiplier, 1, kernel, kernel]; bias: [C·multiplier].
    """

    word = "DepthwiseConv2D"
    axes = 2

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[3, 7, 8]"
        return (
            example(cls(kernel=3), x),
            example(cls(kernel=3, multiplier=2, padding="same"), x),
            example(cls(kernel=(2, 3), stride=(1, 2), padding=1, bias=False), x),
            example(cls(kernel=2, dilation=2, stride=2, padding=((0, 1), (2, 0))), x),
            example(cls(kernel=2, multiplier=2, dilation=2, stride=2), x),
            example(cls(kernel=(3, 2), flip=True, padding="full"), x),
            example(cls(kernel=3, padding="same"), "f32[3, H, W]"),
            example(cls(kernel=2, layout="channels_last"), "f32[7, 8, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return _DEPTHWISE_MISTAKES


class Separable(Sliding):
    """A depthwise convolution and one with kernels of size 1 that mixes its channels."""

    positional = ("filters", "kernel", "stride", "multiplier")
    argument_aliases = {
        **{name: ours for name, ours in ALIASES.items() if not ours.endswith(("init", "larize"))},
        "depth_multiplier": "multiplier",
        "depthwise_initializer": "depthwise_init",
        "pointwise_initializer": "weight_init",
        "bias_initializer": "bias_init",
    }

    filters: PositiveInt = Field(description="channels of the result")
    multiplier: PositiveInt = Field(1, description="channels in between for each of the input")
    weight: Array | None = Field(None, description="literal value of the pointwise weight")
    weight_init: Initializer = Field(GlorotUniform(), description="how the pointwise weight begins")
    depthwise_weight: Array | None = Field(
        None, description="literal value of the depthwise weight"
    )
    depthwise_init: Initializer = Field(
        GlorotUniform(), description="how the depthwise weight begins"
    )

    def infer(self, inputs: Types) -> Types:
        require_spatial(self, inputs, self.axes)
        self.channels(inputs[0])
        return self.moved_over(inputs, self.filters)

    def weights(self, inputs: Types) -> tuple[Weight, ...]:
        middle = self.channels(inputs[0]) * self.multiplier
        taps = prod(self.kernels)
        depthwise = Weight(
            "depthwise.weight",
            (middle, 1, *self.kernels),
            self.depthwise_init,
            taps,
            self.multiplier * taps,
            trainable=self.trainable,
            value=self.depthwise_weight,
            penalty=self.regularize,
            constraint=self.constraint,
        )
        shape = (self.filters, middle, *(1,) * self.axes)
        pointwise = self.kernel_weight(shape, middle, self.filters, "pointwise.weight")
        return (depthwise, pointwise, *self.bias_weight(self.filters, "pointwise.bias"))

    def cost(self, inputs: Types) -> int:
        middle = self.channels(inputs[0]) * self.multiplier
        return middle * (prod(self.kernels) + self.filters) * self.places(inputs)


_SEPARABLE_MISTAKES = (
    Mistake("(4)", "E202"),
    Mistake("(4, 9)", "E304"),
    Mistake("(4, 2)", "E301", "f32[3]"),
    Mistake("(4, 2, multiplier=0)", "E203"),
)


class SeparableConv1D(Separable):
    """Depthwise, then pointwise one-dimensional convolution: [C, L] -> [filters, L'].

    As SeparableConv2D, with one axis; `causal` as in Conv1D. depthwise.weight: [C·multiplier, 1,
    kernel]; pointwise.weight: [filters, C·multiplier, 1]; pointwise.bias: [filters].
    """

    word = "SeparableConv1D"
    aliases = ("SeparableConvolution1D",)
    axes = 1
    padding: LinePadding = Field("valid", description="padding around the input")  # type: ignore[assignment]

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[3, 8]"
        return (
            example(cls(filters=4, kernel=3), x),
            example(cls(filters=4, kernel=2, multiplier=2, padding="causal", dilation=2), x),
            example(cls(filters=2, kernel=3, stride=2, padding="same", bias=False), x),
            example(cls(filters=2, kernel=2, flip=True, layout="channels_last"), "f32[T, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return _SEPARABLE_MISTAKES


class SeparableConv2D(Separable):
    """Depthwise, then pointwise convolution (Chollet 2017): [C, H, W] -> [filters, H', W'].

    The result of DepthwiseConv2D without a bias is given to a Conv2D with a kernel of size 1.
    `regularize` is the penalty on both weights; `weight` and `weight_init` are those of the
    pointwise one. depthwise.weight: [C·multiplier, 1, kernel, kernel]; pointwise.weight: [filters,
    C·multiplier, 1, 1]; pointwise.bias: [filters].
    """

    word = "SeparableConv2D"
    aliases = ("SeparableConvolution2D",)
    axes = 2

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[3, 7, 8]"
        return (
            example(cls(filters=4, kernel=3), x),
            example(cls(filters=4, kernel=(2, 3), multiplier=2, padding=1, bias=False), x),
            example(cls(filters=4, kernel=2, stride=(1, 2), padding="same"), x),
            example(cls(filters=4, kernel=2, stride=2, dilation=2, multiplier=2), x),
            example(cls(filters=4, kernel=(3, 2), flip=True, padding="full"), x),
            example(cls(filters=4, kernel=3, padding="same"), "f32[3, H, W]"),
            example(cls(filters=4, kernel=2, layout="channels_last"), "f32[7, 8, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return _SEPARABLE_MISTAKES
