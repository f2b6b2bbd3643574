"""Columns out of files of any size: read part by part, checked, and stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from nnc.backends.pieces import columns
from nnc.backends.pieces.columns import MISSING, BadExample, is_number
from nnc.backends.recipes import Reading, Takes
from nnc.compiler.source import NOWHERE, Span
from nnc.training.data.blocks import Table, Wanted, open_table
from nnc.training.data.dataset import Array
from nnc.training.data.faults import held, reading, values
from nnc.training.data.stored import Growing, GrowingTexts, Texts, converted

STREAMED = ("tables:read_csv", "tables:read_text", "tables:read_parquet")
"""The readers whose files are read part by part."""


@dataclass(frozen=True)
class Request:
    """Columns of a table as one array: what is asked for, and where."""

    keys: tuple[int | str, ...]
    takes: Takes = "numbers"
    missing: bool = False
    span: Span = field(default=NOWHERE, compare=False)


def stream(
    recipe: Reading, path: Path, label: str, requests: Sequence[Request]
) -> dict[Request, Any]:
    """What each request asks for. Raises Failed (E611, E612, E614)."""
    with reading(label):
        table = open_table(recipe.call.function, path, recipe.call.options)
    sinks: dict[Request, _Sink] = {}
    for request in requests:
        with values("E612", label, span=request.span, cure=held(table.keys)):
            keys = columns.selected(table.keys, request.keys)
        kind = _Numbers if request.takes == "numbers" else _Texts
        sinks[request] = kind(request, keys, label, len(requests))
    texts = {key for one in sinks.values() if isinstance(one, _Texts) for key in one.keys}
    numbers = {key for one in sinks.values() for key in one.keys} - texts
    first = 0
    for block in _read(table.blocks(Wanted(tuple(numbers), tuple(texts))), label):
        for sink in sinks.values():
            sink.add(block, first)
        first += len(next(iter(block.values())))
    if first == 0:
        with reading(label):
            raise ValueError("there are no examples")
    return {request: sink.column() for request, sink in sinks.items()}


def _read(blocks: Iterator[Table], label: str) -> Iterator[Table]:
    while True:
        with reading(label):
            block = next(blocks, None)
        if block is None:
            return
        yield block


class _Sink:
    """Takes what a request asks for out of each part of a table."""

    def __init__(self, request: Request, keys: Sequence[int | str], label: str) -> None:
        self.keys = tuple(keys)
        self._request = request
        self._label = label

    def add(self, block: Mapping[int | str, Any], first: int) -> None:
        raise NotImplementedError

    def column(self) -> Any:
        raise NotImplementedError

    def _numbers(self, table: Mapping[int | str, Any], first: int) -> Array:
        """The columns as numbers; `first` is the number of the first row."""
        count = len(table[self.keys[0]])
        rows = np.arange(first, first + count)
        with values("E614", self._label, span=self._request.span, rows=rows):
            found = columns.numbers(dict(table), *self.keys, missing=self._request.missing)
        return np.asarray(found, np.float64)


class _Numbers(_Sink):
    def __init__(
        self, request: Request, keys: Sequence[int | str], label: str, beside: int
    ) -> None:
        super().__init__(request, keys, label)
        self._found = Growing(beside)

    def add(self, block: Mapping[int | str, Any], first: int) -> None:
        self._found.add(self._numbers(block, first))

    def column(self) -> Array:
        return self._found.column()


class _Texts(_Sink):
    """Labels are texts until it is known whether all of them are numbers."""

    def __init__(
        self, request: Request, keys: Sequence[int | str], label: str, beside: int
    ) -> None:
        super().__init__(request, keys, label)
        self._found = GrowingTexts(beside)
        self._numeric = request.takes == "values"
        self._empty: int | None = None

    def add(self, block: Mapping[int | str, Any], first: int) -> None:
        column = block[self.keys[0]]
        if isinstance(column, np.ndarray):
            column = ["" if value != value else str(value) for value in column.tolist()]
        if self._empty is None and "" in column:
            self._empty = first + column.index("")
        self._numeric = self._numeric and all(t in MISSING or is_number(t) for t in column)
        self._found.add(column)

    def column(self) -> Any:
        texts = self._found.column()
        if self._numeric:
            return converted(texts, lambda x, first: self._numbers({self.keys[0]: x}, first))
        with values("E614", self._label, span=self._request.span):
            if self._empty is not None and not self._request.missing:
                raise BadExample("a value is missing", self._empty, self.keys[0])
        return _held(texts)


def _held(texts: Texts) -> Any:
    """Texts as an array where they are few."""
    return texts if texts.is_large else texts[np.arange(len(texts))]
