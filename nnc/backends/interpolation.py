"""Pooling and resizing of one axis as a matrix, or as the elements that are taken; float64."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = "NDArray[np.float64]"
Places: TypeAlias = "NDArray[Any]"


def parts(before: int, after: int) -> tuple[Places, Places]:
    """Where each of `after` windows over `before` elements starts and stops."""
    number = np.arange(after)
    return number * before // after, -(-(number + 1) * before // after)


def averages(before: int, after: int) -> Floats:
    """The means of these windows: [after, before]."""
    starts, stops = parts(before, after)
    place = np.arange(before)
    inside = (starts[:, None] <= place) & (place < stops[:, None])
    shares: Floats = inside / inside.sum(1, keepdims=True)
    return shares


def window_places(before: int, after: int) -> Places:
    """The elements of these windows, the last of each repeated: [after, longest]."""
    starts, stops = parts(before, after)
    longest = int((stops - starts).max())
    places: Places = np.minimum(starts[:, None] + np.arange(longest), stops[:, None] - 1)
    return places


def nearest(before: int, after: int) -> Places:
    """The element that each of `after` takes: floor(i·before / after)."""
    return np.arange(after) * before // after


def linear(before: int, after: int, align_corners: bool) -> Floats:
    """Linear interpolation: [after, before].

    Element i stands at (i + ½)·before / after - ½, or with `align_corners` at i·(before - 1) /
    (after - 1); beyond the first and the last element these are repeated.
    """
    number = np.arange(after)
    if align_corners:
        place = number * (before - 1) / max(after - 1, 1)
    else:
        place = (number + 0.5) * before / after - 0.5
    place = np.clip(place, 0, before - 1)
    low = np.minimum(place.astype(int), max(before - 2, 0))
    matrix = np.zeros((after, before))
    matrix[number, low] += 1 - (place - low)
    matrix[number, np.minimum(low + 1, before - 1)] += place - low
    return matrix
