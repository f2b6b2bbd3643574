"""From a program to its examples."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nnc.backends import draws, recipes
from nnc.backends.pieces import columns, tables
from nnc.backends.sources import classes
from nnc.compiler.ir import Data, Field, Program, Value
from nnc.compiler.vocabulary.data import Npz, Shares, Sklearn
from nnc.training.data import fields
from nnc.training.data.dataset import NUMPY, Array, Arrays, Dataset, Rows
from nnc.training.data.faults import failed, reading, values

_VERSION = 1


def open_data(
    program: Program,
    base: Path,
    *,
    path: Path | None = None,
    fitted: Mapping[str, Any] | None = None,
) -> Dataset:
    """The examples of a program's data block, with `path` instead of what the block names.

    An `.npz` at `path` holds arrays that are ready, by the names of inputs and targets: they are
    neither prepared nor split. `fitted` is what the preparations learnt in an earlier run; without
    it they learn from the training split. Relative paths of the block start at `base`. Raises
    Failed (E611 to E614) for data that can't be read or doesn't fit.
    """
    data = program.data
    if data is None and path is None:
        raise failed("E611", "the spec has no data block", "give the examples: `--data FILE.npz`")
    ready = data is None or (path is not None and path.suffix == ".npz")
    if ready and not (data is not None and isinstance(data.source, Npz)):
        assert path is not None
        return _ready(program, path)
    assert data is not None
    label, table, digest = _read(data, base, path)
    return _prepared(program, data, label, table, digest, fitted)


def prepare_inputs(program: Program, path: Path, fitted: Mapping[str, Any]) -> Arrays:
    """The inputs alone of new examples in a file of the kind that the data block reads, prepared
    with what was learnt. Raises Failed (E611 to E614)."""
    data = program.data
    if data is None or (path.suffix == ".npz" and not isinstance(data.source, Npz)):
        wanted = program.graph.inputs
        with reading(path.name):
            table = tables.read_npz(str(path))
        return {value.name: _stored(table, value, path.name) for value in wanted}
    label, table, _ = _read(data, path.parent, path)
    given = {value.name: value for value in program.graph.inputs}
    made: Arrays = {}
    for field in data.fields:
        if field.name in given:
            learnt = fitted["fields"][field.name]
            x = _taken(field, table, label, learnt)
            made[field.name] = _finished(field, x, learnt, given[field.name], label)
    return made


def _values(program: Program) -> dict[str, Value]:
    targets = program.training.targets if program.training else ()
    return {value.name: value for value in (*program.graph.inputs, *targets)}


# ---- arrays that are ready -------------------------------------------------------------------


def _ready(program: Program, path: Path) -> Dataset:
    with reading(path.name):
        table = tables.read_npz(str(path))
    arrays = {name: _stored(table, value, path.name) for name, value in _values(program).items()}
    count = _count(arrays, path.name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Dataset({"train": np.arange(count)}, arrays, _json({}), digest)


def _stored(table: Mapping[Any, Any], value: Value, label: str) -> Array:
    with values("E612", label):
        x = columns.numbers(dict(table), value.name)
    return _declared(x, value, label)


# ---- the data block --------------------------------------------------------------------------


def _read(data: Data, base: Path, path: Path | None) -> tuple[str, dict[Any, Any], str]:
    """What to call the source, its table, and the SHA-256 of what was read."""
    recipe = recipes.SOURCES.find(data.source)(data.source)
    call, read = recipe.call, fields.function(recipe.call)
    if isinstance(data.source, Sklearn):
        label = f"scikit-learn's {data.source.name}"
        with reading(label, data.span):
            table = read(*call.arguments, **call.options)
        return label, table, _digest(table)
    file = path or base / str(recipe.path)
    with reading(file.name):
        table = read(str(file), **call.options)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return file.name, table, digest


def _digest(table: Mapping[Any, Any]) -> str:
    """SHA-256 of the arrays of a table."""
    digest = hashlib.sha256()
    for name, column in table.items():
        digest.update(f"{name}\n".encode())
        digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def _prepared(
    program: Program,
    data: Data,
    label: str,
    table: dict[Any, Any],
    digest: str,
    fitted: Mapping[str, Any] | None,
) -> Dataset:
    given = _values(program)
    known = fitted["fields"] if fitted else {}
    taken = {
        field.name: _taken(field, table, label, known.get(field.name)) for field in data.fields
    }
    splits = split(program, data, taken, _count(taken, label))
    if "train" not in splits:
        raise failed("E614", f"{label} has too few examples: none is left for training")
    arrays: Arrays = {}
    learnt: dict[str, list[fields.Learnt]] = {}
    for field in data.fields:
        x = taken[field.name]
        with values("E614", label, f"`{field.name}`", field.span):
            learnt[field.name] = known.get(field.name) or fields.learn(field, x, splits["train"])
        arrays[field.name] = _finished(field, x, learnt[field.name], given[field.name], label)
    named = {field.name: fields.labels(field, learnt[field.name]) for field in data.fields}
    labels = {name: classes for name, classes in named.items() if classes is not None}
    return Dataset(splits, arrays, _json(learnt), digest, labels)


def split(program: Program, data: Data, taken: Arrays, count: int) -> dict[str, Rows]:
    """The rows of each split."""
    if data.split is None:
        return {"train": np.arange(count)}
    call = recipes.SPLITS.find(data.split)(data.split)
    options = dict(call.options)
    rows = np.arange(count)
    if isinstance(data.split, Shares):
        rows = draws.order(count, draws.key_of(program.seed, "split"))
        if data.split.stratify:
            options["classes"] = taken[classes(program)]
    made: dict[str, Rows] = fields.function(call)(rows, **options)
    return made


def _taken(
    field: Field, table: Mapping[Any, Any], label: str, learnt: list[fields.Learnt] | None
) -> Array:
    with values("E612", label, span=field.span):
        columns.selected(dict(table), field.columns)
    with values("E614", label, span=field.span):
        return fields.take(field, table, learnt)


def _finished(
    field: Field, x: Array, learnt: list[fields.Learnt], value: Value, label: str
) -> Array:
    with values("E614", label, f"`{field.name}`", field.span):
        made = fields.apply(field, x, learnt)
    return _declared(made, value, label)


def _declared(x: Array, value: Value, label: str) -> Array:
    shape = tuple(size if isinstance(size, int) else -1 for size in value.type.shape)
    with values("E613", label, span=value.span):
        made = columns.declared(x, value.name, NUMPY[value.type.dtype], shape)
    return np.asarray(made)


def _count(arrays: Mapping[str, Array], label: str) -> int:
    """How many examples there are. Raises Failed unless every field has as many."""
    first, *others = arrays
    for name in others:
        if len(arrays[name]) != len(arrays[first]):
            counts = f"{len(arrays[first])} examples, but `{name}` has {len(arrays[name])}"
            raise failed("E613", f"{label}: `{first}` has {counts}")
    return len(arrays[first])


def _json(learnt: Mapping[str, list[fields.Learnt]]) -> dict[str, Any]:
    return {"version": _VERSION, "fields": dict(learnt)}
