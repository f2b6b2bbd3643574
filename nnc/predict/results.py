"""Results as files: CSV with a row for each example, or `.npz`."""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Iterable, Mapping
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from nnc.training.answers import Classes


def to_csv(arrays: Mapping[str, NDArray[Any]], classes: Mapping[str, Classes] | None = None) -> str:
    """Arrays as CSV: a row for each example, a column for each number of an example.

    An output with classes has the name of the likeliest one first, none where one of its numbers
    is not a number, then these as `p[red]`; one number is that of the second of two.
    """
    known = classes or {}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [_columns_of(name, array, known.get(name)) for name, array in arrays.items()]
    writer.writerow([head for heads, _ in columns for head in heads])
    for row in zip(*(rows for _, rows in columns), strict=True):
        writer.writerow([cell for part in row for cell in part])
    return text.getvalue()


def _columns_of(
    name: str, array: NDArray[Any], classes: Classes | None
) -> tuple[list[str], list[list[str]]]:
    """The heads of an output's columns, and the cells of each example."""
    flat = array.reshape(len(array), -1)
    rows = [[_shown(number) for number in row] for row in flat]
    if classes is None:
        return list(_heads(name, array)), rows
    if flat.shape[1] == 1:
        chosen, named = (flat[:, 0] > classes.boundary).astype(int), classes.names[1:]
    else:
        chosen, named = flat.argmax(axis=1), classes.names
    heads = [name, *(f"{name}[{label}]" for label in named)]
    lost = np.isnan(flat).any(axis=1)
    likeliest = ["" if none else classes.names[i] for i, none in zip(chosen, lost, strict=True)]
    return heads, [[name, *row] for name, row in zip(likeliest, rows, strict=True)]


def has_rows(arrays: Mapping[str, NDArray[Any]]) -> bool:
    """Whether every array has rows, as many as the others: one for each example."""
    lengths = {array.shape[:1] for array in arrays.values()}
    return len(lengths) == 1 and () not in lengths


def without_number(arrays: Mapping[str, NDArray[Any]]) -> int:
    """How many examples have a result that is not a number."""
    parts = [array for array in arrays.values() if array.dtype.kind == "f"]
    lost = [np.isnan(array.reshape(len(array), -1)).any(axis=1) for array in parts]
    return int(np.any(lost, axis=0).sum()) if lost else 0


def _heads(name: str, array: NDArray[Any]) -> Iterable[str]:
    count = prod(array.shape[1:])
    return [name] if array.ndim == 1 else [f"{name}[{i}]" for i in range(count)]


def _shown(value: Any) -> str:
    """A text as it is; of a number the shortest text that reads back as the same one in its own
    precision."""
    return str(value)


def to_npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as an `.npz` file; texts are of NumPy's own type, as objects would need pickles."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, array in arrays.items():
            plain = array.astype(str) if array.dtype.kind == "O" else array
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as file:
                np.lib.format.write_array(file, plain, allow_pickle=False)
    return stream.getvalue()


def writable(path: str) -> bool:
    """Whether results can be written to a file of this name."""
    return os.path.splitext(path)[1].lower() in (".csv", ".npz")
