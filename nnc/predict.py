"""Data for a model: arrays out of `.npz`, `.npy` and CSV files, and results as such files.

The batch is the first axis. In a CSV file a row is an example. An input of several numbers stands
in several columns, in row-major order: `x[0]`, `x[1]`, …
"""

from __future__ import annotations

import csv
import io
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnc.compiler.diagnostics import Diagnostic, Failed, did_you_mean
from nnc.compiler.ir import Graph, Program, Value
from nnc.compiler.types import FLOATS, DType, Symbol, is_static
from nnc.compiler.vocabulary.data import Columns
from nnc.compiler.vocabulary.ops.embedding import Embedding
from nnc.compiler.vocabulary.ops.shape import Flatten, Permute, Reshape, Unsqueeze

if TYPE_CHECKING:
    from nnc.training.answers import Classes

_KEEPS: Final = (Flatten, Reshape, Permute, Unsqueeze)
"""Ops that hand on the numbers they get."""
Arrays: TypeAlias = "dict[str, NDArray[np.generic]]"

NUMPY: Final[Mapping[DType, str]] = {
    "f16": "float16",
    "bf16": "float32",
    "f32": "float32",
    "f64": "float64",
    "i32": "int32",
    "i64": "int64",
    "u8": "uint8",
    "bool": "bool",
}
"""What an input is held in; NumPy has no bfloat16."""


def read_inputs(path: Path, program: Program) -> Arrays:
    """The inputs of a program out of a file, by the inputs' names, all with the same batch.

    Raises OSError when it can't be read, Failed (E611 to E614) when it doesn't hold the inputs.
    """
    graph = program.graph
    suffix = path.suffix.lower()
    if suffix == ".csv":
        found = _from_csv(path, program)
    elif suffix in (".npz", ".npy"):
        found = _from_numpy(path, graph)
    else:
        raise _failed("E611", f"{path.name} is none of .npz, .npy and .csv", "convert it first")
    checked = {value.name: _checked(path.name, value, found[value.name]) for value in graph.inputs}
    if not all(len(array) for array in checked.values()):
        raise _failed("E611", f"{path.name}: there are no examples")
    _check_sizes(path.name, graph, checked)
    _check_rows(path.name, graph, checked)
    return checked


def _failed(code: str, message: str, help: str | None = None) -> Failed:
    return Failed([Diagnostic(code, message, help=help)])


# ---- NumPy's files ---------------------------------------------------------------------------


def _from_numpy(path: Path, graph: Graph) -> Arrays:
    try:
        loaded = np.load(path, allow_pickle=False)
        # One array without a name is the input of a model that has only one.
        if isinstance(loaded, np.ndarray):
            return _named(path.name, {"": loaded}, graph)
        with loaded:
            names = [name for name in loaded.files if name in {v.name for v in graph.inputs}]
            wanted = names if len(loaded.files) > 1 else loaded.files
            return _named(path.name, {name: loaded[name] for name in wanted}, graph, loaded.files)
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, SyntaxError) as error:
        why = "it holds Python objects" if "pickle" in str(error) else "its bytes make no sense"
        message = f"{path.name} is not a file of plain NumPy arrays: {why}"
        cure = "write it with `numpy.savez(path, x=array)` from arrays of numbers"
        raise _failed("E611", message, cure) from None


def _named(label: str, arrays: Arrays, graph: Graph, stored: Sequence[str] = ()) -> Arrays:
    names = [value.name for value in graph.inputs]
    if len(arrays) == len(names) == 1:
        return {names[0]: next(iter(arrays.values()))}
    missing = [name for name in names if name not in arrays]
    if missing:
        raise _missing(label, "array", missing, stored)
    return arrays


def _missing(label: str, what: str, missing: Sequence[str], stored: Sequence[str]) -> Failed:
    shown = ", ".join(f"`{name}`" for name in missing[:8])
    more = f" and {len(missing) - 8} more" if len(missing) > 8 else ""
    holds = ", ".join(f"`{name[:60]}`" for name in list(stored)[:12]) or "nothing with a name"
    near = did_you_mean(missing[0], [name for name in stored if len(name) < 200])
    plural = "s" if len(missing) > 1 else ""
    cure = near or f"it holds {holds}"
    return _failed("E612", f"{label} has no {what}{plural} {shown}{more}", cure)


# ---- CSV -------------------------------------------------------------------------------------


def _from_csv(path: Path, program: Program) -> Arrays:
    rows = list(_rows(path))
    # A line of names holds no number; a row with a number and a word is a row with a mistake.
    named = bool(rows) and not any(_is_number(cell) for cell in rows[0])
    header = [cell.strip() for cell in rows[0]] if named else None
    body = rows[1:] if named else rows
    if not body:
        message = f"{path.name} {'has no row below its names' if named else 'is empty'}"
        raise _failed("E611", message, "an example is a row of numbers")
    places = _places(path.name, program, header, len(rows[0]))
    numbers = _numbers(path.name, body, header, 1 if header is None else 2)
    return {
        value.name: numbers[:, places[value.name]].reshape(len(body), *_fixed(value, path.name))
        for value in program.graph.inputs
    }


def _rows(path: Path) -> Iterator[list[str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.reader(file, strict=True):
                if any(cell.strip() for cell in row):
                    yield row
    except (UnicodeDecodeError, csv.Error):
        raise _failed("E611", f"{path.name} is not a CSV file in UTF-8", "save it as one") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _places(
    label: str, program: Program, header: Sequence[str] | None, width: int
) -> dict[str, list[int]]:
    """Name of an input -> the columns that hold it."""
    inputs = program.graph.inputs
    wanted = {value.name: _columns(value, program, label) for value in inputs}
    if header is not None and all(c in header for names in wanted.values() for c in names):
        return {name: [header.index(c) for c in columns] for name, columns in wanted.items()}
    if len(inputs) == 1 and len(wanted[inputs[0].name]) == width:
        return {inputs[0].name: list(range(width))}
    if header is None:
        count = sum(map(len, wanted.values()))
        message = f"{label} has {width} columns, but the model takes {count} numbers"
        raise _failed("E612", message, f"begin it with a line of names: {_first_names(wanted)}")
    missing = [c for columns in wanted.values() for c in columns if c not in header]
    raise _missing(label, "column", missing, header)


def _first_names(wanted: Mapping[str, Sequence[str]]) -> str:
    names = [column for columns in wanted.values() for column in columns]
    return ",".join(names[:8]) + (",…" if len(names) > 8 else "")


def _columns(value: Value, program: Program, label: str) -> list[str]:
    """The names of the columns of an input: those of the data block, or `x[0]`, `x[1]`, …"""
    count = prod(_fixed(value, label))
    fields = program.data.fields if program.data else ()
    field = next((field for field in fields if value.name in field.names), None)
    if field and not field.preparations and isinstance(field.columns, Columns):
        names = [column for column in field.columns.names if isinstance(column, str)]
        if len(names) == count:
            return names
    return [value.name] if not value.type.shape else [f"{value.name}[{i}]" for i in range(count)]


def _fixed(value: Value, label: str) -> tuple[int, ...]:
    shape = value.type.shape
    if is_static(shape):
        return shape
    message = f"{label} can't hold `{value.name}: {value.type}`, whose size is free"
    raise _failed("E613", message, "put it into an .npz file: `numpy.savez(path, x=array)`")


def _numbers(
    label: str, rows: Sequence[Sequence[str]], header: Sequence[str] | None, first: int
) -> NDArray[np.float64]:
    width = len(header) if header is not None else len(rows[0])
    table = np.empty((len(rows), width))
    for number, row in enumerate(rows):
        if len(row) != width:
            message = f"row {number + first} of {label} has {len(row)} columns, not {width}"
            raise _failed("E611", message, "give every row as many columns as the first one")
        try:
            table[number] = [float(cell) for cell in row]
        except ValueError:
            raise _not_a_number(label, row, header, number + first) from None
    return table


def _not_a_number(
    label: str, row: Sequence[str], header: Sequence[str] | None, number: int
) -> Failed:
    place = next(i for i, cell in enumerate(row) if not _is_number(cell))
    column = f"`{header[place]}`" if header else str(place + 1)
    wrong = f"`{row[place][:60]}`" if row[place].strip() else "nothing"
    message = f"row {number} of {label} holds {wrong} in column {column}, which is not a number"
    return _failed("E614", message, "replace it by a number, or leave the row out")


# ---- what fits -------------------------------------------------------------------------------


def _checked(label: str, value: Value, array: NDArray[Any]) -> NDArray[np.generic]:
    """The array in the input's element type, once its shape fits."""
    expected = value.type.shape
    got = array.shape[1:]
    fits = len(array.shape) == len(expected) + 1 and all(
        isinstance(want, Symbol) or want == size for want, size in zip(expected, got, strict=True)
    )
    if not fits:
        shown = ", ".join(["batch", *map(str, expected)])
        message = (
            f"`{value.name}` in {label} has the shape {list(array.shape)}, "
            f"but the model takes [{shown}]"
        )
        raise _failed("E613", message, _reshaping(value, array))
    return _as_type(label, value, array)


def _reshaping(value: Value, array: NDArray[Any]) -> str:
    expected = value.type.shape
    if array.shape == expected:
        return "the first axis counts examples: `array[None]` makes a batch of one"
    if is_static(expected) and array.ndim > 1 and prod(expected) == prod(array.shape[1:]):
        return f"the numbers are as many: `array.reshape(-1, {', '.join(map(str, expected))})`"
    return "the first axis counts examples, the others are those of the input's type"


def _as_type(label: str, value: Value, array: NDArray[Any]) -> NDArray[np.generic]:
    dtype = np.dtype(NUMPY[value.type.dtype])
    if array.dtype.kind not in "fiub":
        message = f"`{value.name}` in {label} holds {_content(array)}, not numbers"
        raise _failed("E614", message, "convert it to numbers before saving it")
    with np.errstate(all="ignore"):
        made = array.astype(dtype)
    whole = value.type.dtype not in FLOATS
    if whole and not np.array_equal(made, array):
        message = f"`{value.name}` in {label} must hold whole numbers that fit `{value.type.dtype}`"
        raise _failed("E614", message, "class and word numbers are whole, counted from 0")
    return made


def _content(array: NDArray[Any]) -> str:
    return {"U": "text", "S": "text", "c": "complex numbers", "M": "dates"}.get(
        array.dtype.kind, f"elements of type {array.dtype}"
    )


def _check_sizes(label: str, graph: Graph, arrays: Arrays) -> None:
    """Raise Failed unless batch and every free size are the same wherever they stand."""
    sizes: dict[str, tuple[str, int]] = {}
    for value in graph.inputs:
        dims = ["the batch", *(d.name if isinstance(d, Symbol) else "" for d in value.type.shape)]
        for dim, size in zip(dims, arrays[value.name].shape, strict=True):
            first, known = sizes.setdefault(dim, (value.name, size)) if dim else ("", size)
            if known != size:
                message = f"{dim} is {known} in `{first}`, but {size} in `{value.name}` of {label}"
                raise _failed("E613", message, "the same name means the same size")


def _check_rows(label: str, graph: Graph, arrays: Arrays) -> None:
    """Raise Failed for numbers of rows that an embedding doesn't have: backends would disagree
    about them."""
    carried = {value.name: value.name for value in graph.inputs}
    for node in graph.nodes:
        source = carried.get(node.inputs[0].name) if node.inputs else None
        if source is None:
            continue
        if isinstance(node.op, _KEEPS):
            carried[node.output.name] = source
        elif isinstance(node.op, Embedding) and arrays[source].size:
            low, high = int(arrays[source].min()), int(arrays[source].max())
            last = node.op.vocabulary - 1
            if low < 0 or high > last:
                wrong = low if low < 0 else high
                message = (
                    f"`{source}` in {label} holds {wrong}, but `{node.name}` has rows 0 to {last}"
                )
                raise _failed("E614", message, "give the embedding a larger vocabulary")


# ---- results ---------------------------------------------------------------------------------


def to_csv(arrays: Mapping[str, NDArray[Any]], classes: Mapping[str, Classes] | None = None) -> str:
    """Arrays as CSV: a row for each example, a column for each number of an example.

    An output with classes has the name of the likeliest one first, none where one of its numbers
    is not a number, then these as `p[red]`; one number is that of the second of two.
    """
    known = classes or {}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = [_columns_of(name, array, known.get(name)) for name, array in arrays.items()]
    writer.writerow([head for heads, _ in columns for head in heads])
    for row in zip(*(rows for _, rows in columns), strict=True):
        writer.writerow([cell for part in row for cell in part])
    return text.getvalue()


def _columns_of(
    name: str, array: NDArray[Any], classes: Classes | None
) -> tuple[list[str], list[list[str]]]:
    """The heads of an output's columns, and the cells of each example."""
    flat = array.reshape(len(array), -1)
    rows = [[_shown(number) for number in row] for row in flat]
    if classes is None:
        return list(_heads(name, array)), rows
    if flat.shape[1] == 1:
        chosen, named = (flat[:, 0] > classes.boundary).astype(int), classes.names[1:]
    else:
        chosen, named = flat.argmax(axis=1), classes.names
    heads = [name, *(f"{name}[{label}]" for label in named)]
    lost = np.isnan(flat).any(axis=1)
    likeliest = ["" if none else classes.names[i] for i, none in zip(chosen, lost, strict=True)]
    return heads, [[name, *row] for name, row in zip(likeliest, rows, strict=True)]


def without_number(arrays: Mapping[str, NDArray[Any]]) -> int:
    """How many examples have a result that is not a number."""
    parts = [array for array in arrays.values() if array.dtype.kind == "f"]
    lost = [np.isnan(array.reshape(len(array), -1)).any(axis=1) for array in parts]
    return int(np.any(lost, axis=0).sum()) if lost else 0


def _heads(name: str, array: NDArray[Any]) -> Iterable[str]:
    count = prod(array.shape[1:])
    return [name] if array.ndim == 1 else [f"{name}[{i}]" for i in range(count)]


def _shown(number: Any) -> str:
    """The shortest text that reads back as the same number in its own precision."""
    return str(number)


def to_npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as an `.npz` file."""
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def writable(path: str) -> bool:
    """Whether results can be written to a file of this name."""
    return os.path.splitext(path)[1].lower() in (".csv", ".npz")
