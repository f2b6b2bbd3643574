"""Text -> tokens, by one regular expression; and the tables that nn.lark was turned into."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Final, NamedTuple, TypeAlias

from nnc.compiler.source import Source, Span
from nnc.compiler.syntax import Comment

END: Final = "$END"
UNCLOSED: Final = "UNCLOSED"
UNKNOWN: Final = "UNKNOWN"
LIMIT: Final = "LIMIT"
CALL: Final = "_CALL"

MOST_TOKENS: Final = 3_000_000
"""Tokens, spaces and comments of a source: what bounds the memory of its tree."""

# A string that isn't closed on its line, and any character that begins nothing.
_DAMAGED = rf'|(?P<{UNCLOSED}>"[^\r\n]*)|(?P<{UNKNOWN}>[^\r\n])'


class Token(NamedTuple):
    kind: str
    start: int
    end: int


class Rule(NamedTuple):
    """`kept` are the parts of `size` handed to `method`, None for one that was left out.

    Without a method the one part that is kept stands for the whole.
    """

    origin: str
    size: int
    kept: tuple[int | None, ...]
    method: str | None


Row: TypeAlias = dict[str, int]


class Tables(NamedTuple):
    """`states[s][symbol]` is the next state, or `~r` where rule `r` ends."""

    pattern: re.Pattern[str]
    keywords: dict[str, str]
    literals: dict[str, str]
    rules: tuple[Rule, ...]
    states: tuple[Row, ...]
    names: dict[str, str]
    """The words that may also be names, and the kind of a token that may be either."""
    choices: dict[str, tuple[str, ...]]
    """What a token may be where its kind can't stand, in the order in which they're tried."""


@cache
def tables() -> Tables:
    """The tables of tables.json, read once."""
    path = os.path.join(os.path.dirname(__file__), "tables.json")
    with open(path, encoding="utf-8") as file:
        data = json.load(file)
    pattern = re.compile(data["pattern"] + _DAMAGED)
    names = {word: f"{word}?" for word in data["names"]}
    choices = {kind: (data["keywords"][word], "PATH") for word, kind in names.items()}
    return Tables(
        pattern,
        data["keywords"],
        data["literals"],
        tuple(Rule(origin, n, tuple(kept), method) for origin, n, kept, method in data["rules"]),
        tuple(data["states"]),
        names,
        choices | {CALL: ("LPAR",)},
    )


def tokens(source: Source, comments: list[Comment]) -> Iterator[Token]:
    """The tokens of a source and END, or LIMIT in place of the token that is one too many.

    Comments are put aside as they are met.
    """
    text = source.text
    names = tables().names
    scan = tables().pattern.finditer
    end = 1 if text.startswith("\ufeff") else 0
    for match in islice(scan(text, end), MOST_TOKENS):
        kind = match.lastgroup
        start, end = match.span()
        if kind == "SPACE":
            continue
        if kind == "PATH":
            kind = names.get(match[0], kind)
        elif kind == "COMMENT":
            comments.append(Comment(match[0].rstrip(), Span(source, start, end)))
            continue
        elif kind == CALL:
            start = end - 1
        assert kind is not None, "every alternative of the pattern is a named group"
        yield Token(kind, start, end)
    complete = end == len(text)
    yield Token(END if complete else LIMIT, end, end + (not complete))
