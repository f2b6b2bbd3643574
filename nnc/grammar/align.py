"""Which signs of neighbouring lines stand in one column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from nnc.compiler.syntax import Bind, Input, Output, Statement, Target
from nnc.grammar.layout import INDENT, WIDTH, Doc, flat_width

_LARGEST_STEP: Final = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """A statement about to be written: `head`, then `tail` in a column that neighbours may share.

    `above` are whole lines before it, "" for an empty one.
    """

    statement: Statement | Target
    above: tuple[str, ...]
    head: str
    tail: tuple[Doc, ...]
    trailing: str


def settings_columns(entries: Sequence[Entry]) -> list[int]:
    """In a train or search block all `=` stand in one column."""
    widest = max((len(e.head) for e in entries if isinstance(e.statement, Bind)), default=0)
    return [widest if isinstance(e.statement, Bind) else 0 for e in entries]


def body_columns(entries: Sequence[Entry]) -> list[int]:
    """In a model or block `input` is as wide as an `output` beside it, and the `=` of one-line
    neighbours stand in one column where their names are nearly of a length.
    """
    columns = [0] * len(entries)
    for run in _runs(entries, _is_port):
        if any(isinstance(entries[i].statement, Output) for i in run):
            for i in run:
                statement = entries[i].statement
                typed = isinstance(statement, Input) and statement.type is not None
                columns[i] = len("output") if typed else 0
    for kind in (Bind, Output):
        for run in _runs(entries, partial(_is_short, kind=kind)):
            widths = [len(entries[i].head) for i in run]
            if max(widths) - min(widths) <= _LARGEST_STEP:
                for i in run:
                    columns[i] = max(widths)
    return columns


def _runs(entries: Sequence[Entry], belongs: Callable[[Entry], bool]) -> Iterator[list[int]]:
    """The runs of two or more entries that belong together, with nothing between them."""
    run: list[int] = []
    for index, entry in enumerate(entries):
        if run and (entry.above or not belongs(entry)):
            yield from [run] if len(run) > 1 else []
            run = []
        if belongs(entry):
            run.append(index)
    yield from [run] if len(run) > 1 else []


def _is_port(entry: Entry) -> bool:
    return isinstance(entry.statement, Input | Output)


def _is_short(entry: Entry, kind: type[Bind | Output]) -> bool:
    """Whether it is on one line, even when its `=` is moved by the largest step."""
    if not isinstance(entry.statement, kind):
        return False
    room = WIDTH - INDENT - len(entry.head) - _LARGEST_STEP
    return flat_width(entry.tail, room) is not None
