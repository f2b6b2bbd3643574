"""Which rows are for training, validation and test."""

import numpy as np


def in_order(
    rows: np.ndarray, validation: float = 0, test: float = 0
) -> dict[str, np.ndarray]:
    """The first rows train, the last ones test, those between validate."""
    tested, validated = round(test * len(rows)), round(validation * len(rows))
    trained = len(rows) - validated - tested
    parts = np.split(rows, [trained, trained + validated])
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
