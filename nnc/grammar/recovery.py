"""What happens at a mistake: it is reported, and the parse goes on where that is safe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from nnc.compiler.diagnostics import Diagnostic, Label, Report
from nnc.compiler.source import Source, Span
from nnc.grammar.terminals import Token


class Abandoned(Exception):
    """Going on makes no sense."""

    def __init__(self, diagnostic: Diagnostic | None = None) -> None:
        super().__init__(diagnostic)
        self.diagnostic = diagnostic


class Stacks(NamedTuple):
    """The stacks of the machine. `states` has one more than the others: the state at the start."""

    states: list[int]
    values: list[Any]
    starts: list[int]
    depths: list[int]


def recover(
    source: Source, report: Report, stacks: Stacks, token: Token, rest: Iterator[Token]
) -> Token:
    """Report what is wrong at `token`; cut the stacks back to where the returned token fits."""
    span = Span(source, token.start, token.end)
    raise Abandoned(Diagnostic("E010", f"unexpected `{span.text}`", (Label(span),)))
