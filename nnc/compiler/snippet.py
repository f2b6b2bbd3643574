"""Pieces of a source with marks under them, as a terminal shows them.

Every character of a source takes the columns that a terminal gives it; what a terminal would
obey or hide (control and format characters) is written as an escape; lines that are too long are
cut around their marks. The work is bounded by the width, not by the length of a line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal, NamedTuple

from nnc.compiler.diagnostics import Label
from nnc.compiler.source import Source

Style = Literal["", "primary", "secondary", "gutter"]
Painter = Callable[[Style, str], str]

_TAB = "    "
_WHOLE_SPAN = 4
"""A span over at most this many lines is shown whole, of a longer one the two ends."""
_NARROWEST = 20
"""Columns that a line gets even where the terminal is narrower."""


def visible(text: str) -> str:
    """The text with every character that a terminal would obey or hide written as an escape."""
    return text if text.isprintable() else "".join(map(_cell, text))


def _cell(character: str) -> str:
    """What is shown for one character."""
    if character == "\t":
        return _TAB
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()


def _columns(cell: str) -> int:
    """How many columns of a terminal a cell takes."""
    if len(cell) > 1 or cell.isascii():
        return len(cell)
    if unicodedata.category(cell) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(cell) in "WF" else 1


# ---- the part of a line that is shown --------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _View:
    """A line, or what is left of it after cutting. `columns[i]` is that of offset `first + i`."""

    text: str
    first: int
    columns: tuple[int, ...]

    def column(self, offset: int) -> int:
        """The column of an offset; offsets that were cut off stand at the ends."""
        return self.columns[min(max(offset - self.first, 0), len(self.columns) - 1)]


def _line_bounds(source: Source, offset: int) -> tuple[int, int]:
    """First offset of the line of an offset, and the offset of its end."""
    start = source.text.rfind("\n", 0, offset) + 1
    stop = source.text.find("\n", offset)
    stop = len(source.text) if stop < 0 else stop
    return start, stop - source.text.endswith("\r", start, stop)


def _view(source: Source, focus: tuple[int, int], room: int) -> _View:
    """The line around the offsets `focus`, in at most `room` columns."""
    start, stop = _line_bounds(source, focus[0])
    first, last = min(focus[0], stop), min(focus[1], focus[0] + room, stop)
    low, high = max(start, first - room), min(stop, last + room)
    cells = [_cell(character) for character in source.text[low:high]]
    widths = [_columns(cell) for cell in cells]
    a, b = 0, len(cells)
    if low > start or high < stop or sum(widths) > room:
        a, b = _cut(widths, first - low, last - low, room - 2)
    before = "…" if low + a > start else ""
    after = "…" if low + b < stop else ""
    columns = _places(widths[a:b], len(before))
    return _View(f"{before}{''.join(cells[a:b])}{after}", low + a, columns)


def _cut(widths: Sequence[int], first: int, last: int, room: int) -> tuple[int, int]:
    """The range of cells around [first, last) that fits, with as much on its left as right."""
    b, left = _extend(widths, range(first, last), room)
    b = first + b
    a, spare = _extend(widths, range(first - 1, -1, -1), left // 2)
    more, left = _extend(widths, range(b, len(widths)), left - left // 2 + spare)
    further, _ = _extend(widths, range(first - a - 1, -1, -1), left)
    return first - a - further, b + more


def _extend(widths: Sequence[int], cells: range, room: int) -> tuple[int, int]:
    """How many of the cells fit into the room, and what room is left."""
    count = 0
    for cell in cells:
        if widths[cell] > room:
            break
        room -= widths[cell]
        count += 1
    return count, room


def _places(widths: Sequence[int], start: int) -> tuple[int, ...]:
    """The column of each cell and of the end. A combining mark stands where its letter does."""
    places, base, column = [], start, start
    for width in widths:
        if width:
            base = column
        places.append(base)
        column += width
    return (*places, column)


# ---- marks -----------------------------------------------------------------------------------


class _Mark(NamedTuple):
    """Offsets in one line to be underlined, and what is said below."""

    start: int
    stop: int
    text: str
    style: Style

    @property
    def glyph(self) -> str:
        return "^" if self.style == "primary" else "-"


class _Bar(NamedTuple):
    """A span over several lines: a bar at the left that begins and ends at a mark."""

    slot: int
    first: int
    last: int
    opening: _Mark
    closing: _Mark
    slash: bool
    """Nothing stands in front of the span, so the bar can begin in its first line."""


@dataclass(slots=True)
class _Row:
    """A row of characters with styles, written at any column, later over earlier."""

    cells: list[tuple[str, Style]] = field(default_factory=list)

    def put(self, column: int, text: str, style: Style) -> None:
        missing = column + len(text) - len(self.cells)
        self.cells.extend([(" ", "")] * missing)
        self.cells[column : column + len(text)] = [(character, style) for character in text]

    def painted(self, paint: Painter) -> str:
        runs = groupby(self.cells, key=lambda cell: cell[1])
        return "".join(
            paint(style, "".join(character for character, _ in run)) for style, run in runs
        )


def _mark_rows(view: _View, marks: Sequence[_Mark], margin: int) -> list[_Row]:
    """The underlines, with one label behind them where that is clear and the others below."""
    if not marks:
        return []
    placed = [(view.column(m.start) + margin, m) for m in marks]
    placed.sort(key=lambda at: (at[0], at[1].style == "primary"))
    ends = {m: max(view.column(m.stop) + margin, column + 1) for column, m in placed}
    underline = _Row()
    for column, mark in sorted(placed, key=lambda at: at[1].style == "primary"):
        underline.put(column, mark.glyph * (ends[mark] - column), mark.style)
    last_column, last = placed[-1]
    hanging = [(column, m) for column, m in placed if m.text]
    alone = all(m is last or ends[m] <= last_column for _, m in placed)
    if last.text and alone and "\n" not in last.text:
        underline.put(ends[last] + 1, visible(last.text), last.style)
        hanging.pop()
    return [underline, *_hanging_rows(hanging)]


def _hanging_rows(labels: list[tuple[int, _Mark]]) -> Iterator[_Row]:
    """Labels below their underlines, the rightmost first, each on a line of its own."""
    if labels:
        yield _with_bars(labels)
    while labels:
        column, mark = labels.pop()
        for line in mark.text.split("\n"):
            row = _with_bars([at for at in labels if at[0] < column])
            row.put(column, visible(line), mark.style)
            yield row


def _with_bars(labels: Iterable[tuple[int, _Mark]]) -> _Row:
    row = _Row()
    for column, mark in labels:
        row.put(column, "|", mark.style)
    return row


# ---- snippets --------------------------------------------------------------------------------


class Snippet:
    """The lines of one source that labels speak of, with the labels under them.

    The first label is underlined with carets when `primary` is set, all others with dashes.
    """

    def __init__(self, source: Source, labels: Sequence[Label], *, primary: bool) -> None:
        self._source = source
        self._marks: dict[int, list[_Mark]] = {}
        self._bars: list[_Bar] = []
        for number, label in enumerate(labels):
            self._add(label, "primary" if primary and number == 0 else "secondary")
        self._lines = self._shown_lines()

    @property
    def last_line(self) -> int:
        return self._lines[-1]

    def rows(self, digits: int, width: int, paint: Painter) -> Iterator[str]:
        """The lines to print, at most `width` columns, with line numbers of `digits` digits."""
        previous = self._lines[0]
        for line in self._lines:
            if line > previous + 1:
                dots = paint("gutter", "...".ljust(digits + 3))
                yield f"{dots}{self._bars_into(line).painted(paint)}".rstrip()
            yield from self._line_rows(line, digits, width, paint)
            previous = line

    def _add(self, label: Label, style: Style) -> None:
        """Sort a label into the marks of its line, or into the bars when it covers several."""
        start, stop = _trimmed(label)
        first = self._source.position(start)[0]
        last = self._source.position(max(start, stop - 1))[0]
        if first == last:
            mark = _Mark(start, stop, label.text, style)
            self._marks.setdefault(first, []).append(mark)
            return
        opening = _Mark(start, start + 1, "", style)
        closing = _Mark(stop - 1, stop, label.text, style)
        line_start = self._source.line_start(first)
        slash = start - line_start < 100 and not self._source.text[line_start:start].strip()
        self._bars.append(_Bar(len(self._bars), first, last, opening, closing, slash))

    def _shown_lines(self) -> list[int]:
        lines = set(self._marks)
        for bar in self._bars:
            whole = bar.last - bar.first < _WHOLE_SPAN
            lines.update(range(bar.first, bar.last + 1) if whole else (bar.first, bar.last))
        # One line that is left out takes as much room as the dots in its place.
        return sorted(lines | {line + 1 for line in lines if line + 2 in lines})

    def _line_rows(self, line: int, digits: int, width: int, paint: Painter) -> Iterator[str]:
        room = max(width - digits - 3 - 2 * len(self._bars), _NARROWEST)
        number = paint("gutter", f"{line:>{digits}} | ")
        empty = paint("gutter", f"{'':{digits}} | ")
        margin = self._margin(line).painted(paint)
        for marks in self._groups(line, room):
            view = _view(self._source, self._focus(line, marks), room)
            yield f"{number}{margin}{view.text}".rstrip()
            for row in self._rows_below(view, line, marks):
                yield f"{empty}{row.painted(paint)}".rstrip()

    def _groups(self, line: int, room: int) -> list[list[_Mark]]:
        """The marks of a line that are shown together: all, unless they lie too far apart."""
        marks = sorted([*self._marks.get(line, []), *(mark for _, mark in self._ends(line))])
        groups = [marks[:1]]
        for mark in marks[1:]:
            if mark.stop - groups[-1][0].start > room - _NARROWEST // 2:
                groups.append([])
            groups[-1].append(mark)
        return groups

    def _ends(self, line: int) -> list[tuple[_Bar, _Mark]]:
        """The bars that begin or end at a place in a line, with that place."""
        opening = [(b, b.opening) for b in self._bars if b.first == line and not b.slash]
        return opening + [(b, b.closing) for b in self._bars if b.last == line]

    def _focus(self, line: int, marks: Sequence[_Mark]) -> tuple[int, int]:
        """The offsets that must be seen; of a line without marks, its start."""
        start = self._source.line_start(line)
        return min((m.start for m in marks), default=start), max(
            (m.stop for m in marks), default=start
        )

    def _rows_below(self, view: _View, line: int, marks: Sequence[_Mark]) -> Iterator[_Row]:
        ends = [(bar, mark) for bar, mark in self._ends(line) if mark in marks]
        underlined = [mark for mark in marks if all(mark is not end for _, end in ends)]
        for row in _mark_rows(view, underlined, 2 * len(self._bars)):
            yield self._margin_below(line, row)
        for bar, mark in ends:
            yield from self._end_rows(view, line, bar, mark)

    def _end_rows(self, view: _View, line: int, bar: _Bar, mark: _Mark) -> Iterator[_Row]:
        """The row that leads a bar to the place where its span begins or ends."""
        side, column = 2 * bar.slot, view.column(mark.start) + 2 * len(self._bars)
        row = self._margin_below(line, _Row())
        row.put(side + 1, "_" * (column - side - 1) + mark.glyph, mark.style)
        first, *more = mark.text.split("\n")
        row.put(column + 2, visible(first), mark.style)
        yield row
        for text in more:
            row = _Row()
            row.put(column + 2, visible(text), mark.style)
            yield row

    def _margin(self, line: int) -> _Row:
        """What stands between the line's number and its text."""
        row = self._bars_into(line)
        for bar in self._bars:
            if bar.slash and bar.first == line:
                row.put(2 * bar.slot, "/", bar.opening.style)
        return row

    def _margin_below(self, line: int, row: _Row) -> _Row:
        """The row with the bars that go on below the text of a line."""
        for bar in self._bars:
            if bar.first < line <= bar.last or (bar.slash and line == bar.first):
                row.put(2 * bar.slot, "|", bar.opening.style)
        return row

    def _bars_into(self, line: int) -> _Row:
        """The bars that come from the lines above a line."""
        row = _Row()
        row.put(0, "  " * len(self._bars), "")
        for bar in self._bars:
            if bar.first < line <= bar.last:
                row.put(2 * bar.slot, "|", bar.opening.style)
        return row


def _trimmed(label: Label) -> tuple[int, int]:
    """The offsets of a label inside its source, without white space at the end."""
    text = label.span.source.text
    start = min(label.span.start, len(text))
    stop = min(max(label.span.end, start), len(text))
    tail = text[max(start, stop - 1000) : stop]
    return start, max(stop - len(tail) + len(tail.rstrip()), start)
