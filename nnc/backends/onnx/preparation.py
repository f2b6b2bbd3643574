"""The preparations of a data block as nodes: for every one, what computes it, or why nothing can.

Computed in float32, as are models; nnc itself prepares in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from nnc.backends.base import Table
from nnc.backends.onnx.assembly import Array, Handle, OnnxNode
from nnc.backends.onnx.graph import OnnxGraph
from nnc.backends.onnx.model import ELEMENT_TYPES
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


class Stage:
    """Nodes that are added around a model, named below `name`."""

    def __init__(self, graph: OnnxGraph, name: str) -> None:
        self.graph = graph
        self.name = name
        self.nodes: list[OnnxNode] = []

    def add(self, operator: str, role: str, *inputs: Handle, **attributes: Any) -> Handle:
        """A node with one result."""
        wish = f"{self.name}/{role}"
        result = Handle(wish)
        self.nodes.append(OnnxNode(operator, wish, inputs, (result,), attributes))
        return result

    def constant(self, array: Any, role: str) -> Handle:
        """A stored tensor; numbers are float32 unless they are whole, or texts."""
        made: Array = np.asarray(array)
        if made.dtype == np.float64:
            made = made.astype(np.float32)
        handle = Handle(f"{self.name}/{role}")
        self.graph.tensors[handle] = made
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
    shape = stage.constant(np.array([0, *step.shape]), "shape")
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
    column = stage.add("Reshape", "column", x, stage.constant(np.array([-1, 1]), "upright"))
    same = stage.add("Equal", "same", column, stage.constant(learnt["known"], "known"))
    return stage.add("Cast", "one_hot", same, to=ELEMENT_TYPES["f32"])


preparations.refuses(Category, "a value that did not occur in training has no number")
preparations.refuses(ResizeImages, "its filter depends on the size of each image")
preparations.refuses(CropImages, "images of different sizes are no tensor")
preparations.refuses(Tokens, "no operator takes texts apart into words")
preparations.refuses(Window, "an example is made of several rows")
preparations.sealed()


def reads_texts(step: Preparation, learnt: Mapping[str, Any]) -> bool:
    """Whether the column of a first preparation holds texts."""
    known = learnt.get("known") or np.ravel(learnt.get("filling", getattr(step, "value", 0.0)))
    return isinstance(next(iter(known), None), str)
