"""Recurrent layers, one step after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.dense import linear
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Tensor
from nnc.compiler.vocabulary.ops.recurrent import LSTM


@ops.lowers(LSTM)
def lstm(op: LSTM, call: Call) -> tuple[Tensor, ...]:
    runs = [_direction(op, call, number) for number in range(len(op.directions))]
    hidden = tape.concat([h for _, h, _ in runs], -1)
    cell = tape.concat([c for _, _, c in runs], -1)
    output = tape.concat([steps for steps, _, _ in runs], -1) if op.return_sequences else hidden
    return (output, hidden, cell) if op.return_state else (output,)


def _direction(op: LSTM, call: Call, number: int) -> tuple[Tensor, Tensor, Tensor]:
    """Outputs of all steps in the order of the input, the last hidden and the last cell state."""
    end = op.directions[number]
    w = {name: call.weights[f"{name}_l0{end}"] for name in ("weight_ih", "weight_hh")}
    bias = call.weights[f"bias_ih_l0{end}"] + call.weights[f"bias_hh_l0{end}"]
    from_input = linear(call.x, w["weight_ih"]) + bias
    h, c = _initial(op, call, number)
    backwards = op.reverse or number == 1
    times = range(call.x.shape[1])
    made: list[Tensor] = []
    for time in reversed(times) if backwards else times:
        h, c = _step(from_input[:, time] + linear(h, w["weight_hh"]), c, op.units)
        made.append(h)
    return tape.stack(made[::-1] if backwards else made, 1), h, c


def _initial(op: LSTM, call: Call, number: int) -> Sequence[Tensor]:
    if len(call.inputs) == 1:
        return (tape.constant(np.zeros((call.x.shape[0], op.units))),) * 2
    mine = slice(number * op.units, (number + 1) * op.units)
    return [state[:, mine] for state in call.inputs[1:]]


def _step(gates: Tensor, c: Tensor, units: int) -> tuple[Tensor, Tensor]:
    i, f, g, o = (gates[:, k * units : (k + 1) * units] for k in range(4))
    c = tape.sigmoid(f) * c + tape.sigmoid(i) * tape.tanh(g)
    return tape.sigmoid(o) * tape.tanh(c), c
