"""Recurrent layers: time first, gates in ONNX's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnc.backends import draws
from nnc.backends.onnx import recurrence
from nnc.backends.onnx.assembly import Array, Handle, Pack, Place, Rows, Unpack
from nnc.backends.onnx.draws import Drawing
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.recurrence import Recurrent
from nnc.compiler.vocabulary.ops.recurrent import GRU, LSTM, SimpleRNN

_ORDERS: dict[type[Recurrent], tuple[int, ...]] = {
    SimpleRNN: (0,),
    GRU: (1, 0, 2),
    LSTM: (0, 3, 1, 2),
}
"""Gate k of ONNX (GRU: z, r, h; LSTM: i, o, f, c) is gate `order[k]` of the canonical rows (r, z,
n; i, f, g, o)."""


@ops.lowers(SimpleRNN, GRU, LSTM)
def recurrent(op: Recurrent, place: Place) -> tuple[Handle, ...]:
    """One operator in evaluation; a loop in training, and in float64, for which onnxruntime has no
    kernel of the operators."""
    if place.moment is not None or place.float_type == "f64":
        return _step_by_step(op, place)
    x = place.add("Transpose", place.x, role="time_first", perm=[1, 0, 2])
    lengths, initial = _lengths(op, place), _by_level(op, place)
    names = op.results[1:]
    ends: list[list[Handle]] = []
    steps, states = x, list[Handle]()
    for level in range(op.layers):
        given = [lengths, *_initial(op, place, initial[level])]
        while given and given[-1] is None:
            given.pop()
        steps, *states = place.several(
            "RNN" if isinstance(op, SimpleRNN) else op.word,
            *(x, *_weights(op, place, level), *given),
            results=("steps", *(f"last_{name}" for name in names)),
            hidden_size=op.units,
            direction=_reading(op),
            **_attributes(op),
        )
        if op.return_state:
            pairs = zip(states, names, strict=True)
            ends.append([_joined(op, place, state, name) for state, name in pairs])
        if level < op.layers - 1:
            x = _above(op, place, steps)
    last = ends[-1][0] if ends and op.merge == "concat" else None
    output = _output(op, place, steps, states[0], last)
    parts = zip(names, zip(*ends, strict=True), strict=False)
    return output, *(_side_by_side(place, part, name) for name, part in parts)


def _reading(op: Recurrent) -> str:
    return "bidirectional" if op.bidirectional else "reverse" if op.reverse else "forward"


def _above(op: Recurrent, place: Place, steps: Handle) -> Handle:
    """[time, directions, batch, units] -> [time, batch, directions · units], which the next level
    reads."""
    if not op.bidirectional:
        return place.add("Squeeze", steps, place.whole([1], "direction"), role="below")
    moved = place.add("Transpose", steps, role="directions_last", perm=[0, 2, 1, 3])
    shape = place.whole([0, 0, 2 * op.units], "below_shape")
    return place.add("Reshape", moved, shape, role="below")


def _by_level(op: Recurrent, place: Place) -> list[list[Handle]]:
    """The initial states [batch, directions · units] of each level, if they are given."""
    states = place.inputs[1:-1] if _has_lengths(op, place) else place.inputs[1:]
    if op.layers == 1:
        return [list(states)]
    names = [f"level{level}" for level in range(op.layers)]
    split = [
        place.several("Split", state, results=names, axis=1, num_outputs=op.layers)
        for state in states
    ]
    return [[parts[level] for parts in split] for level in range(op.layers)]


def _step_by_step(op: Recurrent, place: Place) -> tuple[Handle, ...]:
    lengths = _whole_lengths(op, place) if _has_lengths(op, place) else None
    names = op.results[1:]
    x, ends, runs = place.x, list[list[Handle]](), recurrence.Runs([], [])
    for level, given in enumerate(_by_level(op, place)):
        initial: list[Handle | None] = [*given, *(None for _ in names[len(given) :])]
        top = level == op.layers - 1
        one = op if top else op.replace(return_sequences=True)
        runs = recurrence.run(one, place, x, level, initial, lengths)
        ends += runs.states
        x = x if top else _below(op, place, runs.steps, level)
    states = [
        _side_by_side(place, [direction[i] for direction in ends], name)
        for i, name in enumerate(names)
    ]
    steps = runs.steps if op.return_sequences else [direction[0] for direction in runs.states]
    if op.merge == "concat":
        output = _side_by_side(place, steps, "output")
    else:
        both = place.add("Add", *steps, role="both")
        half = place.number(0.5, "half")
        output = both if op.merge == "sum" else place.add("Mul", both, half, role="mean")
    return (output, *states) if op.return_state else (output,)


def _below(op: Recurrent, place: Place, steps: Sequence[Handle], level: int) -> Handle:
    """What a level gives to the next, some of it dropped in training."""
    x = _side_by_side(place, steps, "below")
    if place.moment is None or not op.is_random:
        return x
    name = draws.part_of(place.node.name, level)
    return place.add("Mul", x, Drawing(place, x, 3, name).mask(op.dropout), role="dropped")


def _side_by_side(place: Place, parts: Sequence[Handle], role: str) -> Handle:
    return parts[0] if len(parts) == 1 else place.add("Concat", *parts, role=role, axis=-1)


def _attributes(op: Recurrent) -> dict[str, Any]:
    if isinstance(op, GRU):
        return {"linear_before_reset": int(op.reset_after)}
    if isinstance(op, SimpleRNN) and op.nonlinearity == "relu":
        return {"activations": ["Relu"] * len(op.directions)}
    return {}


def _output(
    op: Recurrent, place: Place, steps: Handle, hidden: Handle, last: Handle | None
) -> Handle:
    """Of all steps, or of the last, which is the last hidden state; both directions merged."""
    if op.merge == "concat":
        if op.return_sequences:
            return _sequence(op, place, steps)
        return last or _joined(op, place, hidden, "hidden")
    reduce = "ReduceSum" if op.merge == "sum" else "ReduceMean"
    axis = 1 if op.return_sequences else 0
    axes = place.whole([axis], "directions")
    both = steps if op.return_sequences else hidden
    merged = place.add(reduce, both, axes, role="merged", keepdims=0)
    if not op.return_sequences:
        return merged
    return place.add("Transpose", merged, role="output", perm=[1, 0, 2])


def _weights(op: Recurrent, place: Place, level: int) -> list[Handle | None]:
    """W, R, B of all directions of a level; B is the bias, then the recurrent bias."""
    names = {
        "W": [f"weight_ih{end}" for end in op.ends(level)],
        "R": [f"weight_hh{end}" for end in op.ends(level)],
    }
    mark = f"_l{level}" if level else ""
    made: list[Handle | None] = [
        place.packed(f"{name}{mark}", [Rows(weight) for weight in sources], *_packing(op))
        for name, sources in names.items()
    ]
    if not op.bias:
        return [*made, None]
    own = {f"bias_{half}{end}" for half in ("ih", "hh") for end in op.ends(level)}
    halves = [w.name for w in place.node.weights if w.name in own]
    alone = len(halves) == len(op.directions)
    return [*made, place.packed(f"B{mark}", [Rows(name) for name in halves], *_packing(op, alone))]


def _packing(op: Recurrent, alone: bool = False) -> tuple[Pack, Unpack]:
    """The way to what ONNX stores, and back. `alone`: 0 stands behind each weight."""
    order, directions = _ORDERS[type(op)], len(op.directions)

    def pack(arrays: Sequence[Array]) -> Array:
        parts = [_gates(array, order) for array in arrays]
        if alone:
            parts = [np.concatenate([part, np.zeros_like(part)]) for part in parts]
        return np.concatenate(parts).reshape(directions, -1, *arrays[0].shape[1:])

    def unpack(array: Array) -> list[Array]:
        parts = array.reshape(-1, op.gates * op.units, *array.shape[2:])
        back = tuple(int(place) for place in np.argsort(order))
        return [_gates(part, back) for part in parts[:: 2 if alone else 1]]

    return pack, unpack


def _gates(array: Array, order: Sequence[int]) -> Array:
    """The blocks of rows in another order."""
    blocks = np.split(array, len(order))
    return np.concatenate([blocks[gate] for gate in order])


def _has_lengths(op: Recurrent, place: Place) -> bool:
    return op.has_lengths(tuple(value.type for value in place.node.inputs))


def _lengths(op: Recurrent, place: Place) -> Handle | None:
    """The number of valid steps of each example, 1 to T, as ONNX takes it."""
    if not _has_lengths(op, place):
        return None
    return place.add("Cast", _whole_lengths(op, place), role="lengths", to=ELEMENT_TYPES["i32"])


def _whole_lengths(op: Recurrent, place: Place) -> Handle:
    whole = place.inputs[-1]
    if place.node.inputs[-1].type.dtype != "i64":
        whole = place.add("Cast", whole, role="whole", to=ELEMENT_TYPES["i64"])
    below = place.add("Min", whole, place.size(0, 0, "steps_given"), role="at_most")
    return place.add("Max", below, place.whole([1], "one"), role="at_least")


def _initial(op: Recurrent, place: Place, states: list[Handle]) -> list[Handle | None]:
    """[batch, directions · units] -> [directions, batch, units], for each state given."""
    return [
        _initial_state(op, place, state, f"{name[0]}0")
        for state, name in zip(states, op.results[1:], strict=False)
    ]


def _initial_state(op: Recurrent, place: Place, given: Handle, role: str) -> Handle:
    if not op.bidirectional:
        return place.add("Unsqueeze", given, place.whole([0], f"{role}_axis"), role=role)
    shape = place.whole([0, 2, op.units], f"{role}_shape")
    split = place.add("Reshape", given, shape, role=f"{role}_split")
    return place.add("Transpose", split, role=role, perm=[1, 0, 2])


def _sequence(op: Recurrent, place: Place, steps: Handle) -> Handle:
    """[time, directions, batch, units] -> [batch, time, directions · units]."""
    if not op.bidirectional:
        alone = place.add("Squeeze", steps, place.whole([1], "direction"), role="time_first_output")
        return place.add("Transpose", alone, role="output", perm=[1, 0, 2])
    moved = place.add("Transpose", steps, role="batch_first", perm=[2, 0, 1, 3])
    width = op.units * len(op.directions)
    return place.add("Reshape", moved, place.whole([0, 0, width], "shape"), role="output")


def _joined(op: Recurrent, place: Place, state: Handle, role: str) -> Handle:
    """[directions, batch, units] -> [batch, directions · units]."""
    if not op.bidirectional:
        return place.add("Squeeze", state, place.whole([0], f"{role}_axis"), role=role)
    moved = place.add("Transpose", state, role=f"{role}_batch_first", perm=[1, 0, 2])
    shape = place.whole([0, 2 * op.units], f"{role}_shape")
    return place.add("Reshape", moved, shape, role=role)
