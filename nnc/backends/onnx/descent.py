"""The second half of a training step: from gradients to new weights and what the optimiser
remembers; and the ends of a model that is being written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from nnc.backends.onnx.assembly import NUMPY, Array, Assembly, Handle, Scope
from nnc.backends.onnx.constraints import CONSTRAINTS
from nnc.backends.onnx.graph import End, OnnxGraph
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.updates import CLIPS, OPTIMIZERS, Updates
from nnc.compiler.ir import Program
from nnc.compiler.types import DType, Shape

RATE: Final = "train.rate"
NEXT: Final = "next/"
"""What stands before the name of an output that is the next step's input."""


@dataclass(frozen=True)
class Kept:
    """A part of the state: the input of this name, and whether the step changes it."""

    name: str
    initial: Array | None
    """What the optimiser's memory begins with; None for a weight."""
    changes: bool


@dataclass
class Ends:
    """Inputs and outputs of a model. Every output has a value of its own."""

    assembly: Assembly
    inputs: list[End] = field(default_factory=list)
    outputs: list[End] = field(default_factory=list)
    _free: set[Handle] = field(default_factory=set)
    """Results of nodes that are no output yet."""
    _nodes: int = 0
    """How many nodes have been looked at."""

    def take(self, handle: Handle, name: str, dtype: DType, shape: Shape) -> None:
        """An input; f32 stands for the model's own type."""
        element = ELEMENT_TYPES[self.assembly.dtype(dtype)]
        self.inputs.append(End(handle, name, element, shape))

    def give(self, handle: Handle, name: str, dtype: DType, shape: Shape) -> None:
        """An output. What is an output already, or no node's result, takes a node to be one."""
        for node in self.assembly.nodes[self._nodes :]:
            self._free.update(node.outputs)
        self._nodes = len(self.assembly.nodes)
        if handle not in self._free:
            handle = Scope(self.assembly, "train").add("Identity", handle, role="output")
        self._free.discard(handle)
        element = ELEMENT_TYPES[self.assembly.dtype(dtype)]
        self.outputs.append(End(handle, name, element, shape))

    def tensor(self, handle: Handle, name: str, shape: Shape) -> None:
        """An output of the model's own type."""
        self.give(handle, name, "f32", shape)

    def graph(self, name: str) -> OnnxGraph:
        """The model with these ends alone."""
        assembly = self.assembly
        tensors = {constant.handle: constant.array for constant in assembly.constants}
        inputs, outputs = tuple(self.inputs), tuple(self.outputs)
        return OnnxGraph(name, assembly.opset, inputs, outputs, list(assembly.nodes), tensors)


class Descent:
    """Clipping, the update of every trained weight, constraints."""

    def __init__(
        self,
        program: Program,
        assembly: Assembly,
        weights: Mapping[str, Handle],
        gradients: Mapping[str, Handle],
        step: Handle,
    ) -> None:
        assert program.training is not None
        self.step = step
        self._training = program.training
        self._stored = program.graph.weights
        self._constraints = program.graph.constraints
        self._assembly = assembly
        self._updates = Updates(assembly, step, Handle(RATE))
        self.weights = {
            name: self._updated(name, weights[name], gradient)
            for name, gradient in clipped(program, assembly, gradients).items()
        }
        """The new value of each weight."""

    def _updated(self, name: str, weight: Handle, gradient: Handle) -> Handle:
        rule = self._training.optimizer
        update = self._updates.of(name, weight, gradient)
        handle = OPTIMIZERS.find(rule)(rule, update).handle
        constraint = self._constraints.get(name)
        if constraint is None:
            return handle
        scope = Scope(self._assembly, f"constraint/{name}")
        rank = len(self._stored[name].shape)
        return CONSTRAINTS.find(constraint)(constraint, scope, handle, rank)

    def remember(self, ends: Ends) -> Iterator[Kept]:
        """Make the rate an input, and what the optimiser remembers inputs and outputs."""
        ends.take(self._updates.rate, RATE, "f64", ())
        for slot in self._updates.slots:
            shape = () if slot.weight is None else self._stored[slot.weight].shape
            name = slot.before.wish
            assert slot.after is not None
            ends.take(slot.before, name, slot.dtype, shape)
            ends.give(slot.after, f"{NEXT}{name}", slot.dtype, shape)
            yield Kept(name, np.full(shape, slot.initial, NUMPY[slot.dtype]), changes=True)


def clipped(
    program: Program, assembly: Assembly, gradients: Mapping[str, Handle]
) -> dict[str, Handle]:
    """The gradients within the program's bound."""
    assert program.training is not None
    clip = program.training.clip
    if clip is None:
        return dict(gradients)
    return CLIPS.find(clip)(clip, Scope(assembly, "clip"), gradients)


def norms(assembly: Assembly, gradients: Mapping[str, Handle]) -> Handle:
    """The Euclidean norm of each, one behind the other."""
    scope = Scope(assembly, "train")
    flat = scope.whole([1], "flat")
    found = []
    for gradient in gradients.values():
        square = scope.add("ReduceSumSquare", gradient, role="square", keepdims=0)
        found.append(scope.add("Reshape", scope.add("Sqrt", square, role="norm"), flat))
    return scope.add("Concat", *found, role="norms", axis=0)
