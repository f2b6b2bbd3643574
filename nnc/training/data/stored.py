"""Columns of any length: in memory while they are small, then in a folder that goes with them."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nnc.training.data.dataset import Array, Rows
from nnc.training.data.faults import failed

LIMIT = 2**27
"""How many bytes of the columns of a table, or of all prepared examples, are held in memory."""
_TOGETHER = 10_000
"""How many texts are looked at together."""
_FEW = 1024
"""How many different texts are few."""
_WORDS = 2**20
"""How many whole numbers are written together."""


class Texts:
    """A column of texts, one after the other; `texts[rows]` are an array."""

    def __init__(self, content: Array, ends: Array, longest: int, limit: int) -> None:
        self._content = content
        self._ends = ends
        self._longest = longest
        self._limit = limit

    def __len__(self) -> int:
        return len(self._ends)

    @property
    def is_large(self) -> bool:
        """Whether an array of all of them is too large for memory."""
        return 4 * self._longest * len(self) > self._limit

    def __getitem__(self, rows: Rows) -> Array:
        parts = [self._some(rows[start : start + _TOGETHER]) for start in _starts(len(rows))]
        return np.concatenate(parts) if parts else np.array([], str)

    def _some(self, rows: Rows) -> Array:
        starts = np.where(rows > 0, self._ends[rows - 1], 0)
        pairs = zip(starts.tolist(), self._ends[rows].tolist(), strict=True)
        return np.array([self._content[a:b].tobytes().decode() for a, b in pairs])


class Labels(Texts):
    """A column in which few texts differ: the number of each among those known."""

    def __init__(self, known: list[str], numbers: Array, limit: int) -> None:
        self._known = np.array(known)
        self._numbers = numbers
        self._longest = max(map(len, known))
        self._limit = limit

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, rows: Rows) -> Array:
        return self._known[self._numbers[rows]]


def _starts(count: int) -> range:
    return range(0, count, _TOGETHER)


class Folder:
    """A temporary folder, which goes when nobody has this object any more."""

    def __init__(self) -> None:
        with _writing():
            self.path = Path(tempfile.mkdtemp(prefix="nnc-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def write(self, parts: Iterable[Array]) -> None:
        """Add to the file of a column. Raises Failed (E611) where the disk is full."""
        with _writing(), (self.path / "column").open("ab") as file:
            for part in parts:
                file.write(np.ascontiguousarray(part).data)

    def column(self, kind: Any, shape: tuple[int, ...], mode: Literal["r", "r+"] = "r") -> Array:
        """The file as an array, which keeps the folder."""
        made = np.memmap(self.path / "column", kind, mode, shape=shape).view(_Lasting)
        made.folder = self
        return made


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        folder = tempfile.gettempdir()
        message = f"there is no room for the data in {folder}: {error.strerror or error}"
        cure = "free some, or name another folder in the environment: `TMPDIR=/scratch`"
        raise failed("E611", message, cure) from None


class _Lasting(np.memmap):
    """An array in a file whose folder lasts as long as the array."""

    folder: Folder | None = None


def room(count: int) -> NDArray[np.uint64]:
    """An array for so many whole numbers."""
    if 8 * count <= LIMIT:
        return np.zeros(count, np.uint64)
    folder = Folder()
    # Zeros are written out: a file with holes would end the process where the disk is full.
    sizes = (min(_WORDS, count - start) for start in range(0, count, _WORDS))
    folder.write(np.zeros(size, np.uint64) for size in sizes)
    return folder.column(np.uint64, (count,), "r+")


def counted(count: int) -> Rows:
    """The numbers from 0 on."""
    found = room(count).view(np.int64)
    for start in range(0, count, _WORDS):
        part = found[start : start + _WORDS]
        part[:] = np.arange(start, start + len(part))
    return found


class Growing:
    """Numbers that are added part by part, as rows of one array; of those that grow beside one
    another each has its share of the memory."""

    def __init__(self, beside: int = 1) -> None:
        self._limit = LIMIT // beside
        self._parts: list[Array] = []
        self._held = 0
        self._count = 0
        self._folder: Folder | None = None

    def add(self, part: Array) -> None:
        """More rows."""
        self._count += len(part)
        self._parts.append(part)
        self._held += part.nbytes
        if self._held > self._limit or self._folder is not None:
            self._write()

    def _write(self) -> None:
        self._folder = self._folder or Folder()
        self._folder.write(self._parts)
        self._kind, self._shape = self._parts[-1].dtype, self._parts[-1].shape[1:]
        self._parts, self._held = [], 0

    def column(self) -> Array:
        """All rows: an array, or one that lies in a file and goes when nobody has it any more."""
        if self._folder is None:
            return _joined(self._parts)
        return self._folder.column(self._kind, (self._count, *self._shape))


def _joined(parts: list[Array]) -> Array:
    """The rows of all parts, which are given up one by one: there is never a second copy."""
    made = np.empty((sum(map(len, parts)), *parts[0].shape[1:]), parts[0].dtype)
    end = len(made)
    while parts:
        part = parts.pop()
        made[end - len(part) : end] = part
        end -= len(part)
    return made


class GrowingTexts:
    """Texts that are added part by part; those that come again are kept once while they are few."""

    def __init__(self, beside: int = 1) -> None:
        self._limit = LIMIT // beside
        self._known: dict[str, int] = {}
        self._numbers: Growing | None = Growing(beside)
        self._content, self._ends = Growing(2 * beside), Growing(2 * beside)
        self._end = self._longest = 0

    def add(self, texts: Sequence[str]) -> None:
        """More texts."""
        if self._numbers is None:
            self._spell(texts)
            return
        before = len(self._known)
        numbers = [self._known.setdefault(text, len(self._known)) for text in texts]
        if len(self._known) <= _FEW:
            self._numbers.add(np.array(numbers, np.uint16))
            return
        if before:
            self._spell_all([*self._known][:before], self._numbers.column())
        self._known, self._numbers = {}, None
        self._spell(texts)

    def _spell_all(self, known: list[str], numbers: Array) -> None:
        for start in _starts(len(numbers)):
            part = numbers[start : start + _TOGETHER].tolist()
            self._spell([known[number] for number in part])

    def _spell(self, texts: Sequence[str]) -> None:
        encoded = [text.encode() for text in texts]
        ends = self._end + np.cumsum([len(text) for text in encoded], dtype=np.int64)
        self._end = int(ends[-1])
        self._longest = max(self._longest, *map(len, texts))
        self._ends.add(ends)
        self._content.add(np.frombuffer(b"".join(encoded), np.uint8))

    def column(self) -> Texts:
        """All texts."""
        if self._numbers is not None:
            return Labels([*self._known], self._numbers.column(), self._limit)
        content, ends = self._content.column(), self._ends.column()
        return Texts(content, ends, self._longest, self._limit)


def converted(texts: Texts, change: Callable[[Array, int], Array]) -> Array:
    """Texts as numbers; `change` gets a part and the number of its first row."""
    found = Growing()
    for start in _starts(len(texts)):
        found.add(change(texts[np.arange(start, min(start + _TOGETHER, len(texts)))], start))
    return found.column()
