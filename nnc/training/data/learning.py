"""What preparations learn from columns that do not fit into memory: a part at a time, with the
very results that the functions in `nnc.backends.pieces.preparations` give for the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nnc.backends.pieces import preparations
from nnc.backends.pieces.preparations import absent, total, words
from nnc.training.data.dataset import Array, Rows

Take = Callable[[Rows], Array]
_PART = 2**24
"""How many bytes of a column are looked at together."""


def learn(function: Callable[..., Any], take: Take, rows: Rows, *arguments: Any) -> Any:
    """`function(column, rows, *arguments)`, of a column whose rows `take` gives."""
    length = _length(take, rows)
    if len(rows) <= length:
        return function(take(rows), np.arange(len(rows)), *arguments)
    parts = _Parts(take, rows, length)
    return _IN_PARTS[function](parts, *arguments)


def _length(take: Take, rows: Rows) -> int:
    """How many rows make a part: a power of two, so that sums by pairs stay the same."""
    size = max(take(rows[:1]).nbytes, 1) if len(rows) else 1
    return int(2 ** max(int(np.log2(_PART / size)), 0))


class _Parts:
    """The rows of a column, part by part."""

    def __init__(self, take: Take, rows: Rows, length: int) -> None:
        self._take = take
        self._rows = rows
        self._length = length

    def __iter__(self) -> Iterator[Array]:
        for start in range(0, len(self._rows), self._length):
            yield self._take(self._rows[start : start + self._length])

    def __len__(self) -> int:
        return len(self._rows)

    def total(self, change: Callable[[Array], Array]) -> Array:
        """The sum over all rows of something made of them."""
        return np.asarray(total(np.stack([total(change(part)) for part in self])))


def _moments(parts: _Parts) -> tuple[Array, Array]:
    mean = parts.total(lambda x: x.astype(np.float64)) / len(parts)
    squares = parts.total(lambda x: (x - mean) * (x - mean))
    deviation = np.sqrt(squares / len(parts))
    return mean, np.where(deviation > 0, deviation, 1.0)


def _extent(parts: _Parts) -> tuple[Array, Array]:
    low = np.min([x.astype(np.float64).min(axis=0) for x in parts], axis=0)
    high = np.max([x.astype(np.float64).max(axis=0) for x in parts], axis=0)
    return low, np.where(high > low, high - low, 1.0)


def _distinct(parts: _Parts) -> Array:
    found: Array | None = None
    for x in parts:
        here = np.unique(x)
        found = here if found is None else np.union1d(found, here)
    assert found is not None
    return found


def _vocabulary(parts: _Parts, size: int | None, lower: bool) -> list[str]:
    counts: Counter[str] = Counter()
    for x in parts:
        counts.update(word for text in x for word in words(text, lower))
    found = sorted(counts, key=lambda word: (-counts[word], word))
    return found if size is None else found[: size - 2]


def _filling(parts: _Parts, strategy: str) -> Array:
    counts = np.sum([(~absent(x)).sum(axis=0) for x in parts], axis=0)
    if not np.all(counts):
        raise ValueError("every value of a column is missing in training")
    if strategy == "mean":
        return np.asarray(parts.total(lambda x: np.where(absent(x), 0.0, x)) / counts)
    shape = next(iter(parts)).shape[1:]
    fill = _median if strategy == "median" else _most_frequent
    found = [fill(parts, column) for column in range(int(np.prod(shape)))]
    return np.array(found).reshape(shape)


def _known(parts: _Parts, column: int) -> Iterator[Array]:
    for part in parts:
        x = part.reshape(len(part), -1)[:, column]
        yield x[~absent(x)]


def _most_frequent(parts: _Parts, column: int) -> Any:
    counts: Counter[Any] = Counter()
    for x in _known(parts, column):
        found, times = np.unique(x, return_counts=True)
        counts.update(dict(zip(found.tolist(), times.tolist(), strict=True)))
    return min(counts, key=lambda value: (-counts[value], value))


def _median(parts: _Parts, column: int) -> float:
    count = sum(map(len, _known(parts, column)))
    middle = [_ranked(parts, column, rank) for rank in {(count - 1) // 2, count // 2}]
    return float(np.mean(middle))


def _ranked(parts: _Parts, column: int, rank: int) -> float:
    """The number at a place in the sorted column: its bits are found 16 at a time, by counting."""
    prefix = np.uint64(0)
    for shift in (48, 32, 16, 0):
        counts = np.zeros(2**16, np.int64)
        for x in _known(parts, column):
            keys = _ordered(x.astype(np.float64))
            if shift < 48:
                keys = keys[keys >> np.uint64(shift + 16) == prefix]
            here = (keys >> np.uint64(shift) & np.uint64(0xFFFF)).astype(np.int64)
            counts += np.bincount(here, minlength=2**16)
        below = np.cumsum(counts)
        place = int(np.searchsorted(below, rank, side="right"))
        rank -= int(below[place] - counts[place])
        prefix = prefix << np.uint64(16) | np.uint64(place)
    bits = prefix ^ np.uint64(2**63) if prefix >> np.uint64(63) else ~prefix
    return float(np.array([bits], np.uint64).view(np.float64)[0])


def _ordered(x: Array) -> Array:
    """Numbers as whole ones in the same order."""
    bits = x.view(np.uint64)
    return np.where(bits >> np.uint64(63), ~bits, bits ^ np.uint64(2**63))


_IN_PARTS: dict[Callable[..., Any], Callable[..., Any]] = {
    preparations.moments: _moments,
    preparations.extent: _extent,
    preparations.distinct: _distinct,
    preparations.filling: _filling,
    preparations.vocabulary: _vocabulary,
}
