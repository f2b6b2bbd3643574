"""An input as the data have it, before it is prepared: what a model with its preparations takes.

columns       [batch, …] as they are read: numbers in float32, or texts
files         [batch, height, width, channels] in bytes, as images are decoded
… -> window   [batch, lookback, …]: the rows that are given, each as it is read
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np

from nnc.backends import recipes
from nnc.backends.onnx import words as spelling
from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.graph import End, batch_name
from nnc.backends.onnx.model import ELEMENT_TYPES, TEXT
from nnc.backends.onnx.preparation import Channels, preparations, reads_texts
from nnc.compiler.ir import Field, Program
from nnc.compiler.types import Dim, Symbol, is_static
from nnc.compiler.vocabulary import data as words

_MOVES: Final = (words.ReshapeData, words.ResizeImages, words.CropImages)
"""Preparations behind which an example has another shape."""
_SIZED: Final = (words.ResizeImages, words.CropImages)
_COMPUTES: Final = (words.Standardize, words.MinMax, words.Scale)


@dataclass(frozen=True)
class Raw:
    """What takes the place of an input: the chain that prepares it, and what that learnt."""

    end: End
    """The input as the network takes it."""
    chain: Field
    learnt: Sequence[Mapping[str, Any]]
    layout: str

    @property
    def window(self) -> words.Window | None:
        return recipes.window(self.chain)

    @property
    def is_files(self) -> bool:
        """Whether it is images, as bytes."""
        return isinstance(self.chain.columns, words.Files)

    @property
    def texts(self) -> bool:
        """Whether it is texts."""
        steps = self.chain.preparations
        known = self.learnt[0] if self.learnt else {}
        return bool(steps) and not self.is_files and reads_texts(steps[0], known)

    @property
    def element(self) -> int:
        """The number of its element type in the format."""
        if self.texts:
            return TEXT
        return ELEMENT_TYPES["u8" if self.is_files else "f32"]

    @property
    def shape(self) -> tuple[Dim, ...]:
        """The shape with the batch; sizes of images are free where they become others."""
        batch, row = self.end.shape[0], self.row
        if self.is_files and self.channels == "first":
            row = (*row[1:], row[0])
        return (batch, *((self.window.lookback,) if self.window else ()), *row)

    @property
    def row(self) -> tuple[Dim, ...]:
        """The shape of one row as nnc has it in front of the first preparation."""
        learnt = self._learnt_shape()
        if learnt is not None:
            return learnt
        names = getattr(self.chain.columns, "names", ())
        if len(names) > 1 and not any(isinstance(n, str) and set(n) & set("*?") for n in names):
            return (len(names),)
        moved = [step for step in self.chain.preparations if isinstance(step, _MOVES)]
        row = self.end.shape[2 if self.window else 1 :]
        if moved or (self.is_files and len(row) != 3):
            return self._moved(moved[0] if moved else None)
        return row

    def _learnt_shape(self) -> tuple[int, ...] | None:
        """The shape of a row, where a preparation has learnt something of its shape."""
        for step, known in self.steps():
            if isinstance(step, words.Category | words.OneHot | words.Tokens):
                return ()
            if isinstance(step, _MOVES):
                return None
            for value in known.values():
                return tuple(np.shape(value))
        return None

    def steps(self) -> Iterator[tuple[words.Preparation, Mapping[str, Any]]]:
        """The preparations with what they learnt; a window learns nothing."""
        return zip(self.chain.preparations, [*self.learnt, {}], strict=False)

    def _moved(self, step: words.Preparation | None) -> tuple[Dim, ...]:
        """A row of which no more is known than what its first change of shape makes of it."""
        if isinstance(step, words.ReshapeData) and not self.is_files:
            return (prod(step.shape),)
        height, width = (Symbol(f"{self.end.name}_{side}") for side in ("height", "width"))
        shapes: dict[Channels, tuple[Dim, ...]] = {
            "none": (height, width),
            "first": (self.count, height, width),
            "last": (height, width, self.count),
        }
        return shapes[self.channels]

    @property
    def channels(self) -> Channels:
        """Where the channels of an image stand; one of a table with a single channel has none."""
        learnt = self._learnt_shape()
        bare = self.count == 1 if learnt is None else len(learnt) == 2
        if bare and not self.is_files:
            return "none"
        return "last" if self.layout == "channels_last" else "first"

    @property
    def count(self) -> int:
        """How many channels an image has."""
        if isinstance(self.chain.columns, words.Files):
            return self.chain.columns.channels
        sized = [step for step in self.chain.preparations if isinstance(step, _SIZED)]
        shape = self.end.shape[1:]
        if not sized or not is_static(shape):
            return 1
        return max(prod(shape) // (sized[-1].height * sized[-1].width), 1)

    def hindrances(self, *, texts: bool, opset: int) -> Iterator[tuple[str, str]]:
        """Words that can't be expressed, and why; `texts`: whether the runtime has them."""
        for step in self.chain.preparations:
            why = preparations.refusal(step)
            if why is not None:
                yield step.word, why
        first = self.chain.preparations[0] if self.chain.preparations else None
        if first is not None and self.texts and not texts:
            yield first.word, "the runtime has no texts"
        elif (
            first is not None and self.texts and opset < 19 and not isinstance(first, words.Tokens)
        ):
            yield first.word, "texts are compared since opset 19"
        for step, known in self.steps():
            if isinstance(step, words.Tokens):
                why = spelling.hindrance(known["words"], lower=step.lower)
                if why is not None:
                    yield step.word, why
        if self.window and not (is_static(self.row) and is_static(self.end.shape[2:])):
            yield "window", "how large its rows are is not known"
        if self.window and self.chain.names[0] != self.end.name:
            yield "window", "what is to be foretold is not known when a model is asked"
        yield from self._inexact()

    def _inexact(self) -> Iterator[tuple[str, str]]:
        """Classes that float32 can't tell apart as float64 does."""
        computed = False
        for step, known in self.steps():
            if isinstance(step, words.Category | words.OneHot) and not self.texts:
                if computed:
                    yield (
                        step.word,
                        "numbers that were computed in float64 are not those of float32",
                    )
                elif len(np.unique(np.float32(known["known"]))) < len(known["known"]):
                    yield step.word, "some of its values are the same number in float32"
            computed |= isinstance(step, _COMPUTES)


def raw_of(program: Program, fitted: Mapping[str, Any]) -> dict[str, Raw]:
    """Every input of a program that its data block prepares, as it is before."""
    batch = Symbol(batch_name(program.graph))
    ends = [
        End(
            Handle(value.name),
            value.name,
            ELEMENT_TYPES[value.type.dtype],
            (batch, *value.type.shape),
        )
        for value in program.graph.inputs
    ]
    return raw_inputs(program, ends, fitted)


def raw_inputs(
    program: Program, inputs: Sequence[End], fitted: Mapping[str, Any]
) -> dict[str, Raw]:
    """Every input that the data block prepares, as it is before."""
    ends = {end.name: end for end in inputs}
    fields = program.data.fields if program.data else ()
    return {
        name: Raw(ends[name], chain, fitted["fields"][",".join(chain.names)], program.graph.layout)
        for chain in fields
        for name in chain.names
        if name in ends and (chain.preparations or isinstance(chain.columns, words.Files))
    }
