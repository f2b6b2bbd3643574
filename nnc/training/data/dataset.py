"""The examples of a program."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnc.compiler.types import DType

Array: TypeAlias = "NDArray[Any]"
Arrays: TypeAlias = "dict[str, NDArray[Any]]"
Rows: TypeAlias = "NDArray[np.int64]"

NUMPY: Mapping[DType, str] = {
    "f16": "float32",
    "bf16": "float32",
    "f32": "float32",
    "f64": "float64",
    "i32": "int32",
    "i64": "int64",
    "u8": "uint8",
    "bool": "bool",
}
"""What an input or a target is held in; NumPy has no bfloat16."""


Change: TypeAlias = "tuple[str, Callable[[Array, Rows, int], Array]]"
"""The name of an input, and what makes another one of it, of places in the training split and an
epoch."""


@dataclass(frozen=True)
class Dataset:
    """Every example, prepared, and which of them belong to which split."""

    splits: dict[str, Rows]
    """`train`, and `validation` and `test` where there are such: the numbers of their rows."""
    take: Callable[[Rows], Arrays] = field(repr=False)
    """Inputs and targets of some rows, prepared."""
    fitted: dict[str, Any]
    """What the preparations learnt from the training split; JSON."""
    hash: str
    """SHA-256 of what was read."""
    labels: dict[str, list[str]] = field(default_factory=dict)
    """The names of the classes of each field that has them, by number."""

    @property
    def count(self) -> int:
        """How many examples there are in all splits."""
        return sum(map(len, self.splits.values()))

    changes: Sequence[Change] = ()
    """How training batches are changed at random."""

    def batch(self, rows: Rows, epoch: int | None = None) -> Arrays:
        """Inputs and targets of these rows, in their declared types and shapes.

        With the number of an epoch, from 0, rows of the training split are changed as the spec says
        for that epoch.
        """
        rows = np.asarray(rows)
        found = self.take(rows)
        if epoch is not None:
            for name, change in self.changes:
                found[name] = change(found[name], self.places[rows].astype(np.int64), epoch)
        return found

    @cached_property
    def places(self) -> Array:
        """Where each row stands in the training split; -1 for rows of other splits."""
        count = int(max(map(np.max, self.splits.values()))) + 1
        kind = np.min_scalar_type(-count)  # half of what 64 bits take, for every row there is
        found = np.full(count, -1, kind)
        found[self.splits["train"]] = np.arange(len(self.splits["train"]), dtype=kind)
        return found


@dataclass(frozen=True)
class Kept:
    """Examples that lie in memory, prepared."""

    arrays: Arrays

    def __call__(self, rows: Rows) -> Arrays:
        return {name: array[rows] for name, array in self.arrays.items()}
