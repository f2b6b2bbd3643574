"""From what is stored to what the model takes. What is learnt comes from the examples
given, which are those of the training split."""

from typing import Any

import numpy as np

from nnc.backends.pieces.columns import BadExample


def total(x: np.ndarray) -> Any:
    """The sum over the first axis, by pairs of neighbours: the same everywhere."""
    while len(x) > 1:
        if len(x) % 2:
            x = np.concatenate([x, np.zeros_like(x[:1])])
        x = x[0::2] + x[1::2]
    return x[0]


def moments(x: np.ndarray, rows: np.ndarray) -> Any:
    """Mean and standard deviation of each column; 1 for one that never varies."""
    x = x[rows].astype(np.float64)
    mean = total(x) / len(x)
    deviation = np.sqrt(total((x - mean) * (x - mean)) / len(x))
    return mean, np.where(deviation > 0, deviation, 1.0)


def standardize(x: np.ndarray, mean: Any, deviation: Any) -> Any:
    """(x - mean) / standard deviation."""
    return (x.astype(np.float64) - mean) / deviation


def extent(x: np.ndarray, rows: np.ndarray) -> Any:
    """The smallest number of each column, and how far it is to the largest."""
    x = x[rows].astype(np.float64)
    low, high = x.min(axis=0), x.max(axis=0)
    return low, np.where(high > low, high - low, 1.0)


def minmax(x: np.ndarray, low: Any, width: Any) -> Any:
    """(x - smallest) / (largest - smallest)."""
    return (x.astype(np.float64) - low) / width


def distinct(x: np.ndarray, rows: np.ndarray) -> Any:
    """Every different value, sorted."""
    return np.unique(x[rows])


def category(x: np.ndarray, known: Any) -> Any:
    """The number of each value among those known."""
    x, known = x.ravel(), np.asarray(known)
    places = np.minimum(np.searchsorted(known, x), len(known) - 1)
    for row in np.flatnonzero(known[places] != x):
        message = f"{x[row]} does not occur among the training examples"
        raise BadExample(message, int(row))
    return places


def one_hot(x: np.ndarray, known: Any) -> Any:
    """A vector with a single 1 at the number of each value."""
    return np.eye(len(known))[category(x, known)]


def scale(x: np.ndarray, factor: float) -> Any:
    """Every number times a factor."""
    return x.astype(np.float64) * factor


def reshape(x: np.ndarray, shape: tuple[int, ...]) -> Any:
    """Each example in another shape."""
    return x.reshape(len(x), *shape)
