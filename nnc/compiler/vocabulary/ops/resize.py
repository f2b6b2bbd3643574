"""Resizing of the spatial axes."""

from __future__ import annotations

from typing import Literal

from nnc.compiler.types import Dim, Shape, multiply
from nnc.compiler.vocabulary.base import Mistake, Rejected, Size
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

_AXES = {"linear": 1, "bilinear": 2, "trilinear": 3}


class Upsample(Channelled):
    """A larger (or smaller) image, sound or volume: [C, H, W] -> [C, H', W'].

    `factor` multiplies the sizes by whole numbers; `output_size` gives them. `nearest` takes
    element floor(i·H / H'). `linear` (one spatial axis), `bilinear` (two) and `trilinear` (three)
    interpolate at (i + ½)·H / H' - ½, or with `align_corners` at i·(H - 1) / (H' - 1); beyond the
    border it is repeated.
    """

    word = "Upsample"
    aliases = (
        *("UpSampling1D", "UpSampling2D", "UpSampling3D"),
        *("UpsamplingNearest2d", "interpolate"),
    )
    positional = ("factor",)
    argument_aliases = {"scale_factor": "factor", "interpolation": "mode"}

    factor: Size | None = Field(None, description="what the sizes are multiplied by")
    output_size: Size | None = Field(
        None, description="the sizes of the result, in place of a factor"
    )
    mode: Literal["nearest", "linear", "bilinear", "trilinear"] = Field(
        "nearest", description="how elements in between are made"
    )
    align_corners: bool = Field(
        False, description="the first and the last elements stay where they are"
    )

    @property
    def interpolates(self) -> bool:
        """Whether elements are mixed."""
        return self.mode != "nearest"

    def factors(self, axes: int) -> tuple[int, ...] | None:
        """What each size is multiplied by; None when sizes are given."""
        return None if self.factor is None else per_axis(self, self.factor, axes, "factor")

    def sizes(self, inputs: Types) -> tuple[tuple[Dim, Dim], ...]:
        """The size before and after, for each spatial axis."""
        spatial = self.spatial(inputs[0])
        return tuple(zip(spatial, self._after(spatial), strict=True))

    def known_sizes(self, inputs: Types) -> tuple[tuple[int, int], ...]:
        """The same as whole numbers. Raises Rejected when one is free at run time."""
        return tuple(
            (known(self, before, "the sizes of the input"), known(self, after, "its sizes"))
            for before, after in self.sizes(inputs)
        )

    def _after(self, spatial: Shape) -> Shape:
        factors = self.factors(len(spatial))
        if factors is None:
            return per_axis(self, self.output_size, len(spatial), "output_size")
        return tuple(multiply(n, f) for n, f in zip(spatial, factors, strict=True))

    def infer(self, inputs: Types) -> Types:
        (x,) = inputs
        require_float(self, inputs)
        if not 2 <= x.rank <= 4:
            require_rank(self, x, 3, "channels, height, width")
        if (self.factor is None) == (self.output_size is None):
            raise Rejected(
                "E203",
                f"`{self.word}` takes either a factor or the size of the result",
                label="neither is given" if self.factor is None else "both are given",
                help="write `Upsample(2)` or `Upsample(output_size=[32, 32])`",
            )
        self._check_mode(x.rank - 1)
        if self.interpolates or self.factor is None:
            self.known_sizes(inputs)
        sizes = tuple(after for _, after in self.sizes(inputs))
        return (self.join(x, x.shape[self.channel_axis(x)], sizes),)

    def _check_mode(self, axes: int) -> None:
        if self.interpolates and _AXES[self.mode] != axes:
            fits = next(mode for mode, number in _AXES.items() if number == axes)
            raise Rejected(
                "E203",
                f"the mode `{self.mode}` is for {_AXES[self.mode]} spatial axes, not {axes}",
                argument="mode",
                label="this has another number of axes",
                help=f"write `mode={fits}`",
            )
        if self.align_corners and not self.interpolates:
            raise Rejected(
                "E203",
                "`align_corners` says how elements are mixed, and `nearest` mixes none",
                argument="align_corners",
                label="this would have no effect",
                help="leave it out, or write `mode=bilinear`",
            )

    @classmethod
    def examples(cls) -> tuple[Example, ...]:
        x = "f32[2, 3, 4]"
        return (
            example(cls(factor=2), x),
            example(cls(factor=(3, 1)), "f32[2, H, W]"),
            example(cls(output_size=(5, 3)), x),
            example(cls(output_size=(1, 8)), x),
            example(cls(factor=(41, 2)), "f32[1, 2, 3]"),
            example(cls(factor=2, mode="bilinear"), x),
            example(cls(output_size=(7, 2), mode="bilinear"), x),
            example(cls(output_size=(1, 9), mode="bilinear", align_corners=True), x),
            example(cls(factor=2), "f32[3, 5]"),
            example(cls(output_size=7, mode="linear"), "f32[3, 5]"),
            example(cls(factor=(1, 2, 3)), "f32[1, 2, 3, 4]"),
            example(cls(factor=2, mode="trilinear"), "f32[1, 2, 3, 4]"),
            example(cls(factor=(2, 3), mode="bilinear", layout="channels_last"), "f32[4, 5, 3]"),
        )

    @classmethod
    def mistakes(cls) -> tuple[Mistake, ...]:
        return (
            Mistake("()", "E203"),
            Mistake("(2, output_size=4)", "E203"),
            Mistake("(0)", "E203"),
            Mistake("(1.5)", "E203"),
            Mistake("([2, 2, 2])", "E203"),
            Mistake("(2, mode=bicubic)", "E203"),
            Mistake("(2, mode=linear)", "E203"),
            Mistake("(2, align_corners=true)", "E203"),
            Mistake("(2)", "E301", "f32[3]"),
            Mistake("(2, mode=bilinear)", "E303", "f32[3, H, 4]"),
        )
