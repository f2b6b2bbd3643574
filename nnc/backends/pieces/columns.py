"""Columns of a table as arrays. Rows are counted from 1, without the line of names."""

from fnmatch import fnmatchcase
from typing import Any

import numpy as np

MISSING = {"", "NA", "N/A", "NaN", "nan", "null", "?"}


class BadExample(ValueError):
    """What is wrong with one example of a column."""

    def __init__(self, message: str, row: int, column: int | str | None = None) -> None:
        place = (
            f"row {row + 1}" if column is None else f"column {column!r}, row {row + 1}"
        )
        super().__init__(f"{place}: {message}")
        self.message, self.row, self.column = message, row, column


def selected(table: dict[Any, Any], keys: tuple[int | str, ...]) -> list[int | str]:
    """The columns of these numbers and names, as the table has them."""
    found = [name for key in keys for name in matching(table, key)]
    for name in found:
        if table[name] is None:
            raise ValueError(f"several columns are called {name!r}")
    return found


def matching(table: dict[Any, Any], key: int | str) -> list[int | str]:
    """The column of a number or a name, or the columns of a pattern with `*` or `?`."""
    if key in table:
        return [key]
    names = [name for name in table if isinstance(name, str)]  # when: patterns
    pattern = str(key).replace("[", "[[]")  # when: patterns
    found = [name for name in names if fnmatchcase(name, pattern)]  # when: patterns
    if found:  # when: patterns
        return [*found]  # when: patterns
    raise ValueError(f"the data has no column {key!r}")


def numbers(table: dict[Any, Any], *keys: int | str, missing: bool = False) -> Any:
    """Columns side by side as numbers; a single one keeps its shape. What is missing is
    NaN, and refused unless that is allowed; what is infinite is no number."""
    parts = [numeric(table[key], key) for key in selected(table, keys)]
    for key, part in zip(selected(table, keys), parts, strict=True):
        refuse_unknown(part, key, missing)
    if len(parts) == 1:
        return parts[0]
    flat = [part.reshape(len(part), -1).astype(np.float64) for part in parts]
    return np.concatenate(flat, axis=1)


def numeric(column: Any, name: int | str) -> Any:
    """A column as numbers; texts in float64."""
    if isinstance(column, np.ndarray) and column.dtype.kind in "biuf":
        return column
    texts = [str(text).strip() for text in column]
    try:
        return np.array(list(map(float, texts)))
    except ValueError:
        return np.array([number(text, row, name) for row, text in enumerate(texts)])


def number(text: str, row: int, name: int | str) -> float:
    """A text as a number, NaN for what is missing."""
    try:
        return float("nan") if text in MISSING else float(text)
    except ValueError:
        raise BadExample(f"{text!r} is no number", row, name) from None


def refuse_unknown(x: np.ndarray, name: int | str, missing: bool) -> None:
    """Raise BadExample where a number is infinite, or missing unless that may be."""
    if x.dtype.kind != "f" or np.isfinite(x).all():
        return
    if not missing and np.isnan(x).any():
        row = int(np.argwhere(np.isnan(x))[0, 0])
        raise BadExample("a number is missing", row, name)
    for place in np.argwhere(np.isinf(x))[:1]:
        raise BadExample(f"{x[tuple(place)]} is not finite", int(place[0]), name)


def values(table: dict[Any, Any], key: int | str, missing: bool = False) -> Any:
    """A column of labels: numbers when all of them are, or else texts."""
    (name,) = selected(table, (key,))
    found = texts(table, name, missing=True)
    if all(text in MISSING or is_number(text) for text in found):
        return numbers(table, name, missing=missing)
    return texts(table, name, missing=missing)


def texts(table: dict[Any, Any], key: int | str, missing: bool = False) -> Any:
    """A column as texts."""
    (name,) = selected(table, (key,))
    found = np.array([str(text).strip() for text in table[name]])
    for row in [] if missing else np.flatnonzero(found == ""):
        raise BadExample("a value is missing", int(row), name)
    return found


def is_number(text: str) -> bool:
    """Whether a text reads as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def declared(x: Any, name: str, dtype: str, shape: tuple[int, ...]) -> Any:
    """Values in the type and shape of an input or a target; -1 is a free size."""
    if np.dtype(dtype).kind in "iu" and x.dtype.kind == "f":
        for row in np.argwhere(x != np.floor(x))[:1, 0]:
            raise BadExample(f"{name} must be whole numbers, not {x[row]}", int(row))
    if any(size < 0 for size in shape) and x.ndim == len(shape) + 1:
        return x.astype(dtype)
    try:
        return x.reshape(len(x), *shape).astype(dtype)
    except ValueError:
        given = list(x.shape[1:])
        raise ValueError(f"{name} must be {list(shape)}, not {given}") from None
