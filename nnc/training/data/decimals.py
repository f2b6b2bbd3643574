"""Plain decimal numbers out of text, many at once, to the very bits that Python's `float` gives.

A number is an optional sign, digits, and perhaps a point among them. Its digits make a whole number
below 2^53 and its point divides that by a power of ten up to 10^22. Both are exact in float64, so
that their quotient is the nearest float64 (Clinger 1990, "How to read floating point numbers
accurately"). Others, such as those with an exponent, are read one by one where they are few.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from nnc.training.data.dataset import Array

_ZERO, _POINT, _MINUS, _LINE = (ord(sign) for sign in "0.-\n")
_LONGEST = 22
"""How many signs a plain number may have."""
_EXACT = 2**53
_POWERS = 10.0 ** np.arange(_LONGEST + 1)
_OTHER = re.compile(rb"[-+]?([0-9]+\.?|\.[0-9])[0-9]*([eE][-+]?[0-9]+)?")
_FEW = 0.05
"""What share of all numbers may be read one by one."""
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
    firsts = starts + negative
    lengths = ends - firsts
    whole, point, points = (np.zeros(starts.shape, np.int64) for _ in range(3))
    other = (lengths < 1) | (lengths > _LONGEST)
    for place in range(min(int(lengths.max()), _LONGEST)):
        here = signs[firsts + place]
        inside = place < lengths
        digit = here - np.uint8(_ZERO)  # what comes before 0 is above 9, too
        is_digit = inside & (digit < 10)
        is_point = inside & (here == _POINT)
        other |= inside & ~is_digit & ~is_point
        # From 2^53 on it is too large, and stays so.
        whole = np.where(is_digit & (whole < _EXACT), whole * 10 + digit, whole)
        points += is_point
        point[is_point] = place + 1
    other |= (points > 1) | (lengths == points) | (whole >= _EXACT)
    fraction = np.where(points, lengths - point, 0)
    made = whole / _POWERS[np.minimum(fraction, _LONGEST)]
    made = np.where(negative, -made, made)
    return made if _filled(made, other, signs, starts, ends) else None


def _filled(made: Array, other: Array, signs: Array, starts: Array, ends: Array) -> bool:
    """Read the numbers that are marked one by one; False where they are many, or none."""
    places = np.argwhere(other)
    if len(places) > _FEW * other.size:
        return False
    for row, column in places.tolist():
        cell = signs[starts[row, column] : ends[row, column]].tobytes()
        if _OTHER.fullmatch(cell) is None:
            return False
        made[row, column] = float(cell)
    return True
