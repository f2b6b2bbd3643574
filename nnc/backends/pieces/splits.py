"""Which rows are for training, validation and test."""

import re

import numpy as np

from nnc.backends.pieces.columns import BadExample


def in_order(
    rows: np.ndarray,
    validation: float = 0,
    test: float = 0,
    gap: int = 0,  # when: windows
) -> dict[str, np.ndarray]:
    """The first rows train, the last ones test, those between validate."""
    tested, validated = round(test * len(rows)), round(validation * len(rows))
    trained = len(rows) - validated - tested
    parts = np.split(rows, [trained, trained + validated])
    # What an earlier part foretells, a later one does not.  # when: windows
    parts = [parts[0], *(part[gap:] for part in parts[1:])]  # when: windows
    named = zip(("train", "validation", "test"), parts, strict=True)
    return {name: part for name, part in named if len(part)}


def shares(
    rows: np.ndarray,
    validation: float = 0,
    test: float = 0,
    classes: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """As `in_order`, of rows that stand in a random order; with classes each by its
    share."""
    if classes is None:
        return in_order(rows, validation, test)
    drawn = classes.ravel()[rows]
    parts = [in_order(rows[drawn == c], validation, test) for c in np.unique(drawn)]
    found = {}
    for name in ("train", "validation", "test"):
        chosen = [part[name] for part in parts if name in part]
        if chosen:
            found[name] = np.concatenate(chosen)
    return found


def by_column(parts: np.ndarray) -> dict[str, np.ndarray]:
    """As a column says: `train`, `validation` or `test`."""
    names = ("train", "validation", "test")
    for row in np.flatnonzero(~np.isin(parts, names)):
        raise BadExample(f"{parts[row]!s} is no split: {', '.join(names)}", int(row))
    found = {name: np.flatnonzero(parts == name) for name in names}
    return {name: rows for name, rows in found.items() if len(rows)}


def by_time(
    times: np.ndarray, validation: float = 0, test: float = 0
) -> dict[str, np.ndarray]:
    """The earliest examples train, the latest ones test."""
    refuse_unordered(times)
    return in_order(np.argsort(times.ravel(), kind="stable"), validation, test)


def refuse_unordered(times: np.ndarray) -> None:
    """Raise BadExample for a text whose place in the alphabet is not that in time."""
    for row, text in enumerate(times.ravel() if times.dtype.kind == "U" else ()):
        if not re.fullmatch(r"\d{4}([-/.])\d\d(\1\d\d)?(\D.*)?", text):
            message = f"{text} is no date like 2026-01-31, nor are all of them numbers"
            raise BadExample(message, row)
