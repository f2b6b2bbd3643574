"""Tables read a part at a time: CSV, plain text and Parquet files of any size."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from itertools import chain, islice
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from nnc.backends.pieces import tables
from nnc.training.data import decimals

Table = dict[int | str, Any]
_CHARACTERS = 2**21
"""How much text is looked at together."""
_ROWS = 20_000


@dataclass(frozen=True)
class Wanted:
    """Columns by number or name as the table has them: those that must be numbers, and those that
    are texts or may be either."""

    numbers: tuple[int | str, ...]
    texts: tuple[int | str, ...]


class TextTable:
    """A CSV file, or with `delimiter` None one whose columns stand between white space."""

    def __init__(self, path: Path, delimiter: str | None, header: bool) -> None:
        self._path = path
        self._delimiter = delimiter
        self._header = header
        with self._open() as file:
            row = next(self._rows(file), None)
        if row is None:
            raise ValueError("there are no examples")
        self.width = len(row)
        names = [name.strip() for name in row] if header else []
        self.keys = tables.named({number: number for number in range(self.width)}, names)

    def blocks(self, wanted: Wanted) -> Iterator[Table]:
        """The wanted columns, part by part. Raises ValueError for a row of another length."""
        with self._open() as file:
            if self._header:
                next(self._rows(file))
            first = 0
            while lines := file.readlines(_CHARACTERS):
                text = "".join(lines)
                if self._delimiter and '"' in text:
                    text = self._unquoted(text)
                    # A cell in quotes may go on in the next line, which the csv module knows.
                    if '"' in text:
                        yield from self._slow(self._split(chain(lines, file)), wanted, first)
                        return
                    lines = StringIO(text, newline="").readlines()
                found, count = (None if "\0" in text else self._fast(lines, wanted)) or (None, 0)
                if found is not None:
                    yield found
                    first += count
                    continue
                for table in self._slow(self._split(lines), wanted, first):
                    yield table
                    first += len(next(iter(table.values())))

    @contextmanager
    def _open(self) -> Iterator[TextIO]:
        try:
            with self._path.open(encoding="utf-8-sig", newline="") as file:
                yield file
        except UnicodeDecodeError:
            raise UnicodeError(f"see line {self._foreign()}") from None

    def _foreign(self) -> int:
        """The number of the first line that is not in UTF-8."""
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    line.decode()
                except UnicodeDecodeError:
                    return number
        raise AssertionError("it was read as UTF-8")

    @property
    def _format(self) -> dict[str, Any]:
        return {"delimiter": self._delimiter, "strict": True}

    def _rows(self, file: TextIO) -> Iterator[list[str]]:
        """The rows of a file that hold something."""
        return (row for row in self._split(file) if row)

    def _unquoted(self, text: str) -> str:
        """Whole lines without the quotes around cells that would be the same without them."""
        cut = re.escape(self._delimiter or "")
        cell = rf'(^|{cut})"([^"{cut}\r\n]*)"(?={cut}|\r|\n|\Z)'
        return re.sub(cell, r"\1\2", text, flags=re.MULTILINE)

    def _split(self, lines: Any) -> Iterator[list[str]]:
        if self._delimiter:
            return csv.reader(lines, **self._format)
        return (line.partition("#")[0].split() for line in lines)

    def _fast(self, lines: list[str], wanted: Wanted) -> tuple[Table, int] | None:
        """The columns by NumPy's own reader; None where it can't read them all."""
        if self._delimiter is None:
            return self._fast_text(lines, wanted)
        if {"\n", "\r", "\r\n"} & {*lines}:
            lines = [line for line in lines if line.strip("\r\n")]
        if {line.count(self._delimiter) for line in lines} != {self.width - 1}:
            return None
        table: Table = {}
        if wanted.numbers:
            places = [self.keys[key] for key in wanted.numbers]
            numbers = decimals.read("".join(lines), self._delimiter, self.width, places)
            if numbers is None:
                numbers = _loaded(lines, delimiter=self._delimiter, comments=None, usecols=places)
            if numbers is None or len(numbers) != len(lines):
                return None
            table = {key: numbers[:, i] for i, key in enumerate(wanted.numbers)}
        if wanted.texts:
            places = [self.keys[key] for key in wanted.texts]
            texts = _loaded(
                lines, delimiter=self._delimiter, comments=None, usecols=places, dtype=object
            )
            if texts is None or len(texts) != len(lines):
                return None
            for i, key in enumerate(wanted.texts):
                table[key] = [text.strip() for text in texts[:, i].tolist()]
        return table, len(lines)

    def _fast_text(self, lines: list[str], wanted: Wanted) -> tuple[Table, int] | None:
        if wanted.texts or any("#" in line for line in lines):
            return None
        numbers = _loaded(lines, comments=None)
        if numbers is None or numbers.shape[1] != self.width:
            return None
        return {key: numbers[:, self.keys[key]] for key in wanted.numbers}, len(numbers)

    def _slow(self, rows: Iterator[list[str]], wanted: Wanted, first: int) -> Iterator[Table]:
        """The columns row by row, as texts."""
        held = _unbroken(rows, first)
        while part := list(islice(held, _ROWS)):
            for number, row in enumerate(part, first + 1):
                if len(row) != self.width:
                    raise ValueError(f"row {number} has {len(row)} columns, not {self.width}")
                if "\0" in "".join(row):
                    raise ValueError(f"row {number} holds a byte that is 0, which no text does")
            yield {
                key: [row[self.keys[key]].strip() for row in part]
                for key in (*wanted.numbers, *wanted.texts)
            }
            first += len(part)


def _unbroken(rows: Iterator[list[str]], first: int) -> Iterator[list[str]]:
    """The rows that hold something, after `first` others. Raises ValueError where the quotes of a
    cell are not closed, which would make one cell of all that follows."""
    number = first
    try:
        for row in rows:
            if row:
                number += 1
                yield row
    except csv.Error as error:
        message = "quotes around a cell are not closed at its end"
        if "limit" in str(error):
            most = csv.field_size_limit()
            message = f"a cell has more than {most:,} characters, or its quotes are not closed"
        raise ValueError(f"row {number + 1}: {message}") from None


def _loaded(lines: list[str], **options: Any) -> np.ndarray | None:
    try:
        return np.loadtxt(lines, ndmin=2, **options)
    except (ValueError, IndexError):
        return None


class ParquetTable:
    """A Parquet file."""

    def __init__(self, path: Path) -> None:
        from pyarrow import parquet

        self._file = parquet.ParquetFile(path)
        self._names = self._file.schema_arrow.names
        self.keys = tables.named({i: i for i in range(len(self._names))}, self._names)

    def blocks(self, wanted: Wanted) -> Iterator[Table]:
        """The wanted columns, part by part."""
        names = {key: self._names[self.keys[key]] for key in (*wanted.numbers, *wanted.texts)}
        for batch in self._file.iter_batches(columns=sorted({*names.values()}), batch_size=_ROWS):
            found = {name: tables.arrow_column(batch.column(name)) for name in {*names.values()}}
            yield {key: found[name] for key, name in names.items()}


def open_table(function: str, path: Path, options: Mapping[str, Any]) -> TextTable | ParquetTable:
    """The table that a function of the pieces would read as a whole."""
    if function == "tables:read_parquet":
        return ParquetTable(path)
    if function == "tables:read_text":
        return TextTable(path, None, header=False)
    return TextTable(path, options.get("delimiter", ","), options.get("header", True))
