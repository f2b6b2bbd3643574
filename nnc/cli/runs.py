"""`nnc runs`: the runs in a folder as a table."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nnc.cli import specs
from nnc.cli.terminal import Unusable, give, say
from nnc.cli.verb import FILE, Verb

if TYPE_CHECKING:
    from nnc.training.folder import Folder, Record

_HEADS = ("run", "spec", "backend", "epochs", "best", "status", "started")


@click.command(
    "runs",
    cls=Verb,
    example="nnc runs\nnnc runs experiments --sort test_accuracy",
    short_help="the runs in a folder as a table, by a metric",
)
@click.argument("folder", type=FILE, default="runs")
@click.option("--sort", "metric", metavar="METRIC", help="best first: `val_loss`, `test_accuracy`")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
def command(folder: str, metric: str | None, format_: str) -> None:
    """List the runs in a folder: what was trained, how far it came, and how good it was.

    `best` is the value that says how good an epoch is, and the epoch that had the best one. With
    `--sort` there is a column for the metric, as it was at the end.
    """
    from nnc.training.folder import runs

    try:
        found = runs(Path(folder))
    except OSError as error:
        raise specs.unreadable(folder, error) from None
    for run, record in found:
        if record is None:
            say(f"warning: {run.record} can't be read")
    known = [(run, record) for run, record in found if record is not None]
    if metric is not None:
        known = _sorted(known, metric)
    if format_ == "json":
        give(json.dumps([{"run": str(f.path), **asdict(r)} for f, r in known], indent=2))
    elif known:
        give(_table([*_HEADS, *([metric] if metric else [])], _rows(known, metric)))
    else:
        say(f"there are no runs in {folder}")


def _sorted(runs: list[tuple[Folder, Record]], metric: str) -> list[tuple[Folder, Record]]:
    """The best first; those without the metric last."""
    names = sorted({name for _, record in runs for name in record.numbers})
    if metric not in names:
        from nnc.compiler.diagnostics import did_you_mean

        is_table = any(metric in record.results for _, record in runs)
        why = f"`{metric}` is a table, which has no order" if is_table else f"no run has `{metric}`"
        measured = f"measured are {', '.join(names)}" if names else "no run has come to an end"
        raise Unusable(why, did_you_mean(metric, names) or measured)
    sign = -1 if _larger_is_better(metric) else 1

    def place(run: tuple[Folder, Record]) -> tuple[bool, float]:
        value = run[1].numbers.get(metric)
        return value is None, sign * (value or 0.0)

    return sorted(runs, key=place)


def _larger_is_better(metric: str) -> bool:
    """Of a result's name: `val_accuracy`."""
    from nnc.compiler.vocabulary.base import find

    name = metric.removeprefix("val_").removeprefix("test_")
    word = next((w for n in _beginnings(name) if (w := find("metric", n)) is not None), None)
    return bool(getattr(word, "larger_is_better", False))


def _beginnings(name: str) -> Iterable[str]:
    """A name, and what is left of it without its last parts: `accuracy_p` is the accuracy of p."""
    parts = name.split("_")
    return ("_".join(parts[:count]) for count in range(len(parts), 0, -1))


def _rows(runs: list[tuple[Folder, Record]], metric: str | None) -> list[list[str]]:
    return [
        [
            folder.path.name,
            Path(record.spec).name or record.name,
            record.backend,
            f"{record.epoch}/{record.epochs}",
            _best(record),
            record.status,
            record.started[:16].replace("T", " "),
            *([] if metric is None else [_number(record.numbers.get(metric))]),
        ]
        for folder, record in runs
    ]


def _best(record: Record) -> str:
    if record.best_value is None:
        return ""
    return f"{record.monitor} {record.best_value:.4g} at {record.best_epoch}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _table(heads: list[str], rows: list[list[str]]) -> str:
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    lines = [heads, ["─" * width for width in widths], *rows]
    return "\n".join(
        "  ".join(f"{cell:{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
