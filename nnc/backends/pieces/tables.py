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
    table = columns_of(rows[1:], len(names))
    return table | {name: table[i] for i, name in enumerate(names)}


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
    data = np.load(path, allow_pickle=False)
    columns = dict(enumerate(data.T)) if data.ndim == 2 else {0: data}
    return {"data": data} | columns


def read_parquet(path: str) -> dict[Any, Any]:
    """The columns of a Parquet file by name and by number; what is missing is NaN, or
    an empty text."""
    from pyarrow import parquet

    file = parquet.read_table(path)
    table: dict[Any, Any] = {}
    for number, name in enumerate(file.column_names):
        table[number] = table[name] = arrow_column(file.column(number))
    return table


def arrow_column(column: Any) -> Any:
    """A column of numbers as an array, others as texts; what is missing is empty."""
    found = np.asarray(column)
    if found.dtype.kind in "biuf":
        return found
    return ["" if value is None else str(value) for value in found]


def read_idx(images: str, labels: str | None = None) -> dict[Any, Any]:
    """`images` and `labels` out of files in MNIST's format."""
    table: dict[Any, Any] = {"images": idx_array(images)}
    if labels is not None:
        table["labels"] = idx_array(labels)
    return table


def idx_array(path: str) -> np.ndarray:
    """The array of one file. Raises ValueError for what is not in this format."""
    content = Path(path).read_bytes()
    content = gzip.decompress(content) if path.endswith(".gz") else content
    types = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in types:
        raise ValueError(f"{Path(path).name} is not in the format of MNIST")
    shape = np.frombuffer(content, ">u4", content[3], 4).astype(int)
    data = np.frombuffer(content, types[content[2]], -1, 4 + 4 * content[3])
    if data.size != shape.prod():
        raise ValueError(f"{Path(path).name} ends too early")
    return data.reshape(shape).astype(data.dtype.newbyteorder("="))


def read_sklearn(name: str) -> dict[Any, Any]:
    """A data set of scikit-learn: `data`, `target`, `images`, the features."""
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{name}")()
    table: dict[Any, Any] = {}
    for number, column in enumerate(bunch["data"].T):
        table[number] = table[str(bunch["feature_names"][number])] = column
    arrays = {key: bunch[key] for key in ("data", "target", "images") if key in bunch}
    return table | arrays
