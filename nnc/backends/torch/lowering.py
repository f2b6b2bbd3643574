"""What the lowerings of this backend work with: the tables they enter themselves in, and the site
of a node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from nnc.backends import pysource as py
from nnc.backends.base import Table
from nnc.backends.draws import key_of, part_of
from nnc.compiler.ir import Node
from nnc.compiler.types import TensorType


class Writer(Protocol):
    """The part of a program under construction that lowerings write to."""

    def layer(self, node: Node, constructor: py.Call) -> py.Expr: ...

    def beside(self, node: Node, role: str, constructor: py.Call) -> py.Expr: ...

    def piece(self, name: str) -> py.Name: ...

    @property
    def seed(self) -> int: ...

    @property
    def distributed(self) -> bool: ...


class Site:
    """A node being lowered: what it takes, by the names these have in the program."""

    def __init__(
        self,
        writer: Writer,
        node: Node,
        inputs: tuple[py.Expr, ...],
        *,
        varies: bool = False,
        learns: bool = True,
    ) -> None:
        self._writer = writer
        self.varies = varies
        """Whether other uses of the same layer take inputs of other sizes: then the module may not
        depend on them."""
        self.learns = learns
        """Whether the first input depends on trained weights, and so has a gradient."""
        self.node = node
        self.inputs = inputs

    @property
    def input(self) -> py.Expr:
        """The first input."""
        return self.inputs[0]

    @property
    def type(self) -> TensorType:
        """The type of the first input."""
        return self.node.inputs[0].type

    @property
    def result(self) -> TensorType:
        """The type of the first result."""
        return self.node.output.type

    def layer(self, constructor: py.Call) -> py.Expr:
        """A module that the model's `__init__` makes, to be called; frozen when its weights are."""
        frozen = any(w.role == "parameter" and not w.trainable for w in self.node.weights)
        if frozen:
            constructor = py.method(constructor, "requires_grad_", False)
        return self._writer.layer(self.node, constructor)

    def beside(self, role: str, constructor: py.Call) -> py.Expr:
        """A module without weights that this node alone has, beside that of its layer, which other
        nodes may share."""
        return self._writer.beside(self.node, role, constructor)

    @property
    def distributed(self) -> bool:
        """Whether several processes train the program together."""
        return self._writer.distributed

    @property
    def key(self) -> py.Hexadecimal:
        """The key of the numbers that the node draws in training."""
        return py.Hexadecimal(key_of(self._writer.seed, self.node.name))

    def key_behind(self, level: int) -> py.Hexadecimal:
        """The key of what is drawn behind one of the levels of the node."""
        return py.Hexadecimal(key_of(self._writer.seed, part_of(self.node.name, level)))

    def apply(self, constructor: py.Call, *inputs: py.Expr) -> py.Call:
        """A module called on these, or on the inputs of the node."""
        return py.call(self.layer(constructor), *(inputs or self.inputs))

    def piece(self, name: str) -> py.Name:
        """The name of a hand-written function or class (`file:name`), which the program then
        contains."""
        return self._writer.piece(name)


@dataclass(frozen=True, slots=True)
class Several:
    """A call that gives a tuple; `places` tells where in it the results of the op stand."""

    call: py.Expr
    size: int
    places: tuple[int, ...]


Lowered: TypeAlias = "py.Expr | Several"
Lowering: TypeAlias = Callable[[Any, Site], Lowered]

OPS: Table[Lowering] = Table("torch", "op")


def batch_axis(axis: int) -> int:
    """An axis of one example as an axis of the batch."""
    return axis if axis < 0 else axis + 1


def one_or_each(numbers: tuple[int, ...]) -> int | tuple[int, ...]:
    """A single number when all are equal."""
    return numbers[0] if len(set(numbers)) == 1 else numbers


def pad_argument(pads: tuple[tuple[int, int], ...]) -> tuple[int, ...]:
    """Pads as `F.pad` takes them: the last axis first."""
    return tuple(amount for pair in reversed(pads) for amount in pair)
