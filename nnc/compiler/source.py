"""Where text came from: sources and spans. Offsets inside, line and column only when shown."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple


@dataclass(frozen=True, eq=False)
class Source:
    """A named text. Two sources are the same only when they are the same object."""

    name: str
    text: str = field(repr=False)
    pointers: tuple[tuple[int, int, str], ...] = field(default=(), repr=False)
    """For JSON only: (start, end, pointer) of each value, outermost first."""

    @cached_property
    def _line_starts(self) -> list[int]:
        starts = [0]
        starts.extend(i + 1 for i, character in enumerate(self.text) if character == "\n")
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both counted from 1, columns in characters."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (counted from 1) without its end."""
        start = self._line_starts[number - 1]
        stop = self._line_starts[number] if number < len(self._line_starts) else len(self.text)
        return self.text[start:stop].rstrip("\r\n")

    def pointer(self, offset: int) -> str | None:
        """The JSON pointer of the innermost value at an offset; None for a `.nn` source."""
        found = None
        for start, end, pointer in self.pointers:
            if start <= offset < end:
                found = pointer
        return found


class Span(NamedTuple):
    """The half-open range of characters `[start, end)` of a source."""

    source: Source
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.source.text[self.start : self.end]

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of another."""
        return Span(self.source, self.start, other.end)


NOWHERE = Span(Source("<built in>", ""), 0, 0)
"""The span of what nobody wrote: defaults, and programs made in Python."""
