"""Pooling to a size that is given, whatever the input's."""

from __future__ import annotations

from nnc.compiler.vocabulary.base import Mistake, Size
from nnc.compiler.vocabulary.fields import Field
from nnc.compiler.vocabulary.geometry import per_axis
from nnc.compiler.vocabulary.ops.base import (
    Channelled,
    Example,
    Types,
    example,
    known,
    require_float,
    require_rank,
)


class Adaptive(Channelled):
    """Windows that divide one to three spatial axes into so many parts, which may overlap."""

    positional = ("size",)
    argument_aliases = {"output_size": "size"}

    size: Size = Field(description="size of the result")

    def sizes(self, inputs: Types) -> tuple[tuple[int, int], ...]:
        """The size before and after, for each spatial axis."""
        spatial = self.spatial(inputs[0])
        before = tuple(known(self, n, "the sizes of the input") for n in spatial)
        after = per_axis(self, self.size, len(spatial), "size")
        return tuple(zip(before, after, strict=True))

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_float(self, inputs)
        if not 2 <= x.rank <= 4:
            require_rank(self, x, 3, "channels, height, width")
        sizes = tuple(after for _, after in self.sizes(inputs))
        return (self.join(x, x.shape[self.channel_axis(x)], sizes),)

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        return (
            example(cls(size=2), "f32[3, 4, 6]"),
            example(cls(size=(3, 4)), "f32[2, 7, 9]"),
            example(cls(size=(5, 1)), "f32[2, 3, 4]"),
            example(cls(size=3), "f32[2, 7]"),
            example(cls(size=(2, 3, 2)), "f32[2, 4, 5, 3]"),
            example(cls(size=(3, 2), layout="channels_last"), "f32[5, 4, 3]"),
            example(cls(size=2), "f32[3, 1]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("()", "E202"),
            Mistake("(0)", "E203"),
            Mistake("([1, 2, 3])", "E203"),
            Mistake("(2)", "E301", "f32[3]"),
            Mistake("(2)", "E303", "f32[3, T]"),
        )


class AdaptiveAvgPool(Adaptive):
    """The mean of each of `size` windows along every spatial axis: [C, …] -> [C, size, …].

    Window i of o over n elements goes from floor(i·n / o) up to but not ceil((i + 1)·n / o).
    """

    word = "AdaptiveAvgPool"
    aliases = (
        *("AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D"),
        *("AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d"),
        *("adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"),
    )


class AdaptiveMaxPool(Adaptive):
    """The largest of each of `size` windows along every spatial axis: [C, …] -> [C, size, …].

    Window i of o over n elements goes from floor(i·n / o) up to but not ceil((i + 1)·n / o).
    The gradient goes to the first largest element in row-major order.
    """

    word = "AdaptiveMaxPool"
    aliases = (
        *("AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D"),
        *("AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d"),
        *("adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d"),
    )
