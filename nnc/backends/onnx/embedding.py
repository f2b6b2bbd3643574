"""From whole numbers to vectors, and where in a sequence they stand."""

from __future__ import annotations

import numpy as np

from nnc.backends.onnx.assembly import Array, Handle, Place
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.embedding import Embedding, PositionalEncoding


@ops.lowers(Embedding)
def embedding(op: Embedding, place: Place) -> Handle:
    numbers = place.x
    if place.type.dtype == "u8":  # Gather takes i32 and i64 alone
        numbers = place.add("Cast", numbers, role="numbers", to=ELEMENT_TYPES["i32"])
    return place.add("Gather", place.weight("weight"), numbers, axis=0)


@ops.lowers(PositionalEncoding)
def positional_encoding(op: PositionalEncoding, place: Place) -> Handle:
    """The table is stored: computed in float32 at run time it would be wrong by 1e-4."""
    length, units = place.type.shape
    assert isinstance(units, int)
    if isinstance(length, int):
        return place.add("Add", place.x, place.floats(_table(length, units), "table"))
    rows = place.add(
        "Slice",
        place.floats(_table(op.length, units), "table"),
        place.whole([0], "start"),
        place.size(0, 0, "length"),
        role="rows",
    )
    return place.add("Add", place.x, rows)


def _table(length: int, units: int) -> Array:
    """sin and cos in turn of p / 10000^(2i / units), in float64: [length, units]."""
    place = np.arange(length)[:, None]
    pair = np.arange(units) // 2
    angles = place / 10000.0 ** (2 * pair / units)
    return np.where(np.arange(units) % 2 == 0, np.sin(angles), np.cos(angles))
