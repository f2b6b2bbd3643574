"""One direction of a recurrent layer, as the loops through time see it."""

from __future__ import annotations

from dataclasses import dataclass

from nnc.backends.onnx.assembly import Handle
from nnc.compiler.vocabulary.ops.recurrence import Recurrent


@dataclass(frozen=True)
class Cell:
    """Weights in canonical rows and as products take them."""

    op: Recurrent
    number: int
    """Two a level. Even: reads from the begin, or what `reverse` says; odd: from the end."""
    matrix: Handle
    """[gates · units, units]"""
    turned: Handle
    """[units, gates · units]"""
    bias: Handle | None
    """What is added to the product with the state."""
    states: int
    """How many states it has."""
    masked: bool
    """Whether steps are told which are valid."""

    @property
    def backwards(self) -> bool:
        """Whether it reads from the end."""
        return self.number % 2 == 1 or self.op.reverse

    @property
    def units(self) -> int:
        return self.op.units
