"""Pooling over windows and over everything."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from nnc.compiler.types import is_static
from nnc.compiler.vocabulary.base import Mistake, Rejected, Size
from nnc.compiler.vocabulary.geometry import Padding, Pads, output_size, pads, per_axis
from nnc.compiler.vocabulary.ops.base import (
    Channelled,
    Example,
    Types,
    example,
    require_float,
    require_rank,
)

_ALIASES = {"kernel_size": "kernel", "pool_size": "kernel", "strides": "stride"}
AXES = ("depth", "height", "width")


class _Pool(Channelled):
    axes: ClassVar[int]
    positional = ("kernel", "stride")
    argument_aliases = _ALIASES

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
        return (
            self.kernels
            if self.stride is None
            else per_axis(self, self.stride, self.axes, "stride")
        )

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
        names = ", ".join(AXES[-self.axes :])
        first = self.layout == "channels_first"
        require_rank(
            self, x, self.axes + 1, f"channels, {names}" if first else f"{names}, channels"
        )
        require_float(self, inputs)
        padding = self.pads(inputs)
        for k, pad in zip(self.kernels, padding, strict=True):
            if max(pad) >= k:
                raise Rejected(
                    "E203",
                    f"`padding` of `{self.word}` must be less than the window",
                    argument="padding",
                    label=f"{max(pad)} is not less than {k}: a window could hold nothing else",
                )
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


_MISTAKES = (
    Mistake("()", "E202"),
    Mistake("(0)", "E203"),
    Mistake("(9)", "E304"),
    Mistake("(2, padding=2)", "E203"),
    Mistake("(2)", "E301", "f32[3, 7]"),
    Mistake("(2, ceil_mode=true)", "E303", "f32[3, H, W]"),
)


class MaxPool2D(_Pool):
    """The largest element of each window: [C, H, W] -> [C, H', W'].

    Padding counts as -∞; the gradient goes to the first largest element in row-major order.
    """

    word = "MaxPool2D"
    aliases = ("MaxPooling2D", "MaxPool2d")
    axes = 2

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[3, 7, 9]"
        return (
            example(cls(kernel=2), x),
            example(cls(kernel=3, stride=2, padding=1), x),
            example(cls(kernel=(3, 2), stride=(2, 3), padding="same"), x),
            example(cls(kernel=3, stride=2, ceil_mode=True), "f32[2, 8, 6]"),
            example(cls(kernel=2), "f32[3, H, W]"),
            example(cls(kernel=2, layout="channels_last"), "f32[7, 9, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return _MISTAKES


class AvgPool2D(_Pool):
    """The mean of each window: [C, H, W] -> [C, H', W'].

    `count_include_pad` says whether padding counts as zeros in the mean; without it, it does for
    padding given as numbers and does not for `same`. A part of a window beyond input and padding
    never counts.
    """

    word = "AvgPool2D"
    aliases = ("AveragePooling2D", "AvgPool2d")
    axes = 2
    count_include_pad: bool | None = Field(
        None, description="count padding as zeros; without it: yes for numbers, no for `same`"
    )

    @property
    def includes_pad(self) -> bool:
        """Whether padding counts in the mean."""
        return self.padding != "same" if self.count_include_pad is None else self.count_include_pad

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
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return _MISTAKES


class GlobalAvgPool(Channelled):
    """The mean over every spatial axis: [C, …] -> [C]."""

    word = "GlobalAvgPool"
    aliases = (
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "GlobalAveragePooling3D",
        "GlobalAvgPool1D",
        "GlobalAvgPool2D",
        "GlobalAvgPool3D",
    )

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
            example(cls(layout="channels_last"), "f32[4, 5, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (Mistake("(2)", "E205"), Mistake("", "E301", "f32[3]"))
