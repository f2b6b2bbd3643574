"""Recurrent layers through time (Werbos 1990): in training they are loops, whose gradient is a loop
against their time.

What doesn't wait for the step behind is done for all steps at once: the gradients of the weights.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TypeAlias

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.cells import Cell
from nnc.backends.onnx.gradients.table import GRADIENTS, Back
from nnc.backends.onnx.loops import Body, scan
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.compiler.vocabulary.ops.recurrence import Recurrent
from nnc.compiler.vocabulary.ops.recurrent import GRU, LSTM, SimpleRNN

for operator in ("LSTM", "GRU", "RNN"):
    GRADIENTS.refuses(operator, "in this form it is for evaluation")

Name: TypeAlias = str | Handle


@GRADIENTS.of("Scan")
def through_time(at: Back) -> None:
    cell = at.attribute("body").cell
    assert cell is not None  # else it is such a gradient itself
    _Backward(cell, at).carry()


class _Backward:
    """The inputs of the loop are the states, what is given, and whether steps are valid; its
    outputs the last states, those of all steps, and what was saved."""

    def __init__(self, cell: Cell, at: Back) -> None:
        self.cell, self.states, self.at = cell, cell.states, at
        states, outputs = cell.states, at.node.outputs
        self.all = outputs[states : 2 * states]
        self.saved = outputs[2 * states :]
        self.body = Body(at, ELEMENT_TYPES[at.float_type])
        self.above = [self.body.input(f"{at.name}/above{i}") for i in range(states)]
        self._steps: list[Handle] = []

    @cached_property
    def one(self) -> Handle:
        return self.at.number(1.0, "one")

    @cached_property
    def zero(self) -> Handle:
        return self.at.number(0.0, "zero")

    def step(self, handle: Handle, element: int | None = None) -> str:
        """One more value that has a part for each step."""
        self._steps.append(handle)
        return self.body.input(f"{self.at.name}/step{len(self._steps)}", element)

    def carry(self) -> None:
        """Give the gradients of the first states, of what was given, and of the weights."""
        at, cell = self.at, self.cell
        arriving = at.gradients[self.states : 2 * self.states]
        given = [None if x is None else self.step(x) for x in arriving]
        valid = self._valid_step()
        total = [
            a if g is None else self.body.add("Add", a, g)
            for a, g in zip(self.above, given, strict=True)
        ]
        before, collected = _BACKWARD[type(cell.op)](self, total)
        if valid is not None:
            before = [
                self.body.add("Where", valid, new, old)
                for new, old in zip(before, total, strict=True)
            ]
            collected = [self.body.add("Where", valid, x, self.zero) for x in collected]
        for name in (*before, *collected):
            self.body.output(name)
        last = [self._gradient(i, at.x(i)) for i in range(self.states)]
        made = scan(self.body, last, self._steps, backwards=not cell.backwards)
        for number in range(self.states):
            at.give(number, made[number])
        at.give(self.states, made[self.states])
        self._weights(made[self.states :])

    def _gradient(self, number: int, like: Handle) -> Handle:
        found = self.at.gradients[number]
        if found is not None:
            return found
        return self.at.add("Expand", self.zero, self.at.add("Shape", like), role="zeros")

    def _valid_step(self) -> str | None:
        if not self.cell.masked:
            return None
        return self.step(self.at.x(self.states + 1), ELEMENT_TYPES["bool"])

    def before(self, number: int) -> Handle:
        """A state in front of each step: [time, batch, units]."""
        at, axis = self.at, self.at.whole([0], "time")
        first = at.add("Unsqueeze", at.x(number), axis)
        begin, stop = ([1], [2**62]) if self.cell.backwards else ([0], [-1])
        rest = at.add(
            "Slice", self.all[number], at.whole(begin, "begin"), at.whole(stop, "stop"), axis
        )
        parts = (rest, first) if self.cell.backwards else (first, rest)
        return at.add("Concat", *parts, axis=0)

    def _weights(self, collected: tuple[Handle, ...]) -> None:
        """The gradients of what the forward steps saw: the recurrent weights and their bias."""
        cell, at = self.cell, self.at
        if isinstance(cell.op, GRU) and not cell.op.reset_after:
            of_gates, of_new = at.node.captured[0], at.node.captured[1]
            both = self._columns(collected[0], 0, 2)
            new = self._columns(collected[0], 2, 3)
            self._give_captured(of_gates, self._product(self.before(0), both, 2))
            self._give_captured(of_new, self._product(self.saved[3], new, 1))
            return
        arriving = collected[-1]
        gates = cell.op.gates
        self._give_captured(cell.turned, self._product(self.before(0), arriving, gates))
        if cell.bias is not None:
            axes = at.whole([0, 1], "all")
            self._give_captured(cell.bias, at.add("ReduceSum", arriving, axes, keepdims=0))

    def _give_captured(self, handle: Handle, gradient: Handle) -> None:
        self.at.give(self.at.node.reads.index(handle), gradient)

    def _columns(self, x: Handle, first: int, last: int) -> Handle:
        units = self.cell.units
        numbers = [self.at.whole([n], "part") for n in (first * units, last * units, 2)]
        return self.at.add("Slice", x, *numbers)

    def _product(self, left: Handle, right: Handle, gates: int) -> Handle:
        """Σ leftᵀ · right over batch and time: [units, gates · units]."""
        at, units = self.at, self.cell.units
        rows = at.add("Reshape", left, at.whole([-1, units], "rows"))
        columns = at.add("Reshape", right, at.whole([-1, gates * units], "columns"))
        return at.add("Gemm", rows, columns, transA=1)

    def rest(self, x: Name) -> str:
        """1 - x."""
        return self.body.add("Sub", self.one, x)

    def mul(self, *factors: Name) -> str:
        made, *more = factors
        for factor in more:
            made = self.body.add("Mul", made, factor)
        assert isinstance(made, str)
        return made

    def of_sigmoid(self, gradient: str, y: str) -> str:
        return self.mul(gradient, y, self.rest(y))

    def of_tanh(self, gradient: str, y: str) -> str:
        return self.mul(gradient, self.rest(self.mul(y, y)))


Carried: TypeAlias = tuple[list[str], list[str]]
"""The gradients of the states before a step, and what is collected: the gradient of what was given
first, that of the product with the state last."""


def _simple_back(back: _Backward, above: list[str]) -> Carried:
    h = back.step(back.all[0])
    assert isinstance(back.cell.op, SimpleRNN)
    if back.cell.op.nonlinearity == "relu":
        positive = back.body.add("Greater", h, back.zero)
        gate = back.body.add("Where", positive, above[0], back.zero)
    else:
        gate = back.of_tanh(above[0], h)
    return [back.body.add("MatMul", gate, back.cell.matrix)], [gate]


def _lstm_back(back: _Backward, above: list[str]) -> Carried:
    i, f, g, o, bent = (back.step(x) for x in back.saved)
    before = back.step(back.before(1))
    of_h, of_c = above
    of_c = back.body.add("Add", of_c, back.of_tanh(back.mul(of_h, o), bent))
    gates = [
        back.of_sigmoid(back.mul(of_c, g), i),
        back.of_sigmoid(back.mul(of_c, before), f),
        back.of_tanh(back.mul(of_c, i), g),
        back.of_sigmoid(back.mul(of_h, bent), o),
    ]
    whole = back.body.add("Concat", *gates, axis=1)
    return [back.body.add("MatMul", whole, back.cell.matrix), back.mul(of_c, f)], [whole]


def _gru_back(back: _Backward, above: list[str]) -> Carried:
    r, z, n, saved = (back.step(x) for x in back.saved)
    before, of_h = back.step(back.before(0)), above[0]
    assert isinstance(back.cell.op, GRU)
    new = back.of_tanh(back.mul(of_h, back.rest(z)), n)
    gate_z = back.of_sigmoid(back.mul(of_h, back.body.add("Sub", before, n)), z)
    kept = back.mul(of_h, z)
    if back.cell.op.reset_after:
        gate_r = back.of_sigmoid(back.mul(new, saved), r)
        given = back.body.add("Concat", gate_r, gate_z, new, axis=1)
        state = back.body.add("Concat", gate_r, gate_z, back.mul(new, r), axis=1)
        through = back.body.add("MatMul", state, back.cell.matrix)
        return [back.body.add("Add", kept, through)], [given, state]
    of_gates, of_new = _rows(back)
    reset = back.body.add("MatMul", new, of_new)
    gate_r = back.of_sigmoid(back.mul(reset, before), r)
    both = back.body.add("Concat", gate_r, gate_z, axis=1)
    through = back.body.add("Add", back.mul(reset, r), back.body.add("MatMul", both, of_gates))
    given = back.body.add("Concat", both, new, axis=1)
    return [back.body.add("Add", kept, through)], [given]


def _rows(back: _Backward) -> tuple[Handle, ...]:
    """The recurrent weights of both gates and of the new state."""
    units, at = back.cell.units, back.at
    sizes = at.whole([2 * units, units], "sizes")
    return at.several("Split", back.cell.matrix, sizes, results=("gates", "new"), axis=0)


_BACKWARD: dict[type[Recurrent], Callable[[_Backward, list[str]], Carried]] = {
    SimpleRNN: _simple_back,
    LSTM: _lstm_back,
    GRU: _gru_back,
}
