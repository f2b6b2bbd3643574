"""From whole numbers to vectors, and where in a sequence they stand."""

from __future__ import annotations

import numpy as np

from nnc.backends.onnx.assembly import Array, Handle, Place
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.backends.onnx.table import ops
from nnc.compiler.vocabulary.ops.embedding import (
    Embedding,
    LearnedPositionalEncoding,
    PositionalEncoding,
    RotaryEncoding,
)


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
    table = place.floats(_table(op.length, units), "table")
    return place.add("Add", place.x, _rows(place, table, "rows"))


@ops.lowers(LearnedPositionalEncoding)
def learned_positional_encoding(op: LearnedPositionalEncoding, place: Place) -> Handle:
    weight = place.weight("weight")
    if place.type.shape[0] == op.length:
        return place.add("Add", place.x, weight)
    return place.add("Add", place.x, _rows(place, weight, "rows"))


@ops.lowers(RotaryEncoding)
def rotary_encoding(op: RotaryEncoding, place: Place) -> Handle:
    """x · cos + its partner in the pair · ±sin. ONNX's RotaryEmbedding takes four axes, and tables
    with a batch or positions."""
    length, units = place.type.shape[-2:]
    assert isinstance(units, int)
    number = np.arange(units)
    half = units // 2
    pair, first = (
        (number // 2, number % 2 == 0) if op.interleaved else (number % half, number < half)
    )
    partner = number + np.where(first, 1, -1) * (1 if op.interleaved else half)
    rows = length if isinstance(length, int) else op.length
    angles = np.arange(rows)[:, None] / op.base ** (2 * pair / units)
    cos = place.floats(np.cos(angles), "cos")
    sin = place.floats(np.where(first, -np.sin(angles), np.sin(angles)), "sin")
    if not isinstance(length, int):
        cos, sin = _rows(place, cos, "cos_rows"), _rows(place, sin, "sin_rows")
    places = place.constant(partner, "partners")
    other = place.add("Gather", place.x, places, role="partner", axis=-1)
    kept = place.add("Mul", place.x, cos, role="kept")
    return place.add("Add", kept, place.add("Mul", other, sin, role="turned"))


def _rows(place: Place, table: Handle, role: str) -> Handle:
    """As many rows of a table as the sequence has places."""
    length = place.size(0, place.type.rank - 2, f"{role}_length")
    return place.add("Slice", table, place.whole([0], f"{role}_start"), length, role=role)


def _table(length: int, units: int) -> Array:
    """sin and cos in turn of p / 10000^(2i / units), in float64: [length, units]."""
    place = np.arange(length)[:, None]
    pair = np.arange(units) // 2
    angles = place / 10000.0 ** (2 * pair / units)
    return np.where(np.arange(units) % 2 == 0, np.sin(angles), np.cos(angles))
