"""Recurrent layers: time first, gates in ONNX's order i, o, f, c."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nnc.backends.onnx.assembly import Array, Handle, Place, Rows
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.recurrent import LSTM

_ORDER = (0, 3, 1, 2)
"""Gate k of ONNX (i, o, f, c) is gate `_ORDER[k]` of the canonical rows (i, f, g, o)."""


@ops.lowers(LSTM)
def lstm(op: LSTM, place: Place) -> tuple[Handle, ...]:
    x = place.add("Transpose", place.x, role="time_first", perm=[1, 0, 2])
    states = [_initial(op, place, number, role) for number, role in ((1, "h0"), (2, "c0"))]
    steps, hidden, cell = place.several(
        "LSTM",
        x,
        *_weights(op, place),
        None,
        *(states if len(place.inputs) > 1 else ()),
        results=("steps", "last_hidden", "last_cell"),
        hidden_size=op.units,
        direction="bidirectional" if op.bidirectional else "reverse" if op.reverse else "forward",
    )
    last = _joined(op, place, hidden, "hidden") if _wants_last(op) else None
    output = _sequence(op, place, steps) if op.return_sequences else last
    assert output is not None
    if not op.return_state:
        return (output,)
    assert last is not None
    return output, last, _joined(op, place, cell, "cell")


def _wants_last(op: LSTM) -> bool:
    return op.return_state or not op.return_sequences


def _weights(op: LSTM, place: Place) -> list[Handle]:
    """W, R, B of all directions; B is the bias, then zeros for the recurrent bias."""
    names = {
        "W": [f"weight_ih_l0{end}" for end in op.directions],
        "R": [f"weight_hh_l0{end}" for end in op.directions],
        "B": [f"bias_{half}_l0{end}" for end in op.directions for half in ("ih", "hh")],
    }
    directions = len(op.directions)

    def pack(arrays: Sequence[Array]) -> Array:
        rows = np.concatenate([_gates(array, _ORDER) for array in arrays])
        return rows.reshape(directions, -1, *arrays[0].shape[1:])

    def unpack(array: Array) -> list[Array]:
        parts = array.reshape(-1, 4 * op.units, *array.shape[2:])
        return [_gates(part, tuple(np.argsort(_ORDER))) for part in parts]

    return [
        place.packed(name, [Rows(weight) for weight in sources], pack, unpack)
        for name, sources in names.items()
    ]


def _gates(array: Array, order: Sequence[int]) -> Array:
    """The four blocks of rows in another order."""
    return np.concatenate([np.split(array, 4)[gate] for gate in order])


def _initial(op: LSTM, place: Place, number: int, role: str) -> Handle | None:
    """[batch, directions · units] -> [directions, batch, units]."""
    if len(place.inputs) == 1:
        return None
    given = place.inputs[number]
    if not op.bidirectional:
        return place.add("Unsqueeze", given, place.whole([0], f"{role}_axis"), role=role)
    shape = place.whole([0, 2, op.units], f"{role}_shape")
    split = place.add("Reshape", given, shape, role=f"{role}_split")
    return place.add("Transpose", split, role=role, perm=[1, 0, 2])


def _sequence(op: LSTM, place: Place, steps: Handle) -> Handle:
    """[time, directions, batch, units] -> [batch, time, directions · units]."""
    moved = place.add("Transpose", steps, role="batch_first", perm=[2, 0, 1, 3])
    width = op.units * len(op.directions)
    return place.add("Reshape", moved, place.whole([0, 0, width], "shape"), role="output")


def _joined(op: LSTM, place: Place, state: Handle, role: str) -> Handle:
    """[directions, batch, units] -> [batch, directions · units]."""
    if not op.bidirectional:
        return place.add("Squeeze", state, place.whole([0], f"{role}_axis"), role=role)
    moved = place.add("Transpose", state, role=f"{role}_batch_first", perm=[1, 0, 2])
    shape = place.whole([0, 2 * op.units], f"{role}_shape")
    return place.add("Reshape", moved, shape, role=role)
