"""Pooling over windows and over everything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from nnc.compiler.types import is_static
from nnc.compiler.vocabulary.base import Mistake, Rejected, Size
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.geometry import Padding, Pads, output_size, pads, per_axis
from nnc.compiler.vocabulary.ops.base import (
    Channelled,
    Example,
    Types,
    example,
    require_float,
    require_rank,
)
from nnc.compiler.vocabulary.ops.conv import require_spatial


class Pool(Channelled):
    """A window that moves over the spatial axes."""

    axes: ClassVar[int]
    positional = ("kernel", "stride")
    argument_aliases: ClassVar[Mapping[str, str]] = {
        "kernel_size": "kernel",
        "pool_size": "kernel",
        "strides": "stride",
    }

    kernel: Size = Field(description="size of the window")
    stride: Size | None = Field(
        None, description="step of the window; without it the window's size"
    )
    padding: Padding = Field("valid", description="padding around the input")
    ceil_mode: bool = Field(False, description="keep a last window that hangs over the end")

    @property
    def kernels(self) -> tuple[int, ...]:
        return per_axis(self, self.kernel, self.axes, "kernel")

    @property
    def strides(self) -> tuple[int, ...]:
        if self.stride is None:
            return self.kernels
        return per_axis(self, self.stride, self.axes, "stride")

    @property
    def dilations(self) -> tuple[int, ...]:
        return (1,) * self.axes

    def pads(self, inputs: Types) -> Pads:
        """Padding before and after each spatial axis, as numbers."""
        return pads(
            self, self.padding, self.spatial(inputs[0]), self.kernels, self.strides, self.dilations
        )

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_spatial(self, inputs, self.axes)
        padding = self.pads(inputs)
        self._check_pads(padding)
        windows = zip(
            self.spatial(x), self.kernels, self.strides, self.dilations, padding, strict=True
        )
        if self.ceil_mode and not is_static(self.spatial(x)):
            raise Rejected(
                "E303",
                f"`ceil_mode` of `{self.word}` needs sizes that are known",
                argument="ceil_mode",
                label="the input has a size that is free at run time",
            )
        sizes = tuple(output_size(self, *window, ceil=self.ceil_mode) for window in windows)
        return (self.join(x, x.shape[self.channel_axis(x)], sizes),)

    def _check_pads(self, padding: Pads) -> None:
        for k, d, pad in zip(self.kernels, self.dilations, padding, strict=True):
            if max(pad) > d * (k - 1):
                raise Rejected(
                    "E203",
                    f"`padding` of `{self.word}` must be less than the window",
                    argument="padding",
                    label=f"{max(pad)} is not less than {d * (k - 1) + 1}: a window could hold "
                    "nothing else",
                )


class MaxPool(Pool):
    """The largest element of each window, over any number of axes."""

    argument_aliases = {**Pool.argument_aliases, "dilation_rate": "dilation"}

    dilation: Size = Field(1, description="distance of the window's elements")

    @property
    def dilations(self) -> tuple[int, ...]:
        return per_axis(self, self.dilation, self.axes, "dilation")

    def infer(self, inputs: Types) -> Types:
        results = super().infer(inputs)
        sizes = zip(self.spatial(inputs[0]), self.dilations, self.pads(inputs), strict=True)
        for n, d, pad in sizes:
            if isinstance(n, int) and n < d and any(pad):
                raise Rejected(
                    "E304",
                    f"a window of `{self.word}` could step over all {n} elements of an axis",
                    argument="dilation",
                    label=f"its elements are {d} apart, with padding around them",
                )
        return results


class AvgPool(Pool):
    """The mean of each window, over any number of axes."""

    count_include_pad: bool | None = Field(
        None, description="count padding as zeros; without it: yes for numbers, no for `same`"
    )

    @property
    def includes_pad(self) -> bool:
        """Whether padding counts in the mean."""
        return self.padding != "same" if self.count_include_pad is None else self.count_include_pad


_MISTAKES = (
    Mistake("()", "E202"),
    Mistake("(0)", "E203"),
    Mistake("(9)", "E304"),
    Mistake("(2, padding=2)", "E203"),
)
_MISTAKES_2D = (
    *_MISTAKES,
    Mistake("(2)", "E301", "f32[3, 7]"),
    Mistake("(2, ceil_mode=true)", "E303", "f32[3, H, W]"),
)


class MaxPool1D(MaxPool):
    """The largest element of each window: [C, L] -> [C, L'].

    As MaxPool2D, with one axis.
    """

    word = "MaxPool1D"
    aliases = ("MaxPooling1D", "MaxPool1d", "max_pool1d")
    axes = 1

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[3, 8]"
        return (
            example(cls(kernel=2), x),
            example(cls(kernel=3, stride=2, padding=1), x),
            example(cls(kernel=3, stride=2, dilation=2, padding=((0, 2),)), x),
            example(cls(kernel=2, padding="same"), "f32[3, 7]"),
            example(cls(kernel=3, stride=2, ceil_mode=True), "f32[2, 8]"),
            example(cls(kernel=2), "f32[3, T]"),
            example(cls(kernel=2, layout="channels_last"), "f32[9, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (*_MISTAKES, Mistake("(2)", "E301", "f32[3, 7, 7]"))


class MaxPool2D(MaxPool):
    """The largest element of each window: [C, H, W] -> [C, H', W'].

    Padding counts as -∞; the gradient goes to the first largest element in row-major order.
    H' = (H + pads - dilation·(kernel - 1) - 1) // stride + 1, rounded up with `ceil_mode`, when the
    last window begins inside the input or the padding before it.
    """

    word = "MaxPool2D"
    aliases = ("MaxPooling2D", "MaxPool2d", "max_pool2d")
    axes = 2

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[3, 7, 9]"
        return (
            example(cls(kernel=2), x),
            example(cls(kernel=3, stride=2, padding=1), x),
            example(cls(kernel=(3, 2), stride=(2, 3), padding="same"), x),
            example(cls(kernel=(2, 3), stride=(1, 2), dilation=(3, 2), padding=1), x),
            example(cls(kernel=2, stride=1, dilation=4, padding="same"), x),
            example(cls(kernel=3, stride=2, ceil_mode=True), "f32[2, 8, 6]"),
            example(cls(kernel=2), "f32[3, H, W]"),
            example(cls(kernel=2, stride=1, dilation=2), "f32[3, H, W]"),
            example(cls(kernel=2, layout="channels_last"), "f32[7, 9, 3]"),
            example(cls(kernel=5, stride=1, padding=2), "f32[2, 7, 6]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (*_MISTAKES_2D, Mistake("(2, dilation=8, padding=1)", "E304"))


class MaxPool3D(MaxPool):
    """The largest element of each window: [C, D, H, W] -> [C, D', H', W'].

    As MaxPool2D, with one axis more.
    """

    word = "MaxPool3D"
    aliases = ("MaxPooling3D", "MaxPool3d", "max_pool3d")
    axes = 3

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[2, 4, 5, 6]"
        return (
            example(cls(kernel=2), x),
            example(cls(kernel=(2, 3, 1), stride=(1, 2, 2), padding=(1, 0, 0)), x),
            example(cls(kernel=2, stride=2, padding="same"), x),
            example(cls(kernel=2, stride=1, dilation=(1, 2, 3)), x),
            example(cls(kernel=3, stride=2, ceil_mode=True), x),
            example(cls(kernel=2), "f32[2, D, H, 6]"),
            example(cls(kernel=2, layout="channels_last"), "f32[4, 5, 6, 2]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (*_MISTAKES, Mistake("(2)", "E301", "f32[3, 7, 7]"))


class AvgPool1D(AvgPool):
    """The mean of each window: [C, L] -> [C, L'].

    As AvgPool2D, with one axis.
    """

    word = "AvgPool1D"
    aliases = ("AveragePooling1D", "AvgPool1d", "avg_pool1d")
    axes = 1

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[3, 8]"
        return (
            example(cls(kernel=2), x),
            example(cls(kernel=3, stride=2, padding=1), x),
            example(cls(kernel=3, stride=2, padding=1, count_include_pad=False), x),
            example(cls(kernel=2, padding="same"), "f32[3, 7]"),
            example(cls(kernel=3, stride=2, padding=1, ceil_mode=True), "f32[2, 8]"),
            example(cls(kernel=2), "f32[3, T]"),
            example(cls(kernel=2, layout="channels_last"), "f32[9, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (*_MISTAKES, Mistake("(2)", "E301", "f32[3, 7, 7]"))


class AvgPool2D(AvgPool):
    """The mean of each window: [C, H, W] -> [C, H', W'].

    `count_include_pad` says whether padding counts as zeros in the mean; without it, it does for
    padding given as numbers and does not for `same`. A part of a window beyond input and padding
    never counts.
    """

    word = "AvgPool2D"
    aliases = ("AveragePooling2D", "AvgPool2d", "avg_pool2d")
    axes = 2

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[3, 7, 9]"
        return (
            example(cls(kernel=2), x),
            example(cls(kernel=3, stride=2, padding=1), x),
            example(cls(kernel=3, stride=2, padding=1, count_include_pad=False), x),
            example(cls(kernel=(3, 2), stride=(2, 3), padding="same"), x),
            example(cls(kernel=3, stride=2, padding=1, ceil_mode=True), "f32[2, 8, 6]"),
            example(cls(kernel=2), "f32[3, H, W]"),
            example(cls(kernel=2, layout="channels_last"), "f32[7, 9, 3]"),
            example(cls(kernel=5, stride=1, padding=2), "f32[2, 7, 6]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return _MISTAKES_2D


class AvgPool3D(AvgPool):
    """The mean of each window: [C, D, H, W] -> [C, D', H', W'].

    As AvgPool2D, with one axis more.
    """

    word = "AvgPool3D"
    aliases = ("AveragePooling3D", "AvgPool3d", "avg_pool3d")
    axes = 3

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[2, 4, 5, 6]"
        return (
            example(cls(kernel=2), x),
            example(cls(kernel=(2, 3, 2), stride=(1, 2, 2), padding=1), x),
            example(cls(kernel=2, stride=2, padding="same"), x),
            example(cls(kernel=3, stride=2, ceil_mode=True, padding=1), x),
            example(cls(kernel=2), "f32[2, D, H, 6]"),
            example(cls(kernel=2, layout="channels_last"), "f32[4, 5, 6, 2]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (*_MISTAKES, Mistake("(2)", "E301", "f32[3, 7, 7]"))


class Global(Channelled):
    """One number for each channel, out of one or more spatial axes."""

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_float(self, inputs)
        if x.rank < 2:
            require_rank(self, x, 3, "channels, height, width")
        return (x.with_shape((x.shape[self.channel_axis(x)],)),)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(), "f32[3, 4, 5]"),
            example(cls(), "f32[3, H, 5]"),
            example(cls(), "f32[3, 7]"),
            example(cls(), "f32[2, 3, 4, 5]"),
            example(cls(layout="channels_last"), "f32[4, 5, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("(2)", "E205"), Mistake("", "E301", "f32[3]"))


class GlobalAvgPool(Global):
    """The mean over every spatial axis: [C, …] -> [C]."""

    word = "GlobalAvgPool"
    aliases = (
        *("GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D"),
        *("GlobalAvgPool1D", "GlobalAvgPool2D", "GlobalAvgPool3D"),
        "GlobalAveragePool",
    )


class GlobalMaxPool(Global):
    """The largest element over every spatial axis: [C, …] -> [C].

    Equal largest elements share the gradient equally.
    """

    word = "GlobalMaxPool"
    aliases = (
        *("GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D"),
        *("GlobalMaxPool1D", "GlobalMaxPool2D", "GlobalMaxPool3D"),
    )
