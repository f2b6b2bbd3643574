"""Examples: read, divided into splits, prepared, made into arrays."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from nnc.backends.keras.pieces.program import INPUTS, SEED, TARGETS


def read_text(path: str) -> dict[Any, np.ndarray]:
    """Columns of numbers separated by white space; `#` starts a comment."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    rows = [line.partition("#")[0].split() for line in lines]
    return columns_of([row for row in rows if row], path)


def read_csv(
    path: str, delimiter: str = ",", header: bool = True
) -> dict[Any, np.ndarray]:
    """Columns by number, and by name when the first line has the names."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file, delimiter=delimiter) if row]
    if not header or not rows:
        return columns_of(rows, path)
    names = [name.strip() for name in rows[0]]
    table = columns_of(rows[1:], path, len(names))
    return table | {name: table[i] for i, name in enumerate(names)}


def columns_of(
    rows: list[list[str]], path: str, width: int | None = None
) -> dict[Any, np.ndarray]:
    """Columns by number. Raises ValueError for rows of different lengths or none."""
    if not rows:
        raise ValueError(f"{path} has no examples")
    width = width or len(rows[0])
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            sizes = f"{len(row)} columns, not {width}"
            raise ValueError(f"{path}: row {number} has {sizes}")
    columns = zip(*rows, strict=True)
    return {i: np.array([text.strip() for text in c]) for i, c in enumerate(columns)}


def read_npz(path: str) -> dict[Any, np.ndarray]:
    """The arrays of an npz file by name and by number."""
    table: dict[Any, np.ndarray] = {}
    with np.load(path, allow_pickle=False) as file:
        for number, name in enumerate(file.files):
            table[number] = table[name] = file[name]
    return table


def read_sklearn(name: str) -> dict[Any, np.ndarray]:
    """A data set of scikit-learn: `data`, `target`, `images`, the features."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    table: dict[Any, np.ndarray] = {}
    for number, column in enumerate(bunch["data"].T):
        table[number] = table[str(bunch["feature_names"][number])] = column
    arrays = {key: bunch[key] for key in ("data", "target", "images") if key in bunch}
    return table | arrays


def choose(table: dict[Any, np.ndarray], *keys: int | str) -> Any:
    """One column as it is, several side by side."""
    for key in keys:
        if key not in table:
            raise ValueError(f"the data has no column {key!r}")
    if len(keys) == 1:
        return table[keys[0]]
    parts = [table[key].astype(np.float64) for key in keys]
    return np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)


def scale(column: np.ndarray, factor: float) -> Any:
    """Every number times a factor."""
    return column.astype(np.float64) * factor


def standardize(column: np.ndarray, rows: np.ndarray) -> Any:
    """(x - mean) / standard deviation, both those of the training examples."""
    x = column.astype(np.float64)
    deviation = x[rows].std(axis=0)
    return (x - x[rows].mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)


def minmax(column: np.ndarray, rows: np.ndarray) -> Any:
    """(x - smallest) / (largest - smallest), both those of the training examples."""
    x = column.astype(np.float64)
    low, high = x[rows].min(axis=0), x[rows].max(axis=0)
    return (x - low) / np.where(high > low, high - low, 1.0)


def category(column: np.ndarray, rows: np.ndarray) -> Any:
    """The number of each value among those of the training examples, sorted."""
    values = column.ravel()
    if values.dtype.kind == "U" and all(map(is_number, values)):
        values = values.astype(np.float64)
    known = np.unique(values[rows])
    for value in np.setdiff1d(values, known):
        raise ValueError(f"{value} does not occur among the training examples")
    return np.searchsorted(known, values)


def one_hot(column: np.ndarray, rows: np.ndarray) -> Any:
    """A vector with a single 1 at the number of each value."""
    classes = category(column, rows)
    return np.eye(classes[rows].max() + 1)[classes]


def is_number(text: str) -> bool:
    """Whether a text reads as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def shares(
    count: int,
    validation: float = 0,
    test: float = 0,
    classes: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """The rows of each split, drawn by chance; with classes, each by its share."""
    order = np.random.default_rng(SEED).permutation(count)
    if classes is None:
        return in_order(order, validation, test)
    numbered = category(classes, order)[order]
    parts = [
        in_order(order[numbered == number], validation, test)
        for number in np.unique(numbered)
    ]
    names = [name for name in ("train", "validation", "test") if name in parts[0]]
    return {name: np.concatenate([part[name] for part in parts]) for name in names}


def in_order(
    rows: np.ndarray, validation: float = 0, test: float = 0
) -> dict[str, np.ndarray]:
    """The first rows train, the last ones test, those between validate."""
    tested, validated = round(test * len(rows)), round(validation * len(rows))
    trained = len(rows) - validated - tested
    parts = np.split(rows, [trained, trained + validated])
    named = zip(("train", "validation", "test"), parts, strict=True)
    return {name: part for name, part in named if len(part)}


def divide(
    fields: dict[str, np.ndarray], splits: dict[str, np.ndarray]
) -> dict[str, dict[str, np.ndarray]]:
    """The examples of each split, in the types and shapes that the model takes."""
    examples = {name: as_declared(name, column) for name, column in fields.items()}
    return {
        split: {name: array[rows] for name, array in examples.items()}
        for split, rows in splits.items()
    }


def as_declared(name: str, column: np.ndarray) -> np.ndarray:
    """A column in the type and shape of an input or a target."""
    dtype, shape = (INPUTS | TARGETS)[name]
    if column.dtype.kind == "U":
        column = column.astype(np.float64)
    if any(size < 0 for size in shape) and column.ndim == len(shape) + 1:
        return column.astype(dtype)
    try:
        return column.reshape(len(column), *shape).astype(dtype)
    except ValueError:
        given = list(column.shape[1:])
        raise ValueError(f"{name} must be {list(shape)}, not {given}") from None


def load_arrays(
    path: str, wanted: dict[str, tuple[str, tuple[int, ...]]]
) -> dict[str, np.ndarray]:
    """The arrays of an npz file that bear these names."""
    table = read_npz(path)
    return {name: as_declared(name, choose(table, name)) for name in wanted}


def load_npz(path: str | None) -> dict[str, dict[str, np.ndarray]]:
    """Examples from an npz file whose arrays are named as inputs and targets are."""
    if path is None:
        raise ValueError("give the examples: --data FILE.npz")
    return {"train": load_arrays(path, INPUTS | TARGETS)}
