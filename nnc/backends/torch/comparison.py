"""What the lowerings of losses and metrics work with, and the table of losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from nnc.backends import pysource as py
from nnc.backends.base import Table
from nnc.compiler.types import TensorType


@dataclass(frozen=True)
class Comparison:
    """Predictions, mostly one, and for most words a target: their names in the program and their
    types."""

    values: tuple[py.Expr, ...]
    types: tuple[TensorType, ...]
    logits: bool
    piece: Callable[[str], py.Name]

    @property
    def prediction(self) -> py.Expr:
        """The first value."""
        return self.values[0]

    @property
    def target(self) -> py.Expr:
        """The last value."""
        return self.values[-1]

    @property
    def is_class(self) -> bool:
        """Whether the target has class numbers, so that it lacks the prediction's last axis."""
        return self.types[-1].rank < self.types[0].rank

    def call(self, function: str, **options: object) -> py.Call:
        """A function of PyTorch, or a piece (`file:name`), of all values."""
        named = self.piece(function) if ":" in function else function
        return py.call(named, *self.values, **options)


LossLowering: TypeAlias = Callable[[Any, Comparison], py.Expr]

LOSSES: Table[LossLowering] = Table("torch", "loss")
