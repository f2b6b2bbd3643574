"""The files of a data block, and the columns in them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnc.backends import recipes
from nnc.backends.pieces import columns, images
from nnc.backends.recipes import Call, Preparing, Takes
from nnc.compiler.ir import Data, Field, Program
from nnc.compiler.vocabulary.data import Files
from nnc.training.data import arrays, bundled
from nnc.training.data.dataset import Rows
from nnc.training.data.faults import held, reading, values
from nnc.training.data.feed import Feed, Learnt, function
from nnc.training.data.streaming import STREAMED, Request, stream

_ANY_SIZE: Mapping[str, Callable[..., dict[Any, Any]]] = {
    "tables:read_npy": arrays.read_npy,
    "tables:read_npz": arrays.read_npz,
    "tables:read_idx": arrays.read_idx,
}
"""What stands in for readers that would read everything."""


class Images:
    """A column of image files, read when they are asked for."""

    def __init__(self, files: Sequence[Path], channels: int, last: bool) -> None:
        self._files = files
        self._channels = channels
        self._last = last

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, rows: Rows) -> Any:
        return images.images([self._files[row] for row in rows], self._channels, self._last)


def request(chain: Field, learnt: Sequence[Learnt]) -> Request:
    """The columns of a chain as its first preparation wants them."""
    assert not isinstance(chain.columns, Files)
    steps, names = recipes.preparing(chain), chain.columns.names
    first = steps[0] if steps else Preparing(Call(""))
    takes = first.takes if len(names) == 1 else "numbers"
    if takes == "values" and learnt:
        takes = _as_learnt(learnt)
    return Request(names, takes, first.missing, chain.span)


def _as_learnt(learnt: Sequence[Learnt]) -> Takes:
    """Labels are texts or numbers as they were in training."""
    known = [value for one in learnt for value in one.values()]
    first = np.asarray(known[0]).ravel()
    return "texts" if first.dtype.kind == "U" else "numbers"


class Tables:
    """The tables of a data block, each read once, with `path` instead of the file of the source.

    `asked` are the chains with all that is wanted of the tables that they are read from.
    """

    def __init__(
        self, data: Data, base: Path, path: Path | None, asked: Sequence[tuple[Field, Request]]
    ) -> None:
        self._data = data
        self._base = base
        self._path = path
        self._asked = asked
        self._tables: dict[tuple[str, ...], dict[Any, Any]] = {}
        self._columns: dict[tuple[tuple[str, ...], Request], Any] = {}
        self._digest = hashlib.sha256()

    def digest(self) -> str:
        """SHA-256 of all that was read."""
        return self._digest.hexdigest()

    def files(self, chain: Field) -> tuple[str, ...]:
        """The files that a chain is read from."""
        found = recipes.reading(self._data, chain).files
        if self._path is not None and len(found) == 1:
            return (str(self._path),)
        return tuple(str(self._base / file) for file in found)

    def label(self, chain: Field) -> str:
        """What to call the source of a chain."""
        files = self.files(chain)
        if files:
            return Path(files[0]).name or files[0]
        return f"scikit-learn's {recipes.reading(self._data, chain).call.arguments[0]}"

    def table(self, chain: Field) -> dict[Any, Any]:
        """The whole table that a chain takes its columns from. Raises Failed (E611)."""
        recipe, files = recipes.reading(self._data, chain), self.files(chain)
        if files not in self._tables:
            with reading(self.label(chain), chain.span):
                table = _read(recipe.call, files, instead=self._path is not None)
                _enter(self._digest, table, files)
            self._tables[files] = table
        return self._tables[files]

    def column(self, chain: Field, wanted: Request) -> Any:
        """Columns of the table that a chain is read from. Raises Failed (E611, E612, E614)."""
        recipe, files, label = (
            recipes.reading(self._data, chain),
            self.files(chain),
            self.label(chain),
        )
        if recipe.call.function in STREAMED:
            if (files, wanted) not in self._columns:
                requests = [one for other, one in self._asked if self.files(other) == files]
                found = stream(recipe, Path(files[0]), label, list(dict.fromkeys(requests)))
                self._columns |= {(files, one): column for one, column in found.items()}
                _enter(self._digest, {}, files)
            return self._columns[files, wanted]
        table = self.table(chain)
        with values("E612", label, span=wanted.span, cure=held(table)):
            keys = columns.selected(table, wanted.keys)
        arrays.refuse_empty(table, keys, label)
        large = arrays.column(table, keys) if wanted.takes != "texts" else None
        if large is not None:
            arrays.refuse_unknown(table, keys, label, missing=wanted.missing)
            return large
        with values("E614", label, span=wanted.span):
            read = getattr(columns, wanted.takes)
            return read(table, *wanted.keys, missing=wanted.missing)


def _read(call: Call, files: Sequence[str], *, instead: bool) -> dict[Any, Any]:
    """The table that a call of a reader gives; `instead` of a folder of images one may stand."""
    if call.function == "tables:read_sklearn":
        return bundled.table(*call.arguments)
    if instead and call.function == "images:read_folder" and Path(files[0]).is_file():
        return {"files": [Path(files[0])], "class": [Path(files[0]).parent.name]}
    read = _ANY_SIZE.get(call.function) or function(call)
    found: dict[Any, Any] = read(*files, *call.arguments, **call.options)
    return found


def _enter(digest: Any, table: Mapping[Any, Any], files: Sequence[str]) -> None:
    """Add the bytes of files, of the images of a folder, or of a bundled data set's arrays."""
    for file in table["files"] if "files" in table else map(Path, files):
        with Path(file).open("rb") as content:
            while part := content.read(2**20):
                digest.update(part)
    if not files:
        for name, column in table.items():
            digest.update(f"{name}\n".encode() + np.ascontiguousarray(column).tobytes())


def feed(
    read: Tables, chain: Field, program: Program, learnt: list[Learnt], *, ahead: bool
) -> Feed:
    """A chain with its columns. Raises Failed (E611, E612, E614)."""
    targets = program.training.targets if program.training else ()
    named = {value.name: value for value in (*program.graph.inputs, *targets)}
    given = {name: named[name] for name in chain.names if name in named}
    last = program.graph.layout == "channels_last"
    if isinstance(chain.columns, Files):
        column: Any = Images(read.table(chain)["files"], chain.columns.channels, last)
    else:
        column = read.column(chain, request(chain, learnt))
    return Feed(chain, column, given, read.label(chain), last, list(learnt), ahead)
