"""The preparations of a data block as nodes: for every one, what computes it, or why nothing can.

Computed in float32, as are models; nnc itself prepares in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np

from nnc.backends.base import Table
from nnc.backends.onnx.assembly import Array, Handle, OnnxNode
from nnc.backends.onnx.graph import OnnxGraph
from nnc.backends.onnx.model import ELEMENT_TYPES, TEXT
from nnc.backends.onnx.words import numbers_of, word_pattern
from nnc.compiler.types import Symbol
from nnc.compiler.vocabulary.data import (
    Category,
    CropImages,
    Impute,
    MinMax,
    OneHot,
    Preparation,
    ReshapeData,
    ResizeImages,
    Scale,
    Standardize,
    Tokens,
    Window,
)

Channels: TypeAlias = Literal["none", "first", "last"]
"""Where the channels of an image stand."""


class Stage:
    """Nodes that are added around a model, named below `name`."""

    def __init__(
        self, graph: OnnxGraph, name: str, *, whole: bool = False, channels: Channels = "none"
    ) -> None:
        """`whole`: what they prepare takes whole numbers; `channels` are those of images."""
        self.graph = graph
        self.name = name
        self.whole = whole
        self.channels = channels
        self.nodes: list[OnnxNode] = []
        self._roles: set[str] = set()

    def add(self, operator: str, role: str, *inputs: Handle, **attributes: Any) -> Handle:
        """A node with one result."""
        result = Handle(self._below(role))
        self.nodes.append(OnnxNode(operator, result.wish, inputs, (result,), attributes))
        return result

    def _below(self, role: str) -> str:
        number, free = 2, role
        while free in self._roles:
            free, number = f"{role}_{number}", number + 1
        self._roles.add(free)
        return f"{self.name}/{free}"

    def constant(self, array: Any, role: str) -> Handle:
        """Stored texts, or numbers in float32."""
        made: Array = np.asarray(array)
        return self._stored(made if made.dtype.kind == "U" else made.astype(np.float32), role)

    def whole_numbers(self, numbers: Any, role: str) -> Handle:
        """Stored whole numbers: a shape, axes, sizes."""
        return self._stored(np.asarray(numbers, np.int64), role)

    def _stored(self, array: Array, role: str) -> Handle:
        handle = Handle(self._below(role))
        self.graph.tensors[handle] = array
        return handle


Lowering: TypeAlias = Callable[[Any, Mapping[str, Any], Stage, Handle], Handle]
"""(preparation, what it learnt, where nodes go, its column) -> the prepared column."""
preparations: Table[Lowering] = Table("onnx", "preparation")


@preparations.lowers(Standardize)
def standardize(step: Standardize, learnt: Mapping[str, Any], stage: Stage, x: Handle) -> Handle:
    apart = stage.add("Sub", "apart", x, stage.constant(learnt["mean"], "mean"))
    return stage.add("Div", "standard", apart, stage.constant(learnt["deviation"], "deviation"))


@preparations.lowers(MinMax)
def minmax(step: MinMax, learnt: Mapping[str, Any], stage: Stage, x: Handle) -> Handle:
    above = stage.add("Sub", "above", x, stage.constant(learnt["low"], "low"))
    return stage.add("Div", "share", above, stage.constant(learnt["width"], "width"))


@preparations.lowers(Scale)
def scale(step: Scale, learnt: Mapping[str, Any], stage: Stage, x: Handle) -> Handle:
    return stage.add("Mul", "scaled", x, stage.constant(float(step.factor), "factor"))


@preparations.lowers(ReshapeData)
def reshape(step: ReshapeData, learnt: Mapping[str, Any], stage: Stage, x: Handle) -> Handle:
    shape = stage.whole_numbers([0, *step.shape], "shape")
    return stage.add("Reshape", "shaped", x, shape)


@preparations.lowers(Impute)
def impute(step: Impute, learnt: Mapping[str, Any], stage: Stage, x: Handle) -> Handle:
    """A number is missing where it is NaN, a text where it is empty."""
    filling = stage.constant(learnt["filling"] if learnt else step.value, "filling")
    if stage.graph.tensors[filling].dtype.kind == "U":
        missing = stage.add("Equal", "missing", x, stage.constant([""], "empty"))
    else:
        missing = stage.add("IsNaN", "missing", x)
    return stage.add("Where", "filled", missing, filling, x)


@preparations.lowers(OneHot)
def one_hot(step: OneHot, learnt: Mapping[str, Any], stage: Stage, x: Handle) -> Handle:
    """1 where the value is the known one; a value that isn't known gives zeros alone."""
    return stage.add("Cast", "one_hot", _same(learnt, stage, x), to=ELEMENT_TYPES["f32"])


@preparations.lowers(Category)
def category(step: Category, learnt: Mapping[str, Any], stage: Stage, x: Handle) -> Handle:
    """The place among the known values. nnc refuses a value that isn't known; here it becomes the
    number behind the last one, which no row of a table belongs to, and NaN where it is no number
    of a row: neither may pass for a class that was learnt."""
    count = len(learnt["known"])
    places = stage.constant(np.arange(count, dtype=np.float32), "places")
    behind = stage.constant(float(count), "behind")
    chosen = stage.add("Where", "chosen", _same(learnt, stage, x), places, behind)
    axes = stage.whole_numbers([1], "across")
    found = stage.add("ReduceMin", "number", chosen, axes, keepdims=0)
    if stage.whole:
        return found
    unknown = stage.add("Equal", "unknown", found, behind)
    return stage.add("Where", "category", unknown, stage.constant(np.nan, "nothing"), found)


def _same(learnt: Mapping[str, Any], stage: Stage, x: Handle) -> Handle:
    """Whether a value is each of the known ones: [rows, known]."""
    column = stage.add("Reshape", "column", x, stage.whole_numbers([-1, 1], "upright"))
    return stage.add("Equal", "same", column, stage.constant(learnt["known"], "known"))


@preparations.lowers(CropImages)
def crop(step: CropImages, learnt: Mapping[str, Any], stage: Stage, x: Handle) -> Handle:
    """The middle. The Reshape at the end fails for an image that is too small."""
    wanted = stage.whole_numbers([step.height, step.width], "wanted")
    spare = stage.add("Sub", "spare", _sizes(stage, x), wanted)
    start = stage.add("Div", "start", spare, stage.whole_numbers(2, "two"))
    axes = stage.whole_numbers([-3, -2] if stage.channels == "last" else [-2, -1], "axes")
    cut = stage.add("Slice", "cut", x, start, stage.add("Add", "stop", start, wanted), axes)
    shape = {
        "none": [0, step.height, step.width],
        "first": [0, 0, step.height, step.width],
        "last": [0, step.height, step.width, -1],
    }[stage.channels]
    return stage.add("Reshape", "cropped", cut, stage.whole_numbers(shape, "shape"))


@preparations.lowers(ResizeImages)
def resize(step: ResizeImages, learnt: Mapping[str, Any], stage: Stage, x: Handle) -> Handle:
    """Two products with matrices made for the size of the images that are given. ONNX's Resize has
    another filter at the edges where images shrink."""
    if stage.channels == "last":
        x = stage.add("Transpose", "channels_first", x, perm=(0, 3, 1, 2))
    height = stage.add("Shape", "height", x, **_axis(stage, 0))
    width = stage.add("Shape", "width", x, **_axis(stage, 1))
    down = _bilinear(stage, height, step.height, "down")
    across = _bilinear(stage, width, step.width, "across")
    upright = stage.add("Transpose", "across_upright", across, perm=(1, 0))
    narrow = stage.add("MatMul", "narrow", x, upright)
    made = stage.add("MatMul", "resized", down, narrow)
    if stage.channels == "last":
        made = stage.add("Transpose", "channels_last", made, perm=(0, 2, 3, 1))
    return made


def _sizes(stage: Stage, x: Handle) -> Handle:
    """Height and width of the images of a batch."""
    ends = {"start": -3, "end": -1} if stage.channels == "last" else {"start": -2}
    return stage.add("Shape", "sizes", x, **ends)


def _axis(stage: Stage, number: int) -> dict[str, int]:
    """Where Shape finds the height (0) or width (1) of images whose channels stand first."""
    axis = number + (1 if stage.channels == "none" else 2)
    return {"start": axis, "end": axis + 1}


def _bilinear(stage: Stage, size: Handle, wanted: int, role: str) -> Handle:
    """[wanted, size]: how much each old pixel counts in each new one.

    Pixel j counts max(1 - |j + 1/2 - (i + 1/2) · size / wanted| / max(size / wanted, 1), 0) in i,
    divided by the sum over j; here times 2 · max(size, wanted), so that all are whole numbers.
    """

    def numbers(last: Handle, what: str) -> Handle:
        """1, 3, 5, … up to 2 · last - 1"""
        end = stage.add("Mul", f"{role}_{what}_end", last, stage.whole_numbers(2, "two"))
        step = stage.whole_numbers(2, "step")
        return stage.add("Range", f"{role}_{what}", stage.whole_numbers(1, "one"), end, step)

    new = stage.whole_numbers(wanted, f"{role}_wanted")
    old = stage.add("Squeeze", f"{role}_size", size)
    larger = stage.add("Max", f"{role}_larger", old, new)
    reach = stage.add("Mul", f"{role}_reach", larger, stage.whole_numbers(2, "two"))
    centres = stage.whole_numbers(2 * np.arange(wanted)[:, None] + 1, f"{role}_new")
    here = stage.add("Mul", f"{role}_here", numbers(old, "old"), new)
    apart = stage.add("Sub", f"{role}_apart", here, stage.add("Mul", f"{role}_there", centres, old))
    left = stage.add("Sub", f"{role}_left", reach, stage.add("Abs", f"{role}_distance", apart))
    counts = stage.add("Max", f"{role}_counts", left, stage.whole_numbers(0, "nothing"))
    total = stage.add("ReduceSum", f"{role}_total", counts, stage.whole_numbers([1], "rows"))
    shares = [
        stage.add("Cast", f"{role}_{name}", x, to=ELEMENT_TYPES["f32"])
        for name, x in (("parts", counts), ("whole", total))
    ]
    return stage.add("Div", f"{role}_shares", *shares)


@preparations.lowers(Tokens)
def tokens(step: Tokens, learnt: Mapping[str, Any], stage: Stage, x: Handle) -> Handle:
    """The words of each text, each with its number; filled up and cut to the length."""
    texts = stage.add("Reshape", "texts", x, stage.whole_numbers([-1], "row"))
    if step.lower:
        small = {"case_change_action": "LOWER", "is_case_sensitive": 1, "locale": "C"}
        texts = stage.add("StringNormalizer", "small", texts, **small)
    apart = {"tokenexp": word_pattern(), "mark": 0, "mincharnum": 1, "pad_value": ""}
    words = stage.add("Tokenizer", "words", texts, **apart)
    rows, longest = (Symbol(f"{stage.name}/{what}") for what in ("rows", "longest"))
    stage.graph.told[words] = (TEXT, (rows, longest))
    known = numbers_of(learnt["words"], lower=step.lower)
    table = {"keys_strings": list(known), "values_int64s": list(known.values())}
    numbers = stage.add("LabelEncoder", "numbers", words, **table, default_int64=1)
    behind = stage.whole_numbers([0, 0, 0, step.length], "behind")
    filled = stage.add("Pad", "filled", numbers, behind)
    ends = [stage.whole_numbers([n], role) for n, role in ((0, "start"), (step.length, "stop"))]
    cut = stage.add("Slice", "cut", filled, *ends, stage.whole_numbers([1], "across"))
    return stage.add("Cast", "tokens", cut, to=ELEMENT_TYPES["f32"])


@preparations.lowers(Window)
def window(step: Window, learnt: Mapping[str, Any], stage: Stage, x: Handle) -> Handle:
    """The rows are the example already: the model takes them as they are before."""
    return x


preparations.sealed()


def reads_texts(step: Preparation, learnt: Mapping[str, Any]) -> bool:
    """Whether the column of a first preparation holds texts."""
    if isinstance(step, Tokens):
        return True
    known = learnt.get("known") or np.ravel(learnt.get("filling", getattr(step, "value", 0.0)))
    return isinstance(next(iter(known), None), str)
