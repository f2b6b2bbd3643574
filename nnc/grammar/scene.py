"""Where the parse stands when a token doesn't fit: what its messages are made from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple

from nnc.compiler.source import Source, Span
from nnc.grammar.stacks import PAIRS, Stacks
from nnc.grammar.terminals import END, Token, tables

DECLARATIONS: Final = ("use", "param", "block", "model", "data", "train", "search")
STATEMENTS: Final = ("input", "output", "layer", "layout", "assert", "target")
"""The words that begin a statement; the last does so in `train` alone."""

_LAST: Final = re.compile(r'(?:[\w.]+|"[^"\n]*"|->|[=<>!]=|\*\*|//|\S)\Z')
_WORD: Final = re.compile(r"\w+")


class Bracket(NamedTuple):
    """An opening bracket that isn't closed, and its place on the stacks."""

    text: str
    place: int
    span: Span


@dataclass(frozen=True)
class Scene:
    """The machine before the token that doesn't fit; `end` is where the token before it ends."""

    source: Source
    stacks: Stacks
    token: Token
    end: int

    # ---- the token and the text around it -------------------------------------------------

    @property
    def kind(self) -> str:
        return self.token.kind

    @property
    def span(self) -> Span:
        return Span(self.source, self.token.start, self.token.end)

    @cached_property
    def text(self) -> str:
        return self.span.text

    @cached_property
    def starts_line(self) -> bool:
        """Whether the token is the first on its line, or the end of the file."""
        between = self.source.text[self.end : self.token.start]
        return self.kind == END or self.end == 0 or "\n" in between

    @cached_property
    def after(self) -> str:
        """What follows the token on its line, at most 200 characters."""
        rest = self.source.text[self.token.end : self.token.end + 200]
        return rest.partition("\n")[0].strip()

    @cached_property
    def last(self) -> Span:
        """The token before."""
        first = max(0, self.end - 100)
        found = _LAST.search(self.source.text[first : self.end])
        return Span(self.source, first + found.start() if found else self.end, self.end)

    def back(self) -> Scene:
        """The scene one token earlier, when that token is a word."""
        word = self.value_span(1)
        before = self.source.text[: word.start].rstrip()
        stacks = Stacks(*(stack[:-1] for stack in self.stacks))
        token = Token(tables().keywords.get(word.text, "PATH"), word.start, word.end)
        return Scene(self.source, stacks, token, len(before))

    def indentation(self, offset: int) -> int:
        """How far the line of an offset is indented."""
        text = self.source.text
        start = text.rfind("\n", 0, offset) + 1
        return len(text[start : start + 200]) - len(text[start : start + 200].lstrip(" \t\ufeff"))

    # ---- the stacks -----------------------------------------------------------------------

    def word(self, place: int) -> str:
        """The terminal so many places from the top of the stack (1: on top), or ""."""
        values = self.stacks.values
        value = values[-place] if place <= len(values) else ""
        return value if isinstance(value, str) else ""

    def part(self, place: int) -> Any:
        """The part so many places below the top of the stack; None below it all."""
        values = self.stacks.values
        return values[-place] if place <= len(values) else None

    def value_span(self, place: int) -> Span:
        """The place of a terminal on the stack."""
        start = self.stacks.starts[-place]
        return Span(self.source, start, start + len(self.stacks.values[-place]))

    @cached_property
    def open(self) -> list[Bracket]:
        """The brackets that aren't closed, outermost first."""
        return list(_open(self.source, self.stacks))

    @property
    def innermost(self) -> Bracket | None:
        return self.open[-1] if self.open else None

    def accepts(self, kind: str) -> bool:
        """Whether a terminal may stand where the token stands."""
        rows, rules = tables().states, tables().rules
        states = list(self.stacks.states)
        while (action := rows[states[-1]].get(kind)) is not None:
            if action >= 0:
                return True
            rule = rules[~action]
            if rule.size:
                del states[-rule.size :]
            states.append(rows[states[-1]][rule.origin])
        return False

    @property
    def wants_value(self) -> bool:
        return self.accepts("STRING") and self.accepts("NUMBER")

    @property
    def wants_stage(self) -> bool:
        return self.accepts("_FOR")

    @property
    def declaration(self) -> str | None:
        """The word of the declaration whose body the token is in: `model`, `train`, …"""
        if not self.open:
            return None
        first = self.open[0].place
        words = [v for v in self.stacks.values[:first] if isinstance(v, str)]
        return words[0] if words else None


def _open(source: Source, stacks: Stacks) -> Iterator[Bracket]:
    """Terminals on the stack are their text, and no other text is a single bracket."""
    closed = 0
    found = []
    for index in range(len(stacks.values) - 1, -1, -1):
        value = stacks.values[index]
        if not isinstance(value, str):
            continue
        if value in PAIRS.values():
            closed += 1
        elif value in PAIRS and closed:
            closed -= 1
        elif value in PAIRS:
            start = stacks.starts[index]
            found.append(Bracket(value, index, Span(source, start, start + 1)))
    return reversed(found)
