"""Recurrent layers: time first, gates in ONNX's order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nnc.backends.onnx import recurrence
from nnc.backends.onnx.assembly import Array, Handle, Pack, Place, Rows, Unpack
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.recurrent import GRU, LSTM, Recurrent, SimpleRNN

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
    weights = _weights(op, place)
    given = [_lengths(op, place), *_initial(op, place)]
    while given and given[-1] is None:
        given.pop()
    names = op.results[1:]
    steps, *states = place.several(
        "RNN" if isinstance(op, SimpleRNN) else op.word,
        *(x, *weights, *given),
        results=("steps", *(f"last_{name}" for name in names)),
        hidden_size=op.units,
        direction="bidirectional" if op.bidirectional else "reverse" if op.reverse else "forward",
        **_attributes(op),
    )
    if op.return_state:
        joined = [_joined(op, place, s, name) for s, name in zip(states, names, strict=True)]
        last = joined[0] if op.merge == "concat" else None
        return _output(op, place, steps, states[0], last), *joined
    return (_output(op, place, steps, states[0], None),)


def _step_by_step(op: Recurrent, place: Place) -> tuple[Handle, ...]:
    has_lengths = _has_lengths(op, place)
    given = place.inputs[1:-1] if has_lengths else place.inputs[1:]
    names = op.results[1:]
    initial: list[Handle | None] = [*given, *(None for _ in names[len(given) :])]
    runs = recurrence.run(op, place, initial, _whole_lengths(op, place) if has_lengths else None)
    states = [
        _side_by_side(place, [direction[i] for direction in runs.states], name)
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


def _weights(op: Recurrent, place: Place) -> list[Handle | None]:
    """W, R, B of all directions; B is the bias, then the recurrent bias."""
    names = {
        "W": [f"weight_ih_l0{end}" for end in op.directions],
        "R": [f"weight_hh_l0{end}" for end in op.directions],
    }
    made: list[Handle | None] = [
        place.packed(name, [Rows(weight) for weight in sources], *_packing(op))
        for name, sources in names.items()
    ]
    if not op.bias:
        return [*made, None]
    halves = [w.name for w in place.node.weights if w.name.startswith("bias")]
    alone = len(halves) == len(op.directions)
    return [*made, place.packed("B", [Rows(name) for name in halves], *_packing(op, alone))]


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


def _initial(op: Recurrent, place: Place) -> list[Handle | None]:
    """[batch, directions · units] -> [directions, batch, units], for each state given."""
    states = place.inputs[1:-1] if _has_lengths(op, place) else place.inputs[1:]
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
