"""From a program to its examples."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnc.backends.pieces import columns, tables
from nnc.compiler.ir import Data, Field, Program, Value
from nnc.compiler.vocabulary.data import Files, Npz
from nnc.training.data import stored
from nnc.training.data.augmenting import changes
from nnc.training.data.bounds import check
from nnc.training.data.dataset import NUMPY, Array, Arrays, Dataset, Kept, Rows
from nnc.training.data.dividing import beside, divided
from nnc.training.data.faults import failed, held, reading, values
from nnc.training.data.feed import Feed
from nnc.training.data.reading import Tables, feed, request
from nnc.training.data.streaming import Request

_VERSION = 1
_CHUNK = 4096


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
    _refuse_absent(path)
    if _ready(data, path):
        assert path is not None
        return _stored(program, path)
    if data is None:
        raise failed("E611", "the spec has no data block", "give the examples: `--data FILE.npz`")
    before = fitted["fields"] if fitted else {}
    read = Tables(data, base, path, [*_asked(data.fields, before), *beside(data)])
    feeds = _feeds(program, data.fields, read, before, ahead=True)
    splits = divided(program, feeds, _count(feeds), read)
    for one in feeds:
        one.learn(splits["train"])
    found = {_key(one.chain): one.learnt for one in feeds}
    labels = {name: shown for one in feeds for name, shown in one.labels.items()}
    take = _kept(program, feeds, feeds[0].count)
    learnt = {"version": _VERSION, "fields": found}
    return Dataset(splits, take, learnt, read.digest(), labels, changes(program))


def prepare_inputs(program: Program, path: Path, fitted: Mapping[str, Any]) -> Arrays:
    """The inputs alone of new examples in a file of the kind that the data block reads, prepared
    with what was learnt. Windows need no rows behind them. Raises Failed (E611 to E614)."""
    data = program.data
    _refuse_absent(path)
    inputs = {value.name: value for value in program.graph.inputs}
    if _ready(data, path):
        return _arrays(path, inputs)
    assert data is not None
    chains = [chain for chain in data.fields if inputs.keys() & {*chain.names}]
    read = Tables(data, path.parent, path, _asked(chains, fitted["fields"]))
    feeds = _feeds(program, chains, read, fitted["fields"], ahead=False)
    made = _all(feeds, _count(feeds))
    return {name: array for name, array in made.items() if name in inputs}


def _refuse_absent(path: Path | None) -> None:
    """Raise Failed for a file in place of the source that isn't there: unlike the source's own its
    path is not relative to the spec."""
    if path is not None and not os.path.exists(path):
        raise failed("E611", f"{path} does not exist")


def _key(chain: Field) -> str:
    return ",".join(chain.names)


def _asked(chains: Sequence[Field], learnt: Mapping[str, Any]) -> list[tuple[Field, Request]]:
    """What chains ask of their tables."""
    tabular = [chain for chain in chains if not isinstance(chain.columns, Files)]
    return [(chain, request(chain, learnt.get(_key(chain), []))) for chain in tabular]


def _feeds(
    program: Program,
    chains: Sequence[Field],
    read: Tables,
    learnt: Mapping[str, Any],
    *,
    ahead: bool,
) -> list[Feed]:
    known = [learnt.get(_key(chain), []) for chain in chains]
    pairs = zip(chains, known, strict=True)
    return [feed(read, chain, program, before, ahead=ahead) for chain, before in pairs]


# ---- arrays that are ready -------------------------------------------------------------------


def _ready(data: Data | None, path: Path | None) -> bool:
    """Whether a file holds arrays that need no preparation."""
    if path is None or path.suffix != ".npz":
        return False
    return data is None or not isinstance(data.source, Npz)


def _stored(program: Program, path: Path) -> Dataset:
    targets = program.training.targets if program.training else ()
    wanted = {value.name: value for value in (*program.graph.inputs, *targets)}
    arrays = _arrays(path, wanted)
    check(program, arrays, path.name)
    count = len(next(iter(arrays.values())))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    everything = {"train": np.arange(count)}
    learnt = {"version": _VERSION, "fields": {}}
    return Dataset(everything, Kept(arrays), learnt, digest, {}, changes(program))


def _arrays(path: Path, wanted: Mapping[str, Value]) -> Arrays:
    with reading(path.name):
        table = tables.read_npz(str(path))
    made = {name: _array(table, value, path.name) for name, value in wanted.items()}
    _same({name: len(array) for name, array in made.items()}, path.name)
    return made


def _array(table: dict[Any, Any], value: Value, label: str) -> Array:
    with values("E612", label, cure=held(table)):
        x = columns.numbers(table, value.name)
    shape = tuple(size if isinstance(size, int) else -1 for size in value.type.shape)
    with values("E613", label):
        return np.asarray(columns.declared(x, value.name, NUMPY[value.type.dtype], shape))


def _same(counts: Mapping[str, int], label: str) -> None:
    """Raise Failed unless every count is the same."""
    first, *others = counts
    for name in others:
        if counts[name] != counts[first]:
            message = f"`{first}` has {counts[first]} examples, but `{name}` has {counts[name]}"
            raise failed("E613", f"{label}: {message}")


def _count(feeds: Sequence[Feed]) -> int:
    _same({_key(one.chain): one.count for one in feeds}, feeds[0].label)
    return feeds[0].count


# ---- the data block --------------------------------------------------------------------------


def _kept(program: Program, feeds: Sequence[Feed], count: int) -> Any:
    """What gives examples: arrays in memory, or the feeds themselves where those are too large."""
    first = _taken(feeds, np.arange(1))
    if count * sum(array.nbytes for array in first.values()) <= stored.LIMIT:
        arrays = _all(feeds, count)
        check(program, arrays, feeds[0].label)
        return Kept(arrays)
    for start in range(0, count, _CHUNK):
        part = _taken(feeds, np.arange(start, min(start + _CHUNK, count)))
        check(program, part, feeds[0].label, start)
    return lambda rows: _taken(feeds, rows)


def _all(feeds: Sequence[Feed], count: int) -> Arrays:
    """Every example, prepared a part at a time."""
    found: Arrays = {}
    for start in range(0, count, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, count))
        for name, part in _taken(feeds, rows).items():
            whole = found.setdefault(name, np.empty((count, *part.shape[1:]), part.dtype))
            whole[rows] = part
    return found


def _taken(feeds: Sequence[Feed], rows: Rows) -> Arrays:
    return {name: array for one in feeds for name, array in one.arrays(rows).items()}
