"""Tables of examples out of files: columns by number, and by name where they have
names."""

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np


def read_text(path: str) -> dict[Any, Any]:
    """Columns of numbers separated by white space; `#` starts a comment."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    rows = [line.partition("#")[0].split() for line in lines]
    return columns_of([row for row in rows if row])


def read_csv(path: str, delimiter: str = ",", header: bool = True) -> dict[Any, Any]:
    """Columns by number, and by name when the first line has the names."""
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        read = csv.reader(file, delimiter=delimiter, strict=True)
        rows = [row for row in read if row]
    if not header or not rows:
        return columns_of(rows)
    names = [name.strip() for name in rows[0]]
    return named(columns_of(rows[1:], len(names)), names)


def named(table: dict[Any, Any], names: list[str]) -> dict[Any, Any]:
    """Columns by number and by name; None under a name that several have."""
    for number, name in enumerate(names):
        table[name] = None if name in table else table[number]
    return table


def columns_of(rows: list[list[str]], width: int | None = None) -> dict[Any, Any]:
    """Columns of text. Raises ValueError for rows of different lengths or none."""
    if not rows:
        raise ValueError("there are no examples")
    width = width or len(rows[0])
    for number, row in enumerate(rows, 1):
        if len(row) != width:
            raise ValueError(f"row {number} has {len(row)} columns, not {width}")
    columns = zip(*rows, strict=True)
    return {i: [text.strip() for text in column] for i, column in enumerate(columns)}


def read_npz(path: str) -> dict[Any, Any]:
    """The arrays of an npz file by name and by number."""
    table: dict[Any, Any] = {}
    with np.load(path, allow_pickle=False) as file:
        for number, name in enumerate(file.files):
            table[number] = table[name] = file[name]
    return table


def read_npy(path: str) -> dict[Any, Any]:
    """The array of an npy file as `data`, and the columns of a table by number."""
    return by_number(np.load(path, allow_pickle=False))


def by_number(data: np.ndarray) -> dict[Any, Any]:
    """An array as `data`, and the columns of a table by number."""
    columns = dict(enumerate(data.T)) if data.ndim == 2 else {0: data}
    return {"data": data} | columns


def read_parquet(path: str) -> dict[Any, Any]:
    """The columns of a Parquet file by name and by number; what is missing is NaN, or
    an empty text."""
    from pyarrow import parquet

    file = parquet.read_table(path)
    table = dict(enumerate(map(arrow_column, file.columns)))
    return named(table, file.column_names)


def arrow_column(column: Any) -> Any:
    """A column of numbers as an array, others as texts; what is missing is empty."""
    found = np.asarray(column)
    if found.dtype.kind in "biuf":
        return found
    return ["" if value is None else str(value) for value in found]


def read_idx(images: str, labels: str | None = None) -> dict[Any, Any]:
    """`images` and `labels` out of files in MNIST's format."""
    table: dict[Any, Any] = {"images": read_bytes(images)}
    if labels is not None:
        table["labels"] = read_bytes(labels)
    return table


def read_bytes(path: str) -> np.ndarray:
    """The array of one file in MNIST's format."""
    content = Path(path).read_bytes()
    content = gzip.decompress(content) if path.endswith(".gz") else content
    return idx_array(np.frombuffer(content, np.uint8), Path(path).name)


def idx_array(content: np.ndarray, name: str) -> np.ndarray:
    """The array of a file's bytes. Raises ValueError for what is not in this format."""
    types = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
    head = content[:4].tolist()
    if head[:2] != [0, 0] or len(head) < 4 or head[2] not in types:
        raise ValueError(f"{name} is not in the format of MNIST")
    start, kind = 4 + 4 * head[3], np.dtype(types[head[2]])
    if len(content) < start:
        raise ValueError(f"{name} ends too early")
    shape = content[4:start].view(">u4").astype(int)
    if len(content) - start != shape.prod() * kind.itemsize:
        raise ValueError(f"{name} ends too early")
    data = content[start:].view(kind).reshape(shape)
    return data.astype(kind.newbyteorder("="), copy=False)


def read_sklearn(name: str) -> dict[Any, Any]:
    """A data set of scikit-learn: `data`, `target`, `images`, the features."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    table: dict[Any, Any] = {}
    for number, column in enumerate(bunch["data"].T):
        table[number] = table[str(bunch["feature_names"][number])] = column
    arrays = {key: bunch[key] for key in ("data", "target", "images") if key in bunch}
    return table | arrays
