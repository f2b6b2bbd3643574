"""Windows of rows that follow one another."""

from typing import Any

import numpy as np


def windows(
    x: np.ndarray, lookback: int, horizon: int, target: int | None = None
) -> Any:
    """What is given and what is to be foretold, from every place that has enough
    rows."""
    every = np.lib.stride_tricks.sliding_window_view(x, lookback + horizon, axis=0)
    every = np.moveaxis(every, -1, 1)
    given, foretold = every[:, :lookback], every[:, lookback:]
    return given, foretold if target is None else foretold[:, :, target]


def count_windows(x: np.ndarray, lookback: int, horizon: int) -> int:
    """How many windows there are. Raises ValueError where there is none."""
    count = len(x) - lookback - horizon + 1
    if count < 1:
        raise ValueError(f"{len(x)} rows are too few for {lookback} + {horizon}")
    return count


def covered(starts: np.ndarray, length: int) -> Any:
    """The rows that windows with these starts are made of."""
    inside = np.zeros(int(starts.max()) + length, bool)
    for step in range(length):
        inside[starts + step] = True
    return np.flatnonzero(inside)
