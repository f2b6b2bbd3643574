"""The changes that `augment` asks for as a model: for every one, what computes it.

Its inputs are those of the program that are changed, where the examples stand in the training
split, and the epoch; its outputs are what a training step takes in their place. The formulas are
those of `nnc.backends.pieces.augmentation`, in float64 as there; each change ends in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from nnc.backends import recipes
from nnc.backends.base import Table
from nnc.backends.onnx.assembly import Assembly, Handle, Scope
from nnc.backends.onnx.descent import Ends
from nnc.backends.onnx.draws import Bits
from nnc.backends.onnx.emit import DEFAULT_OPSET
from nnc.backends.onnx.graph import OnnxGraph, batch_name
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.compiler.ir import Graph, Program
from nnc.compiler.types import Symbol
from nnc.compiler.vocabulary.augmentations import Flip, Noise, Rotate, ShiftedCrop, Stretch

PLACES: Final = "augment.places"
EPOCH: Final = "augment.epoch"
CHANGED: Final = "changed/"
"""What stands before the name of an input for what becomes of it."""
_BEFORE_ALL: Final = -(2**63)
"""Where a Slice ends that goes backwards through a whole axis."""


@dataclass(frozen=True)
class Drawn:
    """What random numbers depend on."""

    key: int
    places: Handle
    """i64 [batch]: where the examples stand in the training split."""
    epoch: Handle
    """An i64 scalar, from 0."""


class Change(Scope):
    """A change that is being written: an input, and what is drawn for it."""

    def __init__(
        self, assembly: Assembly, name: str, x: Handle, rank: int, drawn: Drawn, *, last: bool
    ) -> None:
        """`rank` is that of one example; `last` says that the channels of images stand last."""
        super().__init__(assembly, name)
        self.x = x
        self.rank = rank
        self.first = rank == 3 and not last
        """Whether the channels of an image stand before its height and width."""
        self._bits = Bits(self)
        self._key = self._bits.key_at(drawn.key, drawn.epoch)
        self._places = self._bits.modulo(drawn.places)

    # ---- what is drawn -------------------------------------------------------------------------

    def bits(self, number: int, count: int) -> Handle:
        """[batch]: 32 random bits, those of one of `count` draws for each example."""
        bits = self._bits
        first = bits.times(self._places, count)
        index = self.add("Add", first, bits.whole(number), role="index")
        return bits.drawn(self._key, bits.low(index))

    def reaches(self, x: Handle, limit: int) -> Handle:
        """Whether bits are as large as a limit."""
        return self.add("GreaterOrEqual", x, self._bits.whole(limit), role="reaches")

    def remainder(self, x: Handle, divisor: int) -> Handle:
        """What a division of bits leaves, in i64."""
        left = self.add("Mod", x, self._bits.whole(divisor), role="remainder")
        return self.add("Cast", left, role="remainder", to=ELEMENT_TYPES["i64"])

    def normal(self) -> Handle:
        """[batch]: a normal number for each example."""
        return self._bits.normal(self._key, self._places)

    def normals(self) -> Handle:
        """In the shape of the input: a normal number for each of its numbers."""
        bits = self._bits
        example = self.add("Shape", self.x, role="example", start=1)
        count = self.add("ReduceProd", example, role="count", keepdims=0)
        places = self.add("Reshape", self._places, self.whole([-1, 1], "shape"), role="places")
        first = self.add("Mul", places, bits.modulo(count), role="first")
        index = self.add("Add", first, bits.modulo(self.counted(count)), role="index")
        flat = bits.normal(self._key, bits.low(index))
        return self.add("Reshape", flat, self.add("Shape", self.x, role="shape"), role="normals")

    # ---- numbers -------------------------------------------------------------------------------

    def real(self, number: float) -> Handle:
        """A number in float64."""
        return self.number(number, "real", "f64")

    def exact(self, x: Handle) -> Handle:
        """The same in float64."""
        return self.add("Cast", x, role="exact", to=ELEMENT_TYPES["f64"])

    def rounded(self, x: Handle) -> Handle:
        """The same in float32."""
        return self.add("Cast", x, role="rounded", to=ELEMENT_TYPES["f32"])

    def counted(self, count: Handle) -> Handle:
        """0, 1, 2, …, as many as an i64 scalar says."""
        return self.add("Range", self.whole(0, "zero"), count, self.whole(1, "one"), role="counted")

    def upright(self, x: Handle, axes: int) -> Handle:
        """A vector with so many axes of length 1 behind it."""
        return self.add("Reshape", x, self.whole([-1, *[1] * axes], "shape"), role="upright")


Lowering: TypeAlias = Callable[[Any, Change], Handle]
"""(augmentation, what is being written) -> the changed input."""
AUGMENTATIONS: Table[Lowering] = Table("onnx", "augmentation")


def augmentation(program: Program, *, opset: int = DEFAULT_OPSET) -> OnnxGraph:
    """The model that changes training batches.

    Inputs: each input of the program that is changed, under its name; `PLACES`, `EPOCH`. Outputs:
    the changed inputs, with `CHANGED` before their names. Raises ValueError for a program whose
    training changes nothing.
    """
    uses = program.training.augment if program.training else ()
    if not uses:
        raise ValueError("the program changes no examples")
    chosen = {use.input for use in uses}
    inputs = {value.name: value for value in program.graph.inputs if value.name in chosen}
    values = {name: Handle(name) for name in inputs}
    assembly = Assembly(Graph(program.name, (), (), ()), opset)
    ends, batch = Ends(assembly), Symbol(batch_name(program.graph))
    places, epoch = Handle(PLACES), Handle(EPOCH)
    for name, value in inputs.items():
        ends.take(values[name], name, value.type.dtype, (batch, *value.type.shape))
    ends.take(places, PLACES, "i64", (batch,))
    ends.take(epoch, EPOCH, "i64", ())
    last = program.graph.layout == "channels_last"
    for number, (name, _, key) in enumerate(recipes.changes(program)):
        rank, drawn = inputs[name].type.rank, Drawn(key, places, epoch)
        change = Change(assembly, f"augment/{number}", values[name], rank, drawn, last=last)
        word = uses[number].augmentation
        values[name] = AUGMENTATIONS.find(word)(word, change)
    for name, value in inputs.items():
        shape = (batch, *value.type.shape)
        ends.give(values[name], f"{CHANGED}{name}", value.type.dtype, shape)
    return ends.graph(program.name)


@AUGMENTATIONS.lowers(Flip)
def flip(word: Flip, change: Change) -> Handle:
    x = change.x
    top = 2 if change.first else 1
    for number, axis, wanted in ((0, top + 1, word.horizontal), (1, top, word.vertical)):
        if wanted:
            ends = [change.whole([k], "end") for k in (-1, _BEFORE_ALL, axis, -1)]
            mirrored = change.add("Slice", x, *ends, role="mirrored")
            stays = change.reaches(change.bits(number, 2), math.ceil(word.rate * 2**32))
            which = change.upright(stays, change.rank)
            x = change.add("Where", which, x, mirrored, role="flipped")
    return x


@AUGMENTATIONS.lowers(ShiftedCrop)
def crop(word: ShiftedCrop, change: Change) -> Handle:
    images = Images(change, change.x)
    found = []
    for number, side in enumerate(images.sides):
        offset = change.remainder(change.bits(number, 2), 2 * word.padding + 1)
        start = change.add("Sub", offset, change.whole(word.padding, "padding"), role="start")
        moved = change.add("Add", change.upright(start, 2), side.pixels, role="moved")
        found.append(side.nearest(moved))
    (row, has_row), (column, has_column) = found
    inside = images.each(change.add("And", has_row, has_column, role="inside"))
    zero = change.number(0.0, "zero")
    made = change.add("Where", inside, images.at(row, column), zero, role="cropped")
    return images.restored(made)


@AUGMENTATIONS.lowers(Rotate)
def rotate(word: Rotate, change: Change) -> Handle:
    """Every pixel is made of the four about the point that the turn brings to its place."""
    images = Images(change, change.exact(change.x))
    height, width = images.sides
    half_turns = change.add("Mul", change.exact(change.bits(0, 1)), change.real(2.0**-31))
    share = change.add("Sub", half_turns, change.real(1.0), role="share")
    degrees = change.add("Mul", share, change.real(word.degrees), role="degrees")
    angle = change.add("Mul", degrees, change.real(math.pi / 180), role="angle")
    turn = change.upright(angle, 2)
    cos, sin = change.add("Cos", turn, role="cos"), change.add("Sin", turn, role="sin")
    (down, middle), (right, centre) = height.centred(), width.centred()
    y = change.add("Add", change.add("Mul", cos, down), change.add("Mul", sin, right))
    x = change.add("Sub", change.add("Mul", cos, right), change.add("Mul", sin, down))
    rows = height.neighbours(change.add("Add", y, middle, role="y"))
    columns = width.neighbours(change.add("Add", x, centre, role="x"))
    parts = []
    for row, of_row in rows:
        for column, of_column in columns:
            weight = images.each(change.add("Mul", of_row, of_column, role="weight"))
            parts.append(change.add("Mul", weight, images.at(row, column), role="part"))
    made = change.add("Sum", *parts, role="turned")
    return images.restored(change.rounded(made))


@AUGMENTATIONS.lowers(Noise)
def noise(word: Noise, change: Change) -> Handle:
    added = change.add("Mul", change.normals(), change.real(word.std), role="noise")
    return change.rounded(change.add("Add", change.exact(change.x), added, role="noisy"))


@AUGMENTATIONS.lowers(Stretch)
def stretch(word: Stretch, change: Change) -> Handle:
    apart = change.add("Mul", change.normal(), change.real(word.std), role="apart")
    factor = change.add("Add", apart, change.real(1.0), role="factor")
    factors = change.upright(factor, change.rank)
    return change.rounded(change.add("Mul", change.exact(change.x), factors, role="stretched"))


AUGMENTATIONS.sealed()


# ---- images ----------------------------------------------------------------------------------


class Side:
    """The height or the width of images."""

    def __init__(self, change: Change, size: Handle, axes: int) -> None:
        """`size` is an i64 scalar; the pixels along the side have so many axes behind them."""
        self._change = change
        self._last = change.add("Sub", size, change.whole(1, "one"), role="last")
        self.pixels = change.upright(change.counted(size), axes)
        """i64 from 0."""

    def nearest(self, pixel: Handle) -> tuple[Handle, Handle]:
        """The nearest pixels that there are to some in i64, and whether it is themselves."""
        change = self._change
        found = change.add("Clip", pixel, change.whole(0, "zero"), self._last, role="nearest")
        return found, change.add("Equal", found, pixel, role="inside")

    def centred(self) -> tuple[Handle, Handle]:
        """How far the pixels stand from the middle, and the middle, in float64."""
        change = self._change
        middle = change.add("Mul", change.exact(self._last), change.real(0.5), role="middle")
        return change.add("Sub", change.exact(self.pixels), middle, role="centred"), middle

    def neighbours(self, points: Handle) -> list[tuple[Handle, Handle]]:
        """The two pixels about each point in float64, and how much each counts: 1 less its
        distance, which is at most 1; nothing outside of the image."""
        change = self._change
        before = change.add("Floor", points, role="before")
        behind = change.add("Add", before, change.real(1.0), role="behind")
        return [self._counted(points, pixel) for pixel in (before, behind)]

    def _counted(self, points: Handle, pixel: Handle) -> tuple[Handle, Handle]:
        change = self._change
        distance = change.add("Abs", change.add("Sub", points, pixel), role="distance")
        share = change.add("Sub", change.real(1.0), distance, role="share")
        whole = change.add("Cast", pixel, role="pixel", to=ELEMENT_TYPES["i64"])
        found, inside = self.nearest(whole)
        return found, change.add("Where", inside, share, change.real(0.0), role="share")


class Images:
    """Images from which pixels are taken, their channels behind height and width."""

    def __init__(self, change: Change, x: Handle) -> None:
        self._change = change
        self._coloured = change.rank == 3
        if change.first:
            x = change.add("Transpose", x, role="channels_last", perm=(0, 2, 3, 1))
        height, self._width = (
            change.add("Squeeze", change.add("Shape", x, role="size", start=axis, end=axis + 1))
            for axis in (1, 2)
        )
        self.sides = (Side(change, height, 1), Side(change, self._width, 0))
        channels = change.add("Shape", x, role="channels", start=3)
        shape = change.add("Concat", change.whole([0, -1], "flat"), channels, role="flat", axis=0)
        self._pixels = change.add("Reshape", x, shape, role="pixels")

    def at(self, row: Handle, column: Handle) -> Handle:
        """The pixels at rows and columns in i64, which together are [batch, height, width]."""
        change = self._change
        place = change.add("Add", change.add("Mul", row, self._width), column, role="place")
        index = change.add("Unsqueeze", place, change.whole([-1], "behind"), role="index")
        return change.add("GatherND", self._pixels, index, role="taken", batch_dims=1)

    def each(self, x: Handle) -> Handle:
        """[batch, height, width] as it meets every channel."""
        if not self._coloured:
            return x
        change = self._change
        return change.add("Unsqueeze", x, change.whole([-1], "behind"), role="each")

    def restored(self, x: Handle) -> Handle:
        """Changed images with their channels where they were."""
        if not self._change.first:
            return x
        return self._change.add("Transpose", x, role="channels_first", perm=(0, 3, 1, 2))
