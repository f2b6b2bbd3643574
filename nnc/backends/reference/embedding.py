"""Embedding and positions."""

from __future__ import annotations

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.dense import linear
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Array, Tensor
from nnc.compiler.vocabulary.ops.embedding import (
    Embedding,
    LearnedPositionalEncoding,
    PositionalEncoding,
    Positions,
    RotaryEncoding,
)


@ops.lowers(Embedding)
def embedding(op: Embedding, call: Call) -> Tensor:
    numbers = call.x.value
    # NumPy would count a negative number from the end.
    if numbers.size and not 0 <= numbers.min() <= numbers.max() < op.vocabulary:
        raise ValueError(
            f"Embedding: numbers from {numbers.min()} to {numbers.max()}, "
            f"but they must be from 0 to {op.vocabulary - 1}"
        )
    found = tape.rows(call.weights["weight"], numbers)
    if op.padding is None:
        return found
    return tape.where((numbers == op.padding)[..., None], tape.constant(found.value), found)


@ops.lowers(PositionalEncoding)
def positional_encoding(op: PositionalEncoding, call: Call) -> Tensor:
    length, units = _measured(op, call.x)
    return call.x + tape.constant(positions(length, units))


@ops.lowers(LearnedPositionalEncoding)
def learned_positional_encoding(op: LearnedPositionalEncoding, call: Call) -> Tensor:
    length, _ = _measured(op, call.x)
    return call.x + call.weights["weight"][:length]


@ops.lowers(RotaryEncoding)
def rotary_encoding(op: RotaryEncoding, call: Call) -> Tensor:
    length, units = _measured(op, call.x)
    place = np.arange(units)
    pair = place // 2 if op.interleaved else place % (units // 2)
    angle = np.arange(length)[:, None] / op.base ** (2 * pair / units)
    first = place % 2 == 0 if op.interleaved else place < units // 2
    other = np.where(first, place + 1, place - 1) if op.interleaved else np.roll(place, units // 2)
    partner = linear(call.x, tape.constant(np.eye(units)[other]))
    turned = np.where(first, -np.sin(angle), np.sin(angle))
    return call.x * tape.constant(np.cos(angle)) + partner * tape.constant(turned)


def _measured(op: Positions, x: Tensor) -> tuple[int, int]:
    """Length and units. Raises ValueError for a sequence that is too long."""
    length, units = x.shape[-2:]
    if length > op.length:
        raise ValueError(f"{op.word}: a sequence of {length} is longer than {op.length} positions")
    return length, units


def positions(length: int, units: int) -> Array:
    """The table of sines (even places) and cosines (odd ones): [length, units]."""
    place = np.arange(units)
    angle = np.arange(length)[:, None] / 10000.0 ** (place // 2 * 2 / units)
    return np.where(place % 2 == 0, np.sin(angle), np.cos(angle))
