"""The history of a run as charts: loss and metrics, the learning rate, the gradients by layer."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Mapping, Sequence
from math import sqrt
from pathlib import Path

from nnc.plot.lines import Chart, Point, Series
from nnc.training import history
from nnc.training.folder import Folder, Record, damaged

_OWN = ("epoch", "step", "rate")
_LAYERS = 12
"""Layers whose gradients are drawn: of more, so many that are evenly spread."""


def charts(folder: Folder, record: Record) -> list[Chart]:
    """The charts of a run's folder. Raises Failed (E804) for damaged files, OSError."""
    rows = _rows(folder.history)
    found = [*_measured(rows, record)]
    if rows:
        rates = Series("learning rate", _points(rows, "rate"))
        found.append(Chart("learning rate", (rates,), log=False))
    norms = _rows(folder.gradients)
    return [*found, gradients(norms)] if norms else found


def _rows(path: Path) -> list[dict[str, str]]:
    """The rows of a file, without columns of tables."""
    try:
        found = history.rows(path)
        tables = {name for row in found for name, cell in row.items() if history.is_table(cell)}
        found = [{n: cell for n, cell in row.items() if n not in tables} for row in found]
        for row in found:
            for text in row.values():
                float(text or 0)
    except ValueError:
        raise damaged(path, "it is not a table of numbers") from None
    return found


def _points(rows: Sequence[Mapping[str, str]], name: str) -> list[Point]:
    """The numbers of a column by epoch, where there are such."""
    return [(int(row["epoch"]), float(row[name])) for row in rows if row[name]]


def _measured(rows: Sequence[Mapping[str, str]], record: Record) -> Iterator[Chart]:
    """The loss and every metric, of training and of validation in one chart."""
    names = list(rows[0]) if rows else []
    best = (float(record.best_epoch), f"best: {record.best_epoch}") if record.best_epoch else None
    for name in names:
        if name in _OWN or (name.startswith("val_") and name.removeprefix("val_") in names):
            continue
        series = [Series("training", _points(rows, name))]
        if f"val_{name}" in names:
            series.append(Series("validation", _points(rows, f"val_{name}"), 1))
        yield Chart(name, tuple(series), best=best)


def gradients(rows: Sequence[Mapping[str, str]]) -> Chart:
    """The norm of the gradient of each layer, from those of its weights, on a logarithmic axis."""
    layers: dict[str, list[str]] = {}
    for name in rows[0]:
        if name != "epoch":
            layers.setdefault(name.rpartition(".")[0] or name, []).append(name)
    shown = list(layers)
    if len(shown) > _LAYERS:
        shown = [shown[round(i * (len(shown) - 1) / (_LAYERS - 1))] for i in range(_LAYERS)]
    made = [
        Series(layer, [(int(row["epoch"]), _norm(row, layers[layer])) for row in rows], color)
        for layer, color in zip(shown, _shades(len(shown)), strict=True)
    ]
    return Chart("gradient norm by layer", tuple(made), log=True)


def _norm(row: Mapping[str, str], names: Sequence[str]) -> float:
    return sqrt(sum(float(row[name] or "nan") ** 2 for name in names))


def _shades(count: int) -> list[str]:
    """Colours from the first layer to the last, readable on white and on black."""
    made = []
    for i in range(count):
        hue = 0.53 + 0.42 * (i / (count - 1) if count > 1 else 0)
        red, green, blue = (round(255 * x) for x in colorsys.hls_to_rgb(hue, 0.55, 0.62))
        made.append(f"#{red:02x}{green:02x}{blue:02x}")
    return made
