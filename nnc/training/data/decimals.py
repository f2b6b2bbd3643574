"""Plain decimal numbers out of text, many at once, to the very bits that Python's `float` gives.

A number is an optional sign, digits, and perhaps a point among them. Its digits make a whole number
below 2^53 and its point divides that by a power of ten up to 10^22. Both are exact in float64, so
that their quotient is the nearest float64 (Clinger 1990, "How to read floating point numbers
accurately"). What is written otherwise is left to slower readers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from nnc.training.data.dataset import Array

_ZERO, _POINT, _MINUS, _LINE = (ord(sign) for sign in "0.-\n")
_LONGEST = 19
"""How many signs a number may have; 18 digits fit into 64 bits."""
_EXACT = 2**53
_POWERS = 10.0 ** np.arange(_LONGEST)
_TOGETHER = 2**16
"""How many numbers are read together."""


def read(text: str, delimiter: str, width: int, places: Sequence[int]) -> Array | None:
    """The numbers of some columns, [rows, columns], of lines of `width` cells each; None where a
    line has not so many, or a cell holds anything but a plain number."""
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if not text.endswith("\n"):
        text += "\n"
    if not delimiter.isascii():
        return None
    signs = np.frombuffer(text.encode() + b" " * _LONGEST, np.uint8)
    ends = _ends(signs, ord(delimiter), width)
    if ends is None:
        return None
    found = np.empty((len(ends), len(places)))
    for rows in _parts(len(ends), len(places)):
        part = _numbers(signs, *_bounds(ends, rows, places))
        if part is None:
            return None
        found[rows] = part
    return found


def _ends(signs: Array, delimiter: int, width: int) -> Array | None:
    """Where each cell ends: [rows, width]."""
    cuts = np.flatnonzero((signs == delimiter) | (signs == _LINE))
    if len(cuts) % width:
        return None
    ends = cuts.reshape(-1, width)
    is_line = signs[ends] == _LINE
    return ends if is_line[:, -1].all() and not is_line[:, :-1].any() else None


def _parts(rows: int, columns: int) -> Iterator[slice]:
    step = max(_TOGETHER // columns, 1)
    for start in range(0, rows, step):
        yield slice(start, start + step)


def _bounds(ends: Array, rows: slice, places: Sequence[int]) -> tuple[Array, Array]:
    """Where the cells of some rows and columns begin and end."""
    before = np.empty_like(ends[rows])
    before[:, 1:] = ends[rows, :-1]
    before[1:, 0] = ends[rows, -1][:-1]
    before[0, 0] = ends[rows.start - 1, -1] if rows.start else -1
    return before[:, places] + 1, ends[rows][:, places]


def _numbers(signs: Array, starts: Array, ends: Array) -> Array | None:
    negative = signs[starts] == _MINUS
    starts = starts + negative
    lengths = ends - starts
    longest = int(lengths.max())
    if longest > _LONGEST or int(lengths.min()) < 1:
        return None
    whole = np.zeros(starts.shape, np.int64)
    point = np.zeros(starts.shape, np.int64)
    points = np.zeros(starts.shape, np.int64)
    for place in range(longest):
        here = signs[starts + place]
        inside = place < lengths
        digit = here - np.uint8(_ZERO)  # what comes before 0 is above 9, too
        is_digit = inside & (digit < 10)
        is_point = inside & (here == _POINT)
        if (inside & ~is_digit & ~is_point).any():
            return None
        whole = np.where(is_digit, whole * 10 + digit, whole)
        points += is_point
        point[is_point] = place + 1
    fraction = np.where(points, lengths - point, 0)
    digits = lengths - points
    if (points > 1).any() or (digits < 1).any() or (digits > 18).any() or (whole >= _EXACT).any():
        return None
    made = whole / _POWERS[fraction]
    return np.where(negative, -made, made)
