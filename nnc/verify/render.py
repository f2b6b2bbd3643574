"""A verdict as text: a table with a line for each backend, then what differs and where."""

from __future__ import annotations

from collections.abc import Iterator

from nnc.verify.verdict import Compared, Comparison, Divergence, Findings, Verdict, place

COLUMNS: tuple[tuple[str, Compared | None], ...] = (
    ("backend", None),
    ("outputs", "output"),
    ("loss", "loss"),
    ("gradients", "gradient"),
    ("verdict", None),
)
AT_MOST = 8
"""Differences of one backend that are listed."""


def render(verdict: Verdict, *, details: bool = False) -> str:
    """The verdict in plain text. With `details` every comparison is listed."""
    lines = [
        _title(verdict),
        "",
        *_table(verdict),
    ]
    for finding in verdict.findings:
        lines += _explained(finding, details=details)
    lines += ["", _conclusion(verdict)]
    return "\n".join(lines) + "\n"


def _title(verdict: Verdict) -> str:
    drawn = f"batch {verdict.batch}, seed {verdict.seed}"
    return f"{verdict.program}: {verdict.precision} against the reference in float64, {drawn}"


def _table(verdict: Verdict) -> list[str]:
    rows = [tuple(title for title, _ in COLUMNS)]
    rows += [_row(finding) for finding in verdict.findings]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _row(finding: Findings) -> tuple[str, ...]:
    cells = [_worst(finding, what) for _, what in COLUMNS if what is not None]
    return (finding.backend, *cells, _word(finding))


def _worst(finding: Findings, what: Compared) -> str:
    worst = finding.worst(what)
    return _measure(worst) if worst is not None else "-"


def _measure(comparison: Comparison) -> str:
    if comparison.difference is None:
        return "broken"
    return f"{comparison.difference:.1e}"


def _word(finding: Findings) -> str:
    if finding.state != "compared":
        return finding.state
    return "agrees" if finding.agrees else "DIFFERS"


def _explained(finding: Findings, *, details: bool) -> Iterator[str]:
    wrong = list(finding.disagreements)
    if finding.message is not None or finding.help is not None or wrong:
        yield ""
    if finding.message is not None:
        yield f"{finding.backend}: {finding.state}: {finding.message}"
    if finding.help is not None:
        yield f"  help: {finding.help}"
    if finding.rounded:
        yield from _excused(finding)
    for comparison in wrong[:AT_MOST]:
        yield f"{finding.backend}: {_sentence(comparison)}"
    if len(wrong) > AT_MOST:
        yield f"{finding.backend}: … and {len(wrong) - AT_MOST} more"
    if finding.first is not None:
        yield from _located(finding.first)
    if details:
        yield ""
        yield from (
            f"{finding.backend}: {_sentence(comparison)}" for comparison in finding.comparisons
        )


def _excused(finding: Findings) -> Iterator[str]:
    number = len(finding.rounded)
    largest = max(comparison.difference or 0.0 for comparison in finding.rounded)
    yield ""
    yield (
        f"{finding.backend}: {number} gradients differ by up to {largest:.0e}: float32 decides "
        "otherwise at kinks (relu, max). Rounding moves the exact gradients about as far, and in "
        "float64 the same program agrees."
    )


def _sentence(comparison: Comparison) -> str:
    begin = f"{comparison.what} `{comparison.name}`"
    if comparison.difference is None:
        return f"{begin} {comparison.problem}"
    noted = f"; {comparison.note}" if comparison.note else ""
    return (
        f"{begin} differs by {comparison.difference:.1e} of its scale {comparison.scale:.2g} "
        f"(allowed {comparison.tolerance:.0e}){noted}"
    )


def _located(first: Divergence) -> Iterator[str]:
    where = place(first.span)
    at = f" at {where}" if where else ""
    if first.way == "loss":
        yield f"  the outputs agree, the loss `{first.word}` does not{at}"
    elif first.way == "backward":
        yield f"  outputs agree; the gradient of layer `{first.layer}` ({first.word}){at} differs"
    else:
        yield f"  the first layer that differs: `{first.layer}` ({first.word}){at}"
    yield f"  {_sentence(first.comparison)}"
    if first.hint is not None:
        yield f"  hint: {first.hint}"


def _conclusion(verdict: Verdict) -> str:
    compared = [f.backend for f in verdict.findings if f.state == "compared"]
    if verdict.agrees:
        rest = "" if verdict.complete else "; the others were not compared"
        return f"{', '.join(compared)}: the same network as the reference{rest}"
    if not compared:
        return "nothing was compared"
    return "not the same network"
