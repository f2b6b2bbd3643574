"""The files of a data block, and the columns in them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nnc.backends import recipes
from nnc.backends.pieces import columns, images
from nnc.backends.recipes import Reading, Takes
from nnc.compiler.ir import Data, Field, Program
from nnc.compiler.vocabulary.data import Files
from nnc.training.data.dataset import Rows
from nnc.training.data.faults import reading, values
from nnc.training.data.feed import Feed, Learnt, function


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


class Tables:
    """The tables of a data block, each read once, with `path` instead of the file of the source."""

    def __init__(self, data: Data, base: Path, path: Path | None) -> None:
        self._data = data
        self._base = base
        self._path = path
        self._tables: dict[tuple[str, ...], dict[Any, Any]] = {}
        self._digest = hashlib.sha256()

    def digest(self) -> str:
        """SHA-256 of all that was read."""
        return self._digest.hexdigest()

    def files(self, chain: Field) -> list[Path]:
        """The files that a chain is read from."""
        found = recipes.reading(self._data, chain).files
        if self._path is not None and len(found) == 1:
            return [self._path]
        return [self._base / file for file in found]

    def label(self, chain: Field) -> str:
        """What to call the source of a chain."""
        files = self.files(chain)
        if files:
            return files[0].name
        return f"scikit-learn's {recipes.reading(self._data, chain).call.arguments[0]}"

    def table(self, chain: Field) -> dict[Any, Any]:
        """The table that a chain takes its columns from. Raises Failed (E611)."""
        recipe = recipes.reading(self._data, chain)
        files = tuple(map(str, self.files(chain)))
        if files not in self._tables:
            with reading(self.label(chain), self._data.span if not files else chain.span):
                self._tables[files] = _read(recipe, files)
                _enter(self._digest, self._tables[files], files)
        return self._tables[files]

    def column(self, chain: Field, key: int | str, takes: Takes) -> Any:
        """A column beside those of the chain, from the same table. Raises Failed (E612, E614)."""
        table, label = self.table(chain), self.label(chain)
        with values("E612", label, span=self._data.span):
            columns.selected(table, (key,))
        with values("E614", label, span=self._data.span):
            return getattr(columns, takes)(table, key)


def _read(recipe: Reading, files: tuple[str, ...]) -> dict[Any, Any]:
    call = recipe.call
    made: dict[Any, Any] = function(call)(*files, *call.arguments, **call.options)
    return made


def _enter(digest: Any, table: Mapping[Any, Any], files: Sequence[str]) -> None:
    """Add the bytes of files, of the images of a folder, or of a bundled data set's arrays."""
    for file in table["files"] if "files" in table else map(Path, files):
        with Path(file).open("rb") as stream:
            while part := stream.read(2**20):
                digest.update(part)
    if not files:
        for name, column in table.items():
            digest.update(f"{name}\n".encode() + np.ascontiguousarray(column).tobytes())


def feed(read: Tables, chain: Field, program: Program, learnt: Mapping[str, list[Learnt]]) -> Feed:
    """A chain with its columns. Raises Failed (E611, E612, E614)."""
    targets = program.training.targets if program.training else ()
    named = {value.name: value for value in (*program.graph.inputs, *targets)}
    given = {name: named[name] for name in chain.names if name in named}
    known = list(learnt.get(",".join(chain.names), []))
    last = program.graph.layout == "channels_last"
    column = _columns(read, chain, known, last)
    return Feed(chain, column, given, read.label(chain), last, known)


def _columns(read: Tables, chain: Field, learnt: list[Learnt], last: bool) -> Any:
    table, label = read.table(chain), read.label(chain)
    if isinstance(chain.columns, Files):
        return Images(table["files"], chain.columns.channels, last)
    names = chain.columns.names
    steps = recipes.preparing(chain)
    takes: Takes = steps[0].takes if steps and len(names) == 1 else "numbers"
    if takes == "values" and learnt:
        takes = _as_learnt(learnt)
    with values("E612", label, span=chain.span):
        columns.selected(table, names)
    with values("E614", label, span=chain.span):
        return getattr(columns, takes)(table, *names, missing=bool(steps) and steps[0].missing)


def _as_learnt(learnt: list[Learnt]) -> Takes:
    """Labels are texts or numbers as they were in training."""
    known = [value for one in learnt for value in one.values()]
    first = np.asarray(known[0]).ravel()
    return "texts" if first.dtype.kind == "U" else "numbers"
