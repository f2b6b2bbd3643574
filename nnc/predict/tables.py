"""The inputs of a model out of a CSV file: a row is an example.

An input of several numbers or texts stands in several columns, in row-major order: `x[0]`, `x[1]`,
… Columns that no input has are passed over.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from math import nan, prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnc.backends.inputs import Input
from nnc.compiler.types import is_static
from nnc.predict.faults import failed, lacks


def read_table(path: Path, inputs: Sequence[Input]) -> dict[str, NDArray[Any]]:
    """The inputs by name: numbers in float64, texts as objects without white space around them.

    A line of names comes first; it may be left out where there is one input, of numbers. Raises
    OSError, Failed (E611 to E614).
    """
    label = path.name
    rows = [row for row in _rows(path) if _is_example(row, inputs)]
    texts = any(given.is_text for given in inputs)
    cure = f"an example is a row of numbers{' and texts' if texts else ''}"
    if not rows:
        raise failed("E611", f"{label} is empty", cure)
    # A line of names holds no number; a row with a number and a word is a row with a mistake.
    # Beside texts nothing tells the two apart, and there are always names.
    named = texts or not any(_is_number(cell) for cell in rows[0])
    header = [cell.strip() for cell in rows[0]] if named else None
    body = rows[1:] if named else rows
    _check_widths(label, rows)
    places = _places(label, inputs, header, len(rows[0]))
    if not body:
        raise failed("E611", f"{label} has no row below its names", cure)
    table = _Table(label, body, header, 2 if named else 1)
    return {
        given.name: table.cells(given, places[given.name]).reshape(len(body), *_fixed(given, label))
        for given in inputs
    }


def _rows(path: Path) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.reader(file, strict=True)
    except (UnicodeDecodeError, csv.Error):
        raise failed("E611", f"{path.name} is not a CSV file in UTF-8", "save it as one") from None


def _is_example(row: Sequence[str], inputs: Sequence[Input]) -> bool:
    """Whether a line is more than an empty one: cells without anything count where they may be."""
    gaps = any(given.is_text or given.gaps for given in inputs)
    return bool(row) if gaps else any(cell.strip() for cell in row)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _check_widths(label: str, rows: Sequence[Sequence[str]]) -> None:
    width = len(rows[0])
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            message = f"row {number} of {label} has {len(row)} columns, not {width}"
            raise failed("E611", message, "give every row as many columns as the first one")


# ---- columns ---------------------------------------------------------------------------------


def _places(
    label: str, inputs: Sequence[Input], header: Sequence[str] | None, width: int
) -> dict[str, list[int]]:
    """Name of an input -> the columns that hold it."""
    wanted = {given.name: _columns(given, label) for given in inputs}
    if header is not None and all(c in header for names in wanted.values() for c in names):
        return {name: [header.index(c) for c in columns] for name, columns in wanted.items()}
    if len(inputs) == 1 and not inputs[0].is_text and len(wanted[inputs[0].name]) == width:
        return {inputs[0].name: list(range(width))}
    if header is None:
        count = sum(map(len, wanted.values()))
        message = f"{label} has {width} columns, but the model takes {count} numbers"
        raise failed("E612", message, _begin(wanted))
    missing = [c for columns in wanted.values() for c in columns if c not in header]
    unnamed = len(missing) == sum(map(len, wanted.values()))
    raise lacks(label, "column", missing, header, _begin(wanted) if unnamed else None)


def _begin(wanted: Mapping[str, Sequence[str]]) -> str:
    names = [column for columns in wanted.values() for column in columns]
    shown = ",".join(names[:8]) + (",…" if len(names) > 8 else "")
    return f"begin it with a line of names: {shown}"


def _columns(given: Input, label: str) -> Sequence[str]:
    """The names of the columns of an input: its own, or `x[0]`, `x[1]`, …"""
    shape = _fixed(given, label)
    if given.columns:
        return given.columns
    return [f"{given.name}[{i}]" for i in range(prod(shape))] if shape else [given.name]


def _fixed(given: Input, label: str) -> tuple[int, ...]:
    if is_static(given.shape):
        return given.shape
    message = f"{label} can't hold `{given}`, whose size is free"
    raise failed("E613", message, "put it into an .npz file: `numpy.savez(path, x=array)`")


# ---- cells -----------------------------------------------------------------------------------


class _Table:
    """The rows of a file below its names; `first` is the number of the first one."""

    def __init__(
        self, label: str, rows: Sequence[list[str]], header: Sequence[str] | None, first: int
    ) -> None:
        self._label = label
        self._rows = rows
        self._header = header
        self._first = first

    def cells(self, given: Input, places: Sequence[int]) -> NDArray[Any]:
        """What stands in some columns: [rows, columns]."""
        if given.is_text:
            return self._texts(places)
        numbers = np.empty((len(self._rows), len(places)))
        for number, row in enumerate(self._rows):
            try:
                numbers[number] = [float(row[place]) for place in places]
            except ValueError:
                numbers[number] = [self._number(given, number, place) for place in places]
        return numbers

    def _texts(self, places: Sequence[int]) -> NDArray[Any]:
        texts = np.empty((len(self._rows), len(places)), object)
        for number, row in enumerate(self._rows):
            texts[number] = [row[place].strip() for place in places]
        return texts

    def _number(self, given: Input, number: int, place: int) -> float:
        cell = self._rows[number][place]
        if _is_number(cell):
            return float(cell)
        if given.gaps and not cell.strip():
            return nan
        column = f"`{self._header[place]}`" if self._header else str(place + 1)
        wrong = f"`{cell[:60]}`" if cell.strip() else "nothing"
        message = (
            f"row {number + self._first} of {self._label} holds {wrong} in column {column}, "
            "which is not a number"
        )
        other = "leave the cell empty where it is missing" if given.gaps else "leave the row out"
        raise failed("E614", message, f"replace it by a number, or {other}")
