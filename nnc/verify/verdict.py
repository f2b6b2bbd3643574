"""What verification finds: a tree of frozen dataclasses, readable as text or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from nnc.backends.base import Precision
from nnc.compiler.source import NOWHERE, Span

Compared: TypeAlias = Literal["output", "loss", "gradient"]
Way: TypeAlias = Literal["forward", "backward", "loss"]
State: TypeAlias = Literal["compared", "not installed", "refused", "failed"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One array of a backend against the reference's.

    `difference` is the largest one as a share of `scale`; None when there is a `problem`, which
    says why nothing could be measured.
    """

    what: Compared
    name: str
    tolerance: float
    difference: float | None = None
    scale: float = 1.0
    problem: str | None = None
    note: str | None = None
    rounding: bool = False
    """Whether the tolerance is what rounding accounts for, and not that of the table."""

    @property
    def agrees(self) -> bool:
        # A difference that is not a number compares as false, and so does not agree.
        return self.problem is None and (
            self.difference is not None and self.difference <= self.tolerance
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "name": self.name,
            "agrees": self.agrees,
            "difference": self.difference,
            "scale": self.scale,
            "tolerance": self.tolerance,
            "problem": self.problem,
            "note": self.note,
            "rounding": self.rounding,
        }


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first layer, in the order of computation, that differs from the reference."""

    layer: str
    word: str
    way: Way
    comparison: Comparison
    span: Span = NOWHERE
    hint: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "word": self.word,
            "way": self.way,
            "comparison": self.comparison.to_json(),
            "place": place(self.span),
            "hint": self.hint,
        }


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found about one backend. `message` says why it was not compared."""

    backend: str
    state: State
    comparisons: tuple[Comparison, ...] = ()
    first: Divergence | None = None
    message: str | None = None
    help: str | None = None

    @property
    def agrees(self) -> bool:
        """Whether something was compared, and all of it agrees."""
        return (
            self.state == "compared"
            and bool(self.comparisons)
            and all(comparison.agrees for comparison in self.comparisons)
        )

    @property
    def disagreements(self) -> Iterator[Comparison]:
        return (comparison for comparison in self.comparisons if not comparison.agrees)

    def worst(self, what: Compared) -> Comparison | None:
        """The comparison of a kind with the largest difference; one that disagrees comes first."""
        mine = [comparison for comparison in self.comparisons if comparison.what == what]
        return max(mine, key=_badness, default=None)

    @property
    def rounded(self) -> tuple[Comparison, ...]:
        """What agrees only because rounding decides at kinks."""
        return tuple(c for c in self.comparisons if c.agrees and c.rounding)

    def to_json(self) -> dict[str, Any]:
        return {
            "backend": self.backend,
            "state": self.state,
            "agrees": self.agrees,
            "comparisons": [comparison.to_json() for comparison in self.comparisons],
            "first": self.first.to_json() if self.first else None,
            "message": self.message,
            "help": self.help,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found about a program on several backends, each against the float64 reference."""

    program: str
    precision: Precision
    seed: int
    batch: int
    findings: tuple[Findings, ...]

    @property
    def agrees(self) -> bool:
        """Whether at least one backend was compared, and all that could be agree.

        One that is not installed, or that declares that it can't express a word, neither agrees nor
        disagrees: see `complete`.
        """
        counted = [f for f in self.findings if f.state in ("compared", "failed")]
        return bool(counted) and all(finding.agrees for finding in counted)

    @property
    def complete(self) -> bool:
        """Whether every backend was compared."""
        return all(finding.state == "compared" for finding in self.findings)

    def of(self, backend: str) -> Findings:
        """What was found about a backend. Raises KeyError."""
        for finding in self.findings:
            if finding.backend == backend:
                return finding
        raise KeyError(backend)

    def to_json(self) -> dict[str, Any]:
        return {
            "program": self.program,
            "agrees": self.agrees,
            "complete": self.complete,
            "precision": self.precision,
            "seed": self.seed,
            "batch": self.batch,
            "backends": [finding.to_json() for finding in self.findings],
        }


def place(span: Span) -> str | None:
    """`file:line:column` of a span, or None for what stands in no spec."""
    if not span.source.text:
        return None
    line, column = span.source.position(span.start)
    return f"{span.source.name}:{line}:{column}"


def _badness(comparison: Comparison) -> tuple[bool, float]:
    unknown = comparison.difference is None
    return not comparison.agrees, float("inf") if unknown else comparison.difference or 0.0
