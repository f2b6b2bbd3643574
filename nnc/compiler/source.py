"""Where text came from: sources and spans. Offsets inside, line and column only when shown."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple


@dataclass(frozen=True, eq=False)
class Source:
    """A named text. Two sources are the same only when they are the same object."""

    name: str
    text: str = field(repr=False)
    pointers: Sequence[tuple[int, int, str]] = field(default=(), repr=False)
    """For JSON only: (start, end, pointer) of each value, in the order of their starts."""

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(end.end() for end in re.finditer("\n", self.text))]

    @cached_property
    def _around(self) -> list[int]:
        """For each pointer the number of the one around it, -1 for none."""
        around, open_values = [], [-1]
        for number, (start, _, _) in enumerate(self.pointers):
            while open_values[-1] >= 0 and self.pointers[open_values[-1]][1] <= start:
                open_values.pop()
            around.append(open_values[-1])
            open_values.append(number)
        return around

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both counted from 1, columns in characters."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def line_start(self, number: int) -> int:
        """The offset of the first character of a line, counted from 1."""
        return self._line_starts[number - 1]

    def line(self, number: int) -> str:
        """The text of a line (counted from 1) without its end."""
        start = self.line_start(number)
        stop = self._line_starts[number] if number < len(self._line_starts) else len(self.text)
        return self.text[start:stop].rstrip("\r\n")

    def pointer(self, offset: int) -> str | None:
        """The JSON pointer of the innermost value at an offset; None for a `.nn` source."""
        number = bisect_right(self.pointers, offset, key=lambda value: value[0]) - 1
        while number >= 0 and self.pointers[number][1] <= offset:
            number = self._around[number]
        return self.pointers[number][2] if number >= 0 else None


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
