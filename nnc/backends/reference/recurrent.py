"""Recurrent layers, one step after the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.dense import linear
from nnc.backends.reference.regularization import dropped
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Array, Tensor
from nnc.compiler.vocabulary.ops.recurrence import Recurrent
from nnc.compiler.vocabulary.ops.recurrent import GRU, LSTM, SimpleRNN

States: TypeAlias = tuple[Tensor, ...]
"""h, and for LSTM c."""
Weights: TypeAlias = Mapping[str, Tensor]
"""Those of one direction: weight_ih, weight_hh, bias_ih, bias_hh."""


@ops.lowers(SimpleRNN, GRU, LSTM)
def recurrent(op: Recurrent, call: Call) -> tuple[Tensor, ...]:
    x, ends = call.x, list[States]()
    runs: list[tuple[Tensor, States]] = []
    for level in range(op.layers):
        runs = [_direction(op, call, x, level, number) for number in range(len(op.directions))]
        ends += [last for _, last in runs]
        x = tape.concat([steps for steps, _ in runs], -1)
        if call.training and op.is_random and level < op.layers - 1:
            x = dropped(op.dropout, x, call.draw.behind(level))
    states = [tape.concat(list(parts), -1) for parts in zip(*ends, strict=True)]
    outputs = [steps if op.return_sequences else last[0] for steps, last in runs]
    output = _merged(op, outputs)
    return (output, *states) if op.return_state else (output,)


def _merged(op: Recurrent, outputs: list[Tensor]) -> Tensor:
    if op.merge == "concat":
        return tape.concat(outputs, -1)
    both = outputs[0] + outputs[1]
    return both if op.merge == "sum" else both / 2.0


def _direction(
    op: Recurrent, call: Call, x: Tensor, level: int, number: int
) -> tuple[Tensor, States]:
    """Outputs of all steps in the order of the input, and the last states."""
    end = op.ends(level)[number]
    weights = {n.removesuffix(end): w for n, w in call.weights.items() if n.endswith(end)}
    from_input = linear(x, weights["weight_ih"])
    if op.bias:
        from_input = from_input + weights["bias_ih"]
    steps = call.x.shape[1]
    lengths = _lengths(op, call, steps)
    states = _initial(op, call, level * len(op.directions) + number)
    made: dict[int, Tensor] = {}
    for time in range(steps) if number == 0 and not op.reverse else reversed(range(steps)):
        is_read = (time < lengths)[:, None]
        after = _step(op, from_input[:, time], states, weights)
        made[time] = tape.where(is_read, after[0], 0.0)
        states = tuple(tape.where(is_read, a, b) for a, b in zip(after, states, strict=True))
    return tape.stack([made[time] for time in range(steps)], 1), states


def _lengths(op: Recurrent, call: Call, steps: int) -> Array:
    if op.has_lengths(call.types):
        return np.clip(call.inputs[-1].value, 1, steps)
    return np.full(call.x.shape[0], steps)


def _initial(op: Recurrent, call: Call, number: int) -> States:
    given = call.inputs[1:-1] if op.has_lengths(call.types) else call.inputs[1:]
    if not given:
        return (tape.constant(np.zeros((call.x.shape[0], op.units))),) * len(op.results[1:])
    mine = slice(number * op.units, (number + 1) * op.units)
    return tuple(state[:, mine] for state in given)


def _step(op: Recurrent, from_input: Tensor, states: States, weights: Weights) -> States:
    if isinstance(op, GRU):
        return _gru(op, from_input, states[0], weights)
    gates = from_input + _from_state(states[0], weights)
    if isinstance(op, LSTM):
        return _lstm(_blocks(gates, 4), states[1])
    if isinstance(op, SimpleRNN) and op.nonlinearity == "relu":
        return (tape.where(gates.value > 0, gates, 0.0),)
    return (tape.tanh(gates),)


def _lstm(gates: list[Tensor], c: Tensor) -> States:
    i, f, g, o = gates
    c = tape.sigmoid(f) * c + tape.sigmoid(i) * tape.tanh(g)
    return tape.sigmoid(o) * tape.tanh(c), c


def _gru(op: GRU, from_input: Tensor, h: Tensor, weights: Weights) -> States:
    from_state = _blocks(_from_state(h, weights), 3)
    given = _blocks(from_input, 3)
    r, z = (tape.sigmoid(given[k] + from_state[k]) for k in (0, 1))
    if op.reset_after:
        n = tape.tanh(given[2] + r * from_state[2])
    else:
        n = tape.tanh(given[2] + linear(r * h, weights["weight_hh"][2 * op.units :]))
    return ((1.0 - z) * n + z * h,)


def _from_state(h: Tensor, weights: Weights) -> Tensor:
    product = linear(h, weights["weight_hh"])
    return product + weights["bias_hh"] if "bias_hh" in weights else product


def _blocks(gates: Tensor, count: int) -> list[Tensor]:
    units = gates.shape[-1] // count
    return [gates[:, k * units : (k + 1) * units] for k in range(count)]
