"""From a program to its examples."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from nnc.compiler.ir import Field, Program
from nnc.compiler.vocabulary.data import Files
from nnc.training.data import stored
from nnc.training.data.augmenting import changes
from nnc.training.data.bounds import check
from nnc.training.data.dataset import Arrays, Dataset, Kept, Rows
from nnc.training.data.dividing import beside, divided, refuse_empty
from nnc.training.data.faults import failed
from nnc.training.data.feed import Feed
from nnc.training.data.reading import Tables, feed, request
from nnc.training.data.ready import is_ready, open_ready, same
from nnc.training.data.streaming import Request

Take: TypeAlias = "Callable[[Rows], Arrays]"
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
    if path is not None and is_ready(data, path):
        return _open_ready(program, path)
    if data is None:
        raise failed("E611", "the spec has no data block", "give the examples: `--data FILE.npz`")
    before = fitted["fields"] if fitted else {}
    read = Tables(data, base, path, [*_asked(data.fields, before), *beside(data)])
    feeds = _feeds(program, data.fields, read, before, ahead=True)
    splits = divided(program, feeds, _count(feeds), read)
    if fitted is None:
        refuse_empty(data, splits, feeds[0].label)
        for one in feeds:
            one.learn(splits["train"])
    found = {_key(one.chain): one.learnt for one in feeds}
    labels = {name: shown for one in feeds for name, shown in one.labels.items()}
    take = _kept(program, _taking(feeds), feeds[0].count, feeds[0].label)
    learnt = {"version": _VERSION, "fields": found}
    return Dataset(splits, take, learnt, read.digest(), labels, changes(program))


def _open_ready(program: Program, path: Path) -> Dataset:
    targets = program.training.targets if program.training else ()
    wanted = {value.name: value for value in (*program.graph.inputs, *targets)}
    ready = open_ready(path, wanted)
    take = _kept(program, ready, ready.count, path.name)
    everything = {"train": stored.counted(ready.count)}
    learnt = {"version": _VERSION, "fields": {}}
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Dataset(everything, take, learnt, digest, {}, changes(program))


def unprepared(
    program: Program,
    base: Path,
    rows: Rows,
    *,
    path: Path | None = None,
    fitted: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The columns of the inputs of some rows as the data have them, before any preparation; they
    are read anew. Windows have none, nor have arrays that are ready. Raises as `open_data`."""
    data = program.data
    if data is None or (path is not None and is_ready(data, path)):
        return {}
    before = fitted["fields"] if fitted else {}
    inputs = {value.name for value in program.graph.inputs}
    read = Tables(data, base, path, _asked(data.fields, before))
    feeds = _feeds(program, data.fields, read, before, ahead=True)
    single = (one for one in feeds if one.span == 1 and inputs & {*one.chain.names})
    return {one.chain.names[0]: one.column[rows] for one in single}


def prepare_inputs(program: Program, path: Path, fitted: Mapping[str, Any]) -> Arrays:
    """The inputs alone of new examples in a file of the kind that the data block reads, prepared
    with what was learnt. Windows need no rows behind them. Raises Failed (E611 to E614)."""
    data = program.data
    _refuse_absent(path)
    inputs = {value.name: value for value in program.graph.inputs}
    if is_ready(data, path):
        ready = open_ready(path, inputs)
        return ready(np.arange(ready.count))
    assert data is not None
    chains = [chain for chain in data.fields if inputs.keys() & {*chain.names}]
    read = Tables(data, path.parent, path, _asked(chains, fitted["fields"]))
    feeds = _feeds(program, chains, read, fitted["fields"], ahead=False)
    made = _all(_taking(feeds), _count(feeds), feeds[0].label)
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


def _count(feeds: Sequence[Feed]) -> int:
    same({_key(one.chain): one.count for one in feeds}, feeds[0].label)
    return feeds[0].count


def _kept(program: Program, take: Take, count: int, label: str) -> Take:
    """What gives examples: out of memory, or as they are taken where they are too large for it."""
    size = sum(array.nbytes for array in take(np.arange(1)).values())
    if count * size <= stored.LIMIT:
        arrays = _all(take, count, label)
        check(program, arrays, label)
        return Kept(arrays)
    for rows, part in _parts(take, count, label):
        check(program, part, label, int(rows[0]))
    return take


def _all(take: Take, count: int, label: str) -> Arrays:
    """Every example, a part at a time."""
    found: Arrays = {}
    for rows, arrays in _parts(take, count, label):
        for name, part in arrays.items():
            whole = found.setdefault(name, np.empty((count, *part.shape[1:]), part.dtype))
            whole[rows] = part
    return found


def _parts(take: Take, count: int, label: str) -> Iterator[tuple[Rows, Arrays]]:
    """Every example. Raises Failed (E613) where the shapes of two are not the same."""
    shapes: dict[str, tuple[int, ...]] = {}
    for start in range(0, count, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, count))
        arrays = take(rows)
        for name, part in arrays.items():
            shape, given = shapes.setdefault(name, part.shape[1:]), part.shape[1:]
            if given != shape:
                message = f"`{name}` has the shape {list(given)}, not {list(shape)} as before"
                raise failed("E613", f"{label}, row {start + 1}: {message}")
        yield rows, arrays


def _taking(feeds: Sequence[Feed]) -> Take:
    return lambda rows: {name: array for one in feeds for name, array in one.arrays(rows).items()}
