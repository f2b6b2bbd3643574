"""What the lowerings of losses and metrics work with, and the table of losses.

Keras' own losses look for logits behind probabilities, and average the last axis first; none is
used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from nnc.backends import pysource as py
from nnc.backends.base import Table
from nnc.backends.keras.lowering import PieceNames
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.losses.base import Reduced


@dataclass(frozen=True)
class Comparison:
    """Predictions, mostly one, and for most words a target: their expressions and their types."""

    values: tuple[py.Expr, ...]
    types: tuple[TensorType, ...]
    logits: bool
    piece: PieceNames

    @property
    def prediction(self) -> py.Expr:
        """The first value."""
        return self.values[0]

    @property
    def target(self) -> py.Expr:
        """The last value."""
        return self.values[-1]

    def call(self, piece: str, **options: object) -> py.Call:
        """A hand-written function of all values."""
        return py.call(self.piece(piece), *self.values, **options)


def reduced(loss: Reduced, found: py.Expr) -> py.Expr:
    """The mean or the sum over all elements of an expression."""
    return py.call(f"ops.{loss.reduction}", found)


LossLowering: TypeAlias = Callable[[Any, Comparison], py.Expr]

LOSSES: Table[LossLowering] = Table("keras", "loss")
