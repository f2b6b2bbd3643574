"""What a step of the optimiser works with: weights, gradients, the memory of the optimiser, and
numbers that are the same for all weights. And the tables of what is done with them.

Whatever depends on the number of the step or the learning rate alone is computed once, in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from nnc.backends.base import Table
from nnc.backends.onnx.arithmetic import Term
from nnc.backends.onnx.assembly import NUMPY, Assembly, Handle, Scope
from nnc.compiler.types import DType


@dataclass(eq=False)
class Slot:
    """A tensor that the optimiser remembers from step to step."""

    name: str
    weight: str | None
    """The weight whose shape it has; None for one number."""
    initial: float
    """What every element begins with."""
    dtype: DType
    before: Handle
    """An input of the graph."""
    after: Handle | None = None
    """What it becomes."""


@dataclass(eq=False)
class Updates:
    """One step of the optimiser over all weights."""

    assembly: Assembly
    step: Handle
    """An i64 scalar, 0 for the first update."""
    rate: Handle
    """An f64 scalar, the learning rate."""
    slots: list[Slot] = field(default_factory=list)
    """What is remembered, in the order in which it was asked for."""
    _numbers: dict[tuple[float, DType], Handle] = field(default_factory=dict)
    _shared: dict[str, Term] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._scope = Scope(self.assembly, "optimizer")

    def of(self, name: str, weight: Handle, gradient: Handle) -> Update:
        """The update of one weight by its full name, in its canonical form."""
        return Update(self, name, weight, gradient)

    def term(self, scope: Scope, handle: Handle, dtype: DType) -> Term:
        return Term(scope, handle, dtype, self.number)

    def number(self, number: float, dtype: DType) -> Handle:
        """A number that every formula may use."""
        if (number, dtype) not in self._numbers:
            array = np.array(number, NUMPY[dtype])
            self._numbers[number, dtype] = self._scope.constant(array, "number")
        return self._numbers[number, dtype]

    def shared(self, name: str, formula: Callable[[Term, Term], Term]) -> Term:
        """What is the same for all weights, out of the learning rate and t, which is 1 for the
        first update: computed in float64, given in the model's element type."""
        if name not in self._shared:
            made = formula(self.term(self._scope, self.rate, "f64"), self._t())
            self._shared[name] = made.cast(self._scope.float_type)
        return self._shared[name]

    def _t(self) -> Term:
        if "t" not in self._shared:
            step = self.term(self._scope, self.step, "i64")
            self._shared["t"] = step.cast("f64") + 1.0
        return self._shared["t"]

    def slot(self, name: str, weight: str | None, initial: float, dtype: DType) -> Slot:
        """What is remembered under a name, of a weight or of all together."""
        for slot in self.slots:
            if (slot.name, slot.weight) == (name, weight):
                return slot
        slot = Slot(name, weight, initial, dtype, Handle(f"{weight or 'optimizer'}:{name}"))
        self.slots.append(slot)
        return slot

    def running_product(self, name: str, factor: Callable[[Term], Term]) -> Term:
        """The product of a number of the step over all steps, in float64."""
        key = f"product {name}"
        if key not in self._shared:
            slot = self.slot(name, None, 1.0, "f64")
            product = self.term(self._scope, slot.before, "f64") * factor(self._t())
            slot.after, self._shared[key] = product.handle, product
        return self._shared[key]


class Update(Scope):
    """One step of the optimiser for one weight."""

    def __init__(self, updates: Updates, name: str, weight: Handle, gradient: Handle) -> None:
        super().__init__(updates.assembly, f"update/{name}")
        self._updates = updates
        self._weight = name
        self.weight = updates.term(self, weight, self.float_type)
        self.gradient = updates.term(self, gradient, self.float_type)
        self.shared = updates.shared
        self.running_product = updates.running_product

    def remembered(self, name: str, initial: float = 0.0) -> Term:
        """What was kept in the step before; every element begins with `initial`."""
        slot = self._updates.slot(name, self._weight, initial, self.float_type)
        return self._updates.term(self, slot.before, slot.dtype)

    def keep(self, name: str, new: Term) -> Term:
        """Remember a value for the next step."""
        self._updates.slot(name, self._weight, 0.0, self.float_type).after = new.handle
        return new


UpdateLowering: TypeAlias = Callable[[Any, Update], Term]
"""(optimiser, what it sees of one weight) -> the weight after the update."""
ClipLowering: TypeAlias = Callable[[Any, Scope, Mapping[str, Handle]], dict[str, Handle]]
"""(clip, scope, gradients by the weights' names) -> the bounded gradients."""

OPTIMIZERS: Table[UpdateLowering] = Table("onnx", "optimizer")
CLIPS: Table[ClipLowering] = Table("onnx", "clip")
