"""Augmentation: examples changed at random in training, anew in each epoch."""

from __future__ import annotations

from typing import Annotated, ClassVar

from nnc.compiler.vocabulary.base import (
    NonNegativeReal,
    Phrase,
    PositiveInt,
    PositiveReal,
    Word,
)
from nnc.compiler.vocabulary.fields import Field

_Chance = Annotated[float, Field(ge=0, le=1), Phrase("a number from 0 to 1")]


class Augmentation(Word):
    """A change of an input, after its preparations, of training batches alone. What is drawn
    depends on the seed, the epoch and the example, and on nothing else."""

    kind = "augmentation"
    images: ClassVar[bool] = False
    """Whether it needs an image: two axes, or three with channels."""


class Flip(Augmentation):
    """Images mirrored from left to right at a rate; `vertical` from top to bottom too, at the same
    rate and independently."""

    word = "flip"
    aliases = ("RandomFlip", "RandomHorizontalFlip")
    images = True
    rate: _Chance = Field(0.5, description="how often")
    horizontal: bool = Field(True, description="from left to right")
    vertical: bool = Field(False, description="from top to bottom")


class ShiftedCrop(Augmentation):
    """Images moved by up to `padding` pixels each way; zeros come in at the edges."""

    word = "crop"
    aliases = ("RandomCrop",)
    positional = ("padding",)
    images = True
    padding: PositiveInt = Field(description="how many pixels at most")


class Rotate(Augmentation):
    """Images turned about their middle by an angle from -degrees to degrees, bilinear, with zeros
    where there is no image."""

    word = "rotate"
    aliases = ("RandomRotation",)
    positional = ("degrees",)
    images = True
    degrees: Annotated[float, Field(gt=0, le=180), Phrase("a number above 0, at most 180")] = Field(
        description="the largest angle"
    )


class Noise(Augmentation):
    """x + std · n, n normal with mean 0 and variance 1."""

    word = "noise"
    aliases = ("jitter",)
    positional = ("std",)
    std: PositiveReal = Field(description="standard deviation")


class Stretch(Augmentation):
    """Each example times 1 + std · n, one normal n for an example."""

    word = "scale"
    positional = ("std",)
    std: NonNegativeReal = Field(description="standard deviation of the factor")
