"""Recurrent layers one step after the other: the form in which they are trained (and run in
float64, for which onnxruntime has no kernels of them), forward and, against time, backward
(Werbos 1990).

What doesn't wait for the step before is done for all steps at once: the products with the inputs,
and the gradients of all weights.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from nnc.backends.onnx.assembly import Handle, Place
from nnc.backends.onnx.cells import Cell
from nnc.backends.onnx.loops import Body, scan
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.compiler.vocabulary.ops.recurrence import Recurrent
from nnc.compiler.vocabulary.ops.recurrent import GRU, LSTM, SimpleRNN

Name: TypeAlias = str | Handle


def run(
    op: Recurrent,
    place: Place,
    x: Handle,
    level: int,
    initial: list[Handle | None],
    lengths: Handle | None,
) -> Runs:
    """All directions of a level, which reads x [batch, time, features]. `initial` are the first
    states [batch, directions · units], `lengths` the numbers of valid steps as i64."""
    valid = None if lengths is None else _valid(place, lengths)
    x = place.add("Transpose", x, role="time_first", perm=[1, 0, 2])
    numbers = range(len(op.directions))
    runs = [_direction(op, place, x, (level, number), initial, valid) for number in numbers]
    return Runs([steps for steps, _ in runs], [states for _, states in runs])


@dataclass(frozen=True)
class Runs:
    """For each direction: the outputs [batch, time, units] of a layer that gives sequences, and the
    last states [batch, units]."""

    steps: list[Handle]
    states: list[list[Handle]]


def _valid(place: Place, lengths: Handle) -> Handle:
    """[time, batch, 1]: whether a step is one of the example's own."""
    count = place.add("Squeeze", place.size(0, 0, "steps"), place.whole([0], "first"), role="count")
    times = place.add("Range", place.whole(0, "zero"), count, place.whole(1, "one"), role="times")
    column = place.add("Unsqueeze", times, place.whole([1, 2], "behind"), role="column")
    own = place.add("Unsqueeze", lengths, place.whole([0, 2], "around"), role="own")
    return place.add("Less", column, own, role="valid")


def _direction(
    op: Recurrent,
    place: Place,
    x: Handle,
    which: tuple[int, int],
    initial: list[Handle | None],
    valid: Handle | None,
) -> tuple[Handle, list[Handle]]:
    level, direction = which
    end, number = op.ends(level)[direction], 2 * level + direction
    stored = {weight.name for weight in place.node.weights}
    given = place.add("MatMul", x, place.transposed(f"weight_ih{end}"), role=f"input{number}")
    if op.bias:
        given = place.add("Add", given, place.weight(f"bias_ih{end}"), role=f"given{number}")
    second = isinstance(op, GRU) and f"bias_hh{end}" in stored
    cell = Cell(
        op,
        number,
        place.weight(f"weight_hh{end}"),
        place.transposed(f"weight_hh{end}"),
        place.weight(f"bias_hh{end}") if second else None,
        len(initial),
        valid is not None,
    )
    states = [_first(op, place, direction, state) for state in initial]
    made = _FORWARD[type(op)](_Loop(place, cell, states, given, valid))
    last, steps = list(made[: len(states)]), made[len(states)]
    if not op.return_sequences:
        return steps, last
    if valid is not None:
        zero = place.number(0.0, "zero")
        steps = place.add("Where", valid, steps, zero, role=f"read{number}")
    return place.add("Transpose", steps, role=f"steps{number}", perm=[1, 0, 2]), last


def _first(op: Recurrent, place: Place, number: int, state: Handle | None) -> Handle:
    """The first state of a direction."""
    if state is None:
        batch = place.add("Shape", place.x, role="batch", start=0, end=1)
        shape = place.add("Concat", batch, place.whole([op.units], "units"), role="shape", axis=0)
        return place.add("Expand", place.number(0.0, "zero"), shape, role="first")
    if not op.bidirectional:
        return state
    begin, stop = number * op.units, (number + 1) * op.units
    numbers = [place.whole([n], "part") for n in (begin, stop, 1)]
    return place.add("Slice", state, *numbers, role="first")


@dataclass
class _Loop:
    """The loop of one direction, forward."""

    place: Place
    cell: Cell
    states: list[Handle]
    given: Handle
    valid: Handle | None
    body: Body = field(init=False)

    def __post_init__(self) -> None:
        element = ELEMENT_TYPES[self.place.float_type]
        self.body = Body(self.place, element, self.cell)
        self.before = [self.body.input(f"{self._name}/state{i}") for i in range(len(self.states))]
        self.input = self.body.input(f"{self._name}/given")
        self.is_valid = (
            self.body.input(f"{self._name}/valid", ELEMENT_TYPES["bool"])
            if self.valid is not None
            else None
        )

    @property
    def _name(self) -> str:
        return f"{self.place.name}/{self.cell.number}"

    def product(self) -> str:
        """The product of the state with the recurrent weights, and its bias."""
        made = self.body.add("MatMul", self.before[0], self.cell.turned)
        return made if self.cell.bias is None else self.body.add("Add", made, self.cell.bias)

    def blocks(self, x: Name, count: int) -> tuple[str, ...]:
        """The parts of one gate each."""
        return self.body.several("Split", x, count=count, axis=1, num_outputs=count)

    def done(self, after: list[str], *saved: str) -> tuple[Handle, ...]:
        """Steps behind the end keep the states. Gives the last states, those of all steps, then
        what is saved."""
        if self.is_valid is not None:
            after = [
                self.body.add("Where", self.is_valid, new, old)
                for new, old in zip(after, self.before, strict=True)
            ]
        for name in (*after, *after, *saved):
            self.body.output(name)
        steps = [self.given] if self.valid is None else [self.given, self.valid]
        return scan(self.body, self.states, steps, backwards=self.cell.backwards)


def _simple(loop: _Loop) -> tuple[Handle, ...]:
    gates = loop.body.add("Add", loop.input, loop.product())
    assert isinstance(loop.cell.op, SimpleRNN)
    return loop.done([loop.body.add(_bend(loop.cell.op), gates)])


def _bend(op: SimpleRNN) -> str:
    return "Relu" if op.nonlinearity == "relu" else "Tanh"


def _lstm(loop: _Loop) -> tuple[Handle, ...]:
    body = loop.body
    gates = body.add("Add", loop.input, loop.product())
    i, f, g, o = loop.blocks(gates, 4)
    i, f, o = (body.add("Sigmoid", gate) for gate in (i, f, o))
    g = body.add("Tanh", g)
    c = body.add("Add", body.add("Mul", f, loop.before[1]), body.add("Mul", i, g))
    bent = body.add("Tanh", c)
    h = body.add("Mul", o, bent)
    return loop.done([h, c], i, f, g, o, bent)


def _gru(loop: _Loop) -> tuple[Handle, ...]:
    body, h = loop.body, loop.before[0]
    assert isinstance(loop.cell.op, GRU)
    xr, xz, xn = loop.blocks(loop.input, 3)
    if loop.cell.op.reset_after:
        hr, hz, hn = loop.blocks(loop.product(), 3)
        r, z = body.add("Sigmoid", body.add("Add", xr, hr)), _sigmoid_sum(body, xz, hz)
        saved = hn
        n = body.add("Tanh", body.add("Add", xn, body.add("Mul", r, hn)))
    else:
        turned = _parts(loop.place, loop.cell)
        both = body.add("MatMul", h, turned[0])
        hr, hz = loop.blocks(both, 2)
        r, z = _sigmoid_sum(body, xr, hr), _sigmoid_sum(body, xz, hz)
        saved = body.add("Mul", r, h)
        n = body.add("Tanh", body.add("Add", xn, body.add("MatMul", saved, turned[1])))
    kept = body.add("Mul", z, h)
    taken = body.add("Mul", body.add("Sub", loop.place.number(1.0, "one"), z), n)
    return loop.done([body.add("Add", taken, kept)], r, z, n, saved)


def _sigmoid_sum(body: Body, x: str, y: str) -> str:
    return body.add("Sigmoid", body.add("Add", x, y))


def _parts(place: Place, cell: Cell) -> tuple[Handle, ...]:
    """The recurrent weights of both gates and of the new state, as products take them."""
    sizes = place.whole([2 * cell.units, cell.units], "sizes")
    return place.several("Split", cell.turned, sizes, results=("of_gates", "of_new"), axis=1)


_FORWARD: dict[type[Recurrent], Callable[[_Loop], tuple[Handle, ...]]] = {
    SimpleRNN: _simple,
    LSTM: _lstm,
    GRU: _gru,
}
