"""Embedding and positions."""

from __future__ import annotations

import numpy as np

from nnc.backends.reference import tape
from nnc.backends.reference.table import Call, ops
from nnc.backends.reference.tape import Array, Tensor
from nnc.compiler.vocabulary.ops.embedding import Embedding, PositionalEncoding


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
    length, units = call.x.shape[1:]
    if length > op.length:
        raise ValueError(
            f"PositionalEncoding: a sequence of {length} is longer than {op.length} positions"
        )
    return call.x + tape.constant(positions(length, units))


def positions(length: int, units: int) -> Array:
    """The table of sines (even places) and cosines (odd ones): [length, units]."""
    place = np.arange(units)
    angle = np.arange(length)[:, None] / 10000.0 ** (place // 2 * 2 / units)
    return np.where(place % 2 == 0, np.sin(angle), np.cos(angle))
