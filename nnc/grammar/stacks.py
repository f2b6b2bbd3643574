"""What the machine of parse.py works on, and what is left of it to look at after a mistake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from nnc.compiler.diagnostics import Diagnostic
from nnc.grammar.terminals import Token

PAIRS: Final = {"(": ")", "[": "]", "{": "}"}


class Stacks(NamedTuple):
    """The stacks of the machine. `states` has one more than the others: the state at the start."""

    states: list[int]
    values: list[Any]
    starts: list[int]
    depths: list[int]


class Tokens:
    """The tokens of a source, of which some may be put back."""

    def __init__(self, tokens: Iterator[Token]) -> None:
        self._tokens = tokens
        self._back: list[Token] = []

    def __iter__(self) -> Iterator[Token]:
        return self

    def __next__(self) -> Token:
        return self._back.pop() if self._back else next(self._tokens)

    def put_back(self, *tokens: Token) -> None:
        self._back.extend(reversed(tokens))


class Abandoned(Exception):
    """Going on makes no sense."""

    def __init__(self, diagnostic: Diagnostic | None = None) -> None:
        super().__init__(diagnostic)
        self.diagnostic = diagnostic
