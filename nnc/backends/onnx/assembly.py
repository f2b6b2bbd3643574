"""A model under construction: nodes, stored tensors, and values whose names are settled at the end.

A node of the IR becomes one ONNX node with its name, mostly; what else it needs is named below it:
`attn` and `attn/scores`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnc.backends.base import Precision
from nnc.compiler.ir import Graph, Node, Value
from nnc.compiler.types import DType, TensorType

Array: TypeAlias = "NDArray[Any]"
Pack: TypeAlias = Callable[[Sequence[Array]], Array]
"""Canonical weights -> the tensor that the model stores."""
Unpack: TypeAlias = Callable[[Array], Sequence[Array]]
"""The stored tensor -> the canonical weights, bit for bit."""


@dataclass(eq=False, slots=True)
class Handle:
    """A value of the model; `wish` is the name that it gets when nobody else has it."""

    wish: str


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """One node of the model; an input that is left out is None."""

    operator: str
    name: str
    inputs: tuple[Handle | None, ...]
    outputs: tuple[Handle, ...]
    attributes: Mapping[str, Any]
    origin: Node | None = None
    """The node of the IR that it was made for."""
    captured: tuple[Handle, ...] = ()
    """Values that the body of a loop sees without being given them."""

    @property
    def reads(self) -> tuple[Handle | None, ...]:
        """Every value that it depends on: the inputs, then what its body sees."""
        return (*self.inputs, *self.captured)


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a weight; without start and stop all of them. `weight` is its full name."""

    weight: str
    start: int | None = None
    stop: int | None = None

    def of(self, array: Array) -> Array:
        return array if self.start is self.stop is None else array[self.start : self.stop]


@dataclass(frozen=True, slots=True)
class Stored:
    """A tensor made of canonical weights."""

    handle: Handle
    sources: tuple[Rows, ...]
    pack: Pack
    unpack: Unpack


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor that the op itself brings along."""

    handle: Handle
    array: Array


@dataclass
class Moment:
    """What a training step is told of itself: inputs of the model."""

    seed: int
    step: Handle
    """An i64 scalar, the number of the update from 0."""
    row: Handle
    """An i64 scalar, the first example's place in the whole batch."""


@dataclass
class Assembly:
    """What has been made so far. `bound` leads from the IR's values to the model's."""

    graph: Graph
    opset: int
    precision: Precision = "float32"
    moment: Moment | None = None
    """Set for a model that trains: statistics are those of the batch, and dropout drops."""
    detached: set[Handle] = field(default_factory=set)
    """Values that count as constants where gradients are taken."""
    statistics: dict[str, Handle] = field(default_factory=dict)
    """New running statistics by their full names."""
    nodes: list[OnnxNode] = field(default_factory=list)
    stored: dict[str, Stored] = field(default_factory=dict)
    constants: list[Constant] = field(default_factory=list)
    bound: dict[str, Handle] = field(default_factory=dict)
    origin: Node | None = None
    """The node of the IR that is being lowered."""
    _names: set[str] = field(default_factory=set)
    _unbound: set[Handle] = field(default_factory=set)

    def add(
        self,
        operator: str,
        name: str,
        inputs: Iterable[Handle | None],
        results: Sequence[str],
        attributes: Mapping[str, Any],
        captured: tuple[Handle, ...] = (),
    ) -> tuple[Handle, ...]:
        """A node whose results wish for these names."""
        outputs = tuple(Handle(result) for result in results)
        self._unbound.update(outputs)
        number, free = 2, name
        while free in self._names:
            free, number = f"{name}_{number}", number + 1
        self._names.add(free)
        given = tuple(inputs)
        self.nodes.append(
            OnnxNode(operator, free, given, outputs, attributes, self.origin, captured)
        )
        return outputs

    def bind(self, value: Value, handle: Handle) -> None:
        """Say which value of the model is a value of the IR."""
        if handle in self._unbound:  # else it has been named: the op gave an input on
            self._unbound.remove(handle)
            handle.wish = value.name
        self.bound[value.name] = handle

    def dtype(self, dtype: DType) -> DType:
        """The element type that stands for the spec's: in float64 runs f32 becomes f64."""
        return "f64" if dtype == "f32" and self.precision == "float64" else dtype


NUMPY: Mapping[DType, Any] = {
    "f32": np.float32,
    "f64": np.float64,
    "i32": np.int32,
    "i64": np.int64,
    "u8": np.uint8,
    "bool": np.bool_,
}
"""The element types of a model as NumPy has them."""


class Scope:
    """A part of a model that is being written: nodes and constants named below it."""

    def __init__(self, assembly: Assembly, name: str) -> None:
        self._assembly = assembly
        self.name = name
        self.opset = assembly.opset

    @property
    def float_type(self) -> DType:
        """The element type of numbers without another: f32, in float64 runs f64."""
        return self._assembly.dtype("f32")

    def element_type(self, dtype: DType) -> DType:
        """The element type that the model has in place of the spec's."""
        return self._assembly.dtype(dtype)

    def add(
        self, operator: str, *inputs: Handle | None, role: str = "", **attributes: Any
    ) -> Handle:
        """A node with one result, named after the scope and, unless it is the main one, its
        role."""
        return self.several(operator, *inputs, results=("",), role=role, **attributes)[0]

    def several(
        self,
        operator: str,
        *inputs: Handle | None,
        results: Sequence[str],
        role: str = "",
        captured: tuple[Handle, ...] = (),
        **attributes: Any,
    ) -> tuple[Handle, ...]:
        """A node with several results, each with its role."""
        wishes = [self._below(result or role) for result in results]
        name = self._below(role)
        return self._assembly.add(operator, name, inputs, wishes, attributes, captured)

    def _below(self, role: str) -> str:
        return f"{self.name}/{role}" if role else self.name

    def constant(self, array: Array, role: str) -> Handle:
        """A tensor that the part brings along."""
        handle = Handle(self._below(role))
        self._assembly.constants.append(Constant(handle, array))
        return handle

    def whole(self, numbers: int | Sequence[int], role: str) -> Handle:
        """Whole numbers: a shape, axes, a size."""
        return self.constant(np.array(numbers, np.int64), role)

    def number(self, number: float, role: str, dtype: DType | None = None) -> Handle:
        """A number of an element type of the spec, `float_type` without another."""
        made = self.float_type if dtype is None else self._assembly.dtype(dtype)
        return self.constant(np.array(number, NUMPY[made]), role)

    def floats(self, array: Array, role: str) -> Handle:
        """Numbers of the type `float_type`."""
        return self.constant(array.astype(NUMPY[self.float_type]), role)


class Place(Scope):
    """A node of the IR that is being lowered: its inputs, and what may be added for it."""

    def __init__(self, assembly: Assembly, node: Node) -> None:
        super().__init__(assembly, node.name)
        self.node = node
        self.inputs = tuple(assembly.bound[value.name] for value in node.inputs)

    @property
    def x(self) -> Handle:
        """The first (mostly the only) input."""
        return self.inputs[0]

    @property
    def type(self) -> TensorType:
        """The type of one example of the first input."""
        return self.node.inputs[0].type

    @property
    def float_type(self) -> DType:
        """The element type of the first input as the model has it."""
        return self._assembly.dtype(self.type.dtype)

    def weight(self, name: str) -> Handle:
        """A weight of the layer as it is stored canonically."""
        return self.rows(name, Rows(name))

    @property
    def moment(self) -> Moment | None:
        """What is known of the training step; None in evaluation."""
        return self._assembly.moment

    def detached(self, x: Handle, role: str = "") -> Handle:
        """The same value, through which no gradient goes."""
        made = self.add("Identity", x, role=role)
        self._assembly.detached.add(made)
        return made

    def statistic(self, name: str) -> Handle:
        """A running statistic of the layer; a layer that is used again sees what was kept."""
        return self._assembly.statistics.get(f"{self.node.layer}.{name}") or self.weight(name)

    def keep(self, name: str, new: Handle) -> None:
        """Say what a running statistic of the layer becomes."""
        self._assembly.statistics[f"{self.node.layer}.{name}"] = new

    def transposed(self, name: str) -> Handle:
        """A matrix of the layer with its axes exchanged."""
        return self.transposed_rows(f"{name}.T", Rows(name))

    def rows(self, name: str, source: Rows) -> Handle:
        """Some rows of a weight of the layer."""
        return self.packed(name, (source,), lambda arrays: arrays[0], lambda array: (array,))

    def transposed_rows(self, name: str, source: Rows) -> Handle:
        """Some rows of a matrix of the layer, with its axes exchanged."""
        return self.packed(name, (source,), lambda arrays: arrays[0].T, lambda array: (array.T,))

    def packed(self, name: str, sources: Sequence[Rows], pack: Pack, unpack: Unpack) -> Handle:
        """A tensor made of weights of the layer. Every use of a shared layer gets the same one."""
        layer = self.node.layer
        full = f"{layer}.{name}"
        if full not in self._assembly.stored:
            parts = tuple(Rows(f"{layer}.{s.weight}", s.start, s.stop) for s in sources)
            self._assembly.stored[full] = Stored(Handle(full), parts, pack, unpack)
        return self._assembly.stored[full].handle

    def size(self, number: int, axis: int, role: str) -> Handle:
        """How long an axis of one example of an input is at run time: a vector of one number."""
        known = self.node.inputs[number].type.shape[axis]
        if isinstance(known, int):
            return self.whole([known], role)
        return self.add("Shape", self.inputs[number], role=role, start=axis + 1, end=axis + 2)
