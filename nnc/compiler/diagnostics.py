"""What is said to the user about a spec: diagnostics, their labels, and the report that collects
them.

The codes and their long explanations live in `codes.py`; `render.py` shows diagnostics.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from nnc.compiler.source import Span

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Label:
    """A place and what is to be said about it. The first label of a diagnostic is its place."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake, one message.

    `message` is the headline, readable alone; `labels` say why, smallest place first;
    `help` is the cure, ready to paste; `notes` are anything else worth knowing.
    """

    code: str
    message: str
    labels: tuple[Label, ...] = ()
    help: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        return "warning" if self.code.startswith("W") else "error"

    @property
    def span(self) -> Span | None:
        return self.labels[0].span if self.labels else None


class Failed(Exception):
    """The user's input is at fault; the diagnostics say how. Carries every diagnostic found."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(d.message for d in self.diagnostics))


class Report:
    """Collects diagnostics in the order found; the same place and code is reported once."""

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], Diagnostic] = {}

    def add(self, diagnostic: Diagnostic) -> None:
        span = diagnostic.span
        place = (id(span.source), span.start, span.end) if span else diagnostic.message
        self._found.setdefault((diagnostic.code, place), diagnostic)

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        label: str = "",
        *,
        also: Iterable[Label] = (),
        help: str | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        """Add a diagnostic whose place is `span`; `also` are the second labels."""
        labels = (Label(span, label), *also)
        self.add(Diagnostic(code, message, labels, help, tuple(notes)))

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self._found.values())

    def __len__(self) -> int:
        return len(self._found)

    @property
    def errors(self) -> list[Diagnostic]:
        return [d for d in self if d.severity == "error"]

    def raise_errors(self) -> None:
        """Raise `Failed` with everything found when anything found is an error."""
        if self.errors:
            raise Failed(self)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name within a small edit distance of `name` (a third of its length, case
    ignored)."""
    best, best_distance = None, max(1, len(name) // 3) + 1
    options = list(known)
    for candidate in options:
        distance = _edits(name.lower(), candidate.lower(), best_distance)
        if distance < best_distance:
            best, best_distance = candidate, distance
    return best or next((k for k in options if _begins(k, name)), None)


def _begins(a: str, b: str) -> bool:
    """Whether one name is the other with an ending."""
    short, long = sorted((a.lower(), b.lower()), key=len)
    return len(short) > 2 and long.startswith(short)


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A `help` line that suggests the nearest known name, or None."""
    found = nearest(name, known)
    return f"did you mean `{found}`?" if found else None


def _edits(a: str, b: str, limit: int) -> int:
    """Optimal string alignment distance (swap of neighbours counts one), cut off at `limit`."""
    if abs(len(a) - len(b)) >= limit:
        return limit
    before: list[int] = []
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(row[-1] + 1, previous[j] + 1, previous[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, previous = previous, row
    return previous[-1]
