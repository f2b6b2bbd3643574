"""Examples in an `.npz` file whose arrays are named as inputs and targets are: neither prepared nor
split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nnc.backends.pieces import columns
from nnc.compiler.ir import Data, Value
from nnc.compiler.vocabulary.data import Npz
from nnc.training.data import arrays
from nnc.training.data.bounds import declared
from nnc.training.data.dataset import Arrays, Rows
from nnc.training.data.faults import failed, held, reading, values


def is_ready(data: Data | None, path: Path | None) -> bool:
    """Whether a file holds arrays that need no preparation."""
    if path is None or path.suffix != ".npz":
        return False
    return data is None or not isinstance(data.source, Npz)


@dataclass(frozen=True)
class Ready:
    """Arrays by the names of inputs and targets; `ready(rows)` gives them as these are declared."""

    columns: Mapping[str, Any]
    values: Mapping[str, Value]
    label: str

    @property
    def count(self) -> int:
        """How many examples there are."""
        return len(next(iter(self.columns.values())))

    def __call__(self, rows: Rows) -> Arrays:
        found = self.columns.items()
        return {name: declared(x[rows], self.values[name], self.label, rows) for name, x in found}


def open_ready(path: Path, wanted: Mapping[str, Value]) -> Ready:
    """The arrays of these inputs and targets. Raises Failed (E611 to E614)."""
    label = path.name
    with reading(label):
        table = arrays.read_npz(str(path))
    found = {name: column(table, name, label) for name in wanted}
    same({name: len(x) for name, x in found.items()}, label)
    return Ready(found, wanted, label)


def column(table: dict[Any, Any], name: str, label: str) -> Any:
    """The array of this name, numbers."""
    with values("E612", label, cure=held(table)):
        keys = columns.selected(table, (name,))
    arrays.refuse_empty(table, keys, label)
    large = arrays.column(table, keys)
    if large is not None:
        arrays.refuse_unknown(table, keys, label)
        return large
    with values("E614", label):
        return columns.numbers(table, name)


def same(counts: Mapping[str, int], label: str) -> None:
    """Raise Failed (E613) unless every count is the same."""
    first, *others = counts
    for name in others:
        if counts[name] != counts[first]:
            message = f"`{first}` has {counts[first]} examples, but `{name}` has {counts[name]}"
            raise failed("E613", f"{label}: {message}")
