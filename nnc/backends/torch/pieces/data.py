"""Examples: read, divided into splits, prepared, made into tensors."""

import csv
import math
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from nnc.backends.torch.pieces.program import INPUTS, TARGETS

Table: TypeAlias = dict[int | str, Any]
Labels: TypeAlias = Tensor | list[str]

MISSING = {"", "NA", "N/A", "NaN", "nan", "null", "?"}


def read_text(path: str) -> Table:
    """Columns of numbers separated by white space; `#` starts a comment."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    rows = [line.partition("#")[0].split() for line in lines]
    return columns_of([row for row in rows if row])


def read_csv(path: str, delimiter: str = ",", header: bool = True) -> Table:
    """Columns by number, and by name when the first line has the names."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        read = csv.reader(file, delimiter=delimiter, strict=True)
        rows = [row for row in read if row]
    if not header or not rows:
        return columns_of(rows)
    names = [name.strip() for name in rows[0]]
    return named(columns_of(rows[1:], len(names)), names)


def named(table: Table, names: list[str]) -> Table:
    """Columns by number and by name; None under a name that several have."""
    for number, name in enumerate(names):
        table[name] = None if name in table else table[number]
    return table


def columns_of(rows: list[list[str]], width: int | None = None) -> Table:
    """Columns of text. Raises ValueError for rows of different lengths or none."""
    if not rows:
        raise ValueError("there are no examples")
    width = width or len(rows[0])
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            raise ValueError(f"row {number} has {len(row)} columns, not {width}")
    columns = zip(*rows, strict=True)
    return {i: [text.strip() for text in column] for i, column in enumerate(columns)}


def selected(table: Table, keys: tuple[int | str, ...]) -> list[int | str]:
    """The columns of these numbers and names, as the table has them."""
    found = [name for key in keys for name in matching(table, key)]
    for name in found:
        if table[name] is None:
            raise ValueError(f"several columns are called {name!r}")
    return found


def matching(table: Table, key: int | str) -> list[int | str]:
    """The column of a number or a name, or the columns of a pattern with `*` or `?`."""
    if key in table:
        return [key]
    names = [name for name in table if isinstance(name, str)]  # when: patterns
    pattern = str(key).replace("[", "[[]")  # when: patterns
    found = [name for name in names if fnmatchcase(name, pattern)]  # when: patterns
    if found:  # when: patterns
        return [*found]  # when: patterns
    raise ValueError(f"the data has no column {key!r}")


def numbers(table: Table, *keys: int | str) -> Tensor:
    """Columns side by side as numbers in float64."""
    columns = [numeric(table[key], key) for key in selected(table, keys)]
    return columns[0] if len(columns) == 1 else torch.stack(columns, dim=1)


def numeric(texts: list[str], name: int | str) -> Tensor:
    """A column as numbers. Raises ValueError for what is none, or missing."""
    found: list[float] = []
    for row, text in enumerate(texts, 1):
        if not is_number(text) or not math.isfinite(float(text)):
            raise ValueError(f"column {name!r}, row {row}: {fault(text)}")
        found.append(float(text))
    return torch.tensor(found, dtype=torch.float64)


def fault(text: str) -> str:
    """Why nothing can be computed with a text."""
    if text in MISSING:
        return "a number is missing"
    return f"{text!r} is {'not finite' if is_number(text) else 'no number'}"


def values(table: Table, key: int | str) -> Labels:
    """A column of labels: numbers when all of them are, or else texts."""
    (name,) = selected(table, (key,))
    if all(text in MISSING or is_number(text) for text in table[name]):
        return numeric(table[name], name)
    if "" in table[name]:
        row = table[name].index("") + 1
        raise ValueError(f"column {name!r}, row {row}: a value is missing")
    return table[name]


def is_number(text: str) -> bool:
    """Whether a text reads as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def total(x: Tensor) -> Tensor:
    """The sum over the first axis, by pairs of neighbours: the same everywhere."""
    while len(x) > 1:
        if len(x) % 2:
            x = torch.cat([x, torch.zeros_like(x[:1])])
        x = x[0::2] + x[1::2]
    return x[0]


def moments(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each column; 1 for one that never varies."""
    x, count = x[rows], torch.tensor(len(rows), dtype=torch.float64)
    mean = total(x) / count
    deviation = (total((x - mean) * (x - mean)) / count).sqrt()
    return mean, torch.where(deviation > 0, deviation, 1.0)


def standardize(x: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """(x - mean) / standard deviation."""
    return (x - mean) / deviation


def extent(x: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """The smallest number of each column, and how far it is to the largest."""
    low, high = x[rows].amin(0), x[rows].amax(0)
    return low, torch.where(high > low, high - low, 1.0)


def minmax(x: Tensor, low: Tensor, width: Tensor) -> Tensor:
    """(x - smallest) / (largest - smallest)."""
    return (x - low) / width


def distinct(x: Labels, rows: Tensor) -> list[Any]:
    """Every different value, sorted."""
    values = x if isinstance(x, list) else x.flatten().tolist()
    return sorted({values[row] for row in rows.tolist()})


def category(x: Labels, known: list[Any]) -> Tensor:
    """The number of each value among those known."""
    places = {value: number for number, value in enumerate(known)}
    values = x if isinstance(x, list) else x.flatten().tolist()
    for row, value in enumerate(values, 1):
        if value not in places:
            message = f"{value} does not occur among the training examples"
            raise ValueError(f"row {row}: {message}")
    return torch.tensor([places[value] for value in values])


def one_hot(x: Labels, known: list[Any]) -> Tensor:
    """A vector with a single 1 at the number of each value."""
    return torch.eye(len(known), dtype=torch.float64)[category(x, known)]


def scale(x: Tensor, factor: float) -> Tensor:
    """Every number times a factor."""
    return x.double() * factor


def reshape(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Each example in another shape."""
    return x.reshape(len(x), *shape)


def in_order(rows: Tensor, validation: float = 0, test: float = 0) -> dict[str, Tensor]:
    """The first rows train, the last ones test, those between validate."""
    tested, validated = round(test * len(rows)), round(validation * len(rows))
    trained = len(rows) - validated - tested
    parts = rows.split([trained, validated, tested])
    named = zip(("train", "validation", "test"), parts, strict=True)
    return {name: part for name, part in named if len(part)}


def shares(
    rows: Tensor,
    validation: float = 0,
    test: float = 0,
    classes: Labels | None = None,
) -> dict[str, Tensor]:
    """As `in_order`, of rows that stand in a random order; with classes each by its
    share."""
    if classes is None:
        return in_order(rows, validation, test)
    numbered = category(classes, distinct(classes, rows))[rows]
    parts = [
        in_order(rows[numbered == number], validation, test)
        for number in numbered.unique()
    ]
    return {
        name: torch.cat([part[name] for part in parts if name in part])
        for name in ("train", "validation", "test")
        if any(name in part for part in parts)
    }


def divide(
    fields: dict[str, Tensor], splits: dict[str, Tensor]
) -> dict[str, dict[str, Tensor]]:
    """The examples of each split, in the types and shapes that the model takes."""
    fields = {name: torch.tensor(x) for name, x in fields.items()}  # when: arrays
    splits = {name: torch.tensor(rows) for name, rows in splits.items()}  # when: arrays
    examples = {name: as_declared(name, x) for name, x in fields.items()}
    return {
        split: {name: tensor[rows] for name, tensor in examples.items()}
        for split, rows in splits.items()
    }


def as_declared(name: str, x: Tensor) -> Tensor:
    """A tensor in the type and shape of an input or a target."""
    dtype, shape = (INPUTS | TARGETS)[name]  # when: training
    dtype, shape = INPUTS[name]  # when: not training
    if x.is_floating_point() and not dtype.is_floating_point and (x != x.floor()).any():
        raise ValueError(f"{name} must be whole numbers")
    if any(size < 0 for size in shape) and x.dim() == len(shape) + 1:
        return x.to(dtype)
    try:
        return x.reshape(len(x), *shape).to(dtype)
    except RuntimeError:
        given = list(x.shape[1:])
        raise ValueError(f"{name} must be {list(shape)}, not {given}") from None


def load_arrays(
    path: str, wanted: dict[str, tuple[torch.dtype, tuple[int, ...]]]
) -> dict[str, Tensor]:
    """The arrays of an npz file that bear these names."""
    import numpy as np

    with np.load(path, allow_pickle=False) as file:
        for name in wanted:
            if name not in file.files:
                raise ValueError(f"{path} has no array {name!r}")
        return {name: as_declared(name, torch.tensor(file[name])) for name in wanted}


def load_npz(path: str | None) -> dict[str, dict[str, Tensor]]:
    """Examples from an npz file whose arrays are named as inputs and targets are."""
    if path is None:
        raise ValueError("give the examples: --data FILE.npz")
    return {"train": load_arrays(path, INPUTS | TARGETS)}
