"""Examples: read, divided into splits, prepared, made into tensors."""

import csv
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from nnc.backends.torch.pieces.program import INPUTS, SEED, TARGETS

Column: TypeAlias = Tensor | list[str]
Table: TypeAlias = dict[int | str, Column]


def read_text(path: str) -> Table:
    """Columns of numbers separated by white space; `#` starts a comment."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    rows = (line.partition("#")[0].split() for line in lines)
    return columns_of([row for row in rows if row], path)


def read_csv(path: str, delimiter: str = ",", header: bool = True) -> Table:
    """Columns of a CSV file by number, and by name when the first line has the
    names."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.reader(file, delimiter=delimiter) if row]
    names = [name.strip() for name in rows.pop(0)] if header and rows else []
    table = columns_of(rows, path)
    return table | {name: table[i] for i, name in enumerate(names) if i in table}


def columns_of(rows: list[list[str]], path: str) -> Table:
    """Columns by number. Raises ValueError for rows of different lengths or none."""
    if not rows:
        raise ValueError(f"{path} has no examples")
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows[0]):
            raise ValueError(
                f"{path}: row {number} has {len(row)} columns, not {len(rows[0])}"
            )
    return {i: [row[i].strip() for row in rows] for i in range(len(rows[0]))}


def read_npz(path: str) -> Table:
    """The arrays of an npz file by name and by number."""
    import numpy as np

    with np.load(path, allow_pickle=False) as file:
        arrays = {name: as_column(file[name]) for name in file.files}
    return arrays | dict(enumerate(arrays.values()))


def read_sklearn(name: str) -> Table:
    """A data set that ships with scikit-learn: `data`, `target`, `images`, the
    features."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    table: Table = {key: as_column(bunch[key]) for key in ("data", "target")}
    if "images" in bunch:
        table["images"] = as_column(bunch["images"])
    features = list(bunch["feature_names"])
    data = torch.as_tensor(bunch["data"])
    return (
        table
        | dict(enumerate(data.unbind(1)))
        | {str(feature): data[:, i] for i, feature in enumerate(features)}
    )


def as_column(array: Any) -> Column:
    """A NumPy array as a tensor, or as texts when it holds no numbers."""
    if array.dtype.kind in "biuf":
        return torch.from_numpy(array)
    return [str(item) for item in array.ravel()]


def choose(table: Table, *keys: int | str) -> Column:
    """One column as it is, several side by side."""
    for key in keys:
        if key not in table:
            raise ValueError(f"the data has no column {key!r}")
    if len(keys) == 1:
        return table[keys[0]]
    parts = [numbers(table[key]) for key in keys]
    return torch.cat([part.reshape(len(part), -1) for part in parts], dim=1)


def numbers(column: Column) -> Tensor:
    """A column as numbers in float64. Raises ValueError for text that is no number."""
    if isinstance(column, Tensor):
        return column.double()
    return torch.tensor([float(text) for text in column], dtype=torch.float64)


def standardize(column: Column, rows: Tensor) -> Tensor:
    """(x - mean) / standard deviation, both those of the training examples."""
    x = numbers(column)
    mean = x[rows].mean(0)
    deviation = x[rows].std(0, correction=0)
    return (x - mean) / torch.where(deviation > 0, deviation, 1.0)


def minmax(column: Column, rows: Tensor) -> Tensor:
    """(x - smallest) / (largest - smallest), both those of the training examples."""
    x = numbers(column)
    low, high = x[rows].amin(0), x[rows].amax(0)
    return (x - low) / torch.where(high > low, high - low, 1.0)


def category(column: Column, rows: Tensor) -> Tensor:
    """The number of each value among those of the training examples, sorted."""
    texts = isinstance(column, list) and not all(map(is_number, column))
    values = column if texts else numbers(column).flatten().tolist()
    known = sorted({values[row] for row in rows.tolist()})
    places = {value: number for number, value in enumerate(known)}
    for value in values:
        if value not in places:
            raise ValueError(f"{value!r} does not occur among the training examples")
    return torch.tensor([places[value] for value in values])


def one_hot(column: Column, rows: Tensor) -> Tensor:
    """A vector with a single 1 at the number of each value."""
    classes = category(column, rows)
    return torch.eye(int(classes[rows].max()) + 1, dtype=torch.float64)[classes]


def is_number(text: str) -> bool:
    """Whether a text reads as a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def shares(
    count: int, validation: float = 0, test: float = 0, classes: Column | None = None
) -> dict[str, Tensor]:
    """The rows of each split, drawn by chance; with classes, each by its share."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(SEED))
    if classes is None:
        return in_order(order, validation, test)
    numbered = category(classes, order)[order]
    parts = [
        in_order(order[numbered == number], validation, test)
        for number in numbered.unique()
    ]
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def in_order(rows: Tensor, validation: float = 0, test: float = 0) -> dict[str, Tensor]:
    """The first rows train, the last ones test, those between validate."""
    tested, validated = round(test * len(rows)), round(validation * len(rows))
    trained = len(rows) - validated - tested
    parts = rows.split([trained, validated, tested])
    named = zip(("train", "validation", "test"), parts, strict=True)
    return {name: part for name, part in named if len(part)}


def divide(
    fields: dict[str, Column], splits: dict[str, Tensor]
) -> dict[str, dict[str, Tensor]]:
    """The examples of each split, in the types and shapes that the model takes."""
    examples = {name: as_tensor(name, column) for name, column in fields.items()}
    return {
        split: {name: tensor[rows] for name, tensor in examples.items()}
        for split, rows in splits.items()
    }


def as_tensor(name: str, column: Column) -> Tensor:
    """A column in the type and shape of an input or a target."""
    dtype, shape = (INPUTS | TARGETS)[name]  # when: training
    dtype, shape = INPUTS[name]  # when: not training
    tensor = column if isinstance(column, Tensor) else numbers(column)
    if any(size < 0 for size in shape) and tensor.dim() == len(shape) + 1:
        return tensor.to(dtype)
    try:
        return tensor.reshape(len(tensor), *shape).to(dtype)
    except RuntimeError:
        given = list(tensor.shape[1:])
        raise ValueError(f"{name} must be {list(shape)}, not {given}") from None


def load_arrays(
    path: str, wanted: dict[str, tuple[torch.dtype, tuple[int, ...]]]
) -> dict[str, Tensor]:
    """The arrays of an npz file that bear these names."""
    table = read_npz(path)
    return {name: as_tensor(name, choose(table, name)) for name in wanted}


def load_npz(path: str | None) -> dict[str, dict[str, Tensor]]:
    """Examples from an npz file whose arrays are named as inputs and targets are."""
    if path is None:
        raise ValueError("give the examples: --data FILE.npz")
    return {"train": load_arrays(path, INPUTS | TARGETS)}
