"""From what is stored to what the model takes. What is learnt comes from the examples
given, which are those of the training split."""

import re
from collections import Counter
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


def filling(x: np.ndarray, rows: np.ndarray, strategy: str) -> Any:
    """What stands in for what is missing in each column: `mean`, `median` or
    `most_frequent`."""
    columns = x[rows].reshape(len(rows), -1).T
    found = [fill_of(column, strategy) for column in columns]
    return np.array(found).reshape(x.shape[1:])


def fill_of(x: np.ndarray, strategy: str) -> Any:
    """The mean, the median or the most frequent of the values that are there."""
    known = x[~absent(x)]
    if not len(known):
        raise ValueError("every value of a column is missing in training")
    if strategy == "mean":
        return total(np.where(absent(x), 0.0, x)) / len(known)
    if strategy == "median":
        return np.median(known)
    found, counts = np.unique(known, return_counts=True)
    return found[np.argmax(counts)]


def absent(x: np.ndarray) -> Any:
    """Where a number is NaN, or a text empty."""
    return np.isnan(x) if x.dtype.kind == "f" else x.astype(str) == ""


def impute(x: np.ndarray, filling: Any) -> Any:
    """What is missing, filled in."""
    return np.where(absent(x), filling, x)


def words(text: str, lower: bool) -> list[str]:
    """Runs of letters and digits, and every other sign alone."""
    return re.findall(r"\w+|[^\w\s]", text.lower() if lower else text)


def vocabulary(
    x: np.ndarray, rows: np.ndarray, size: int | None, lower: bool
) -> list[str]:
    """The words by falling frequency, then by the alphabet: number 2 and so on."""
    counts = Counter(word for text in x[rows] for word in words(text, lower))
    found = sorted(counts, key=lambda word: (-counts[word], word))
    return found if size is None else found[: size - 2]


def tokens(x: np.ndarray, vocabulary: Any, length: int, lower: bool) -> Any:
    """The numbers of the words of each text; 0 fills up, 1 is an unknown word."""
    places = {word: number for number, word in enumerate(vocabulary, 2)}
    found = np.zeros((len(x), length), np.int64)
    for row, text in zip(found, x, strict=True):
        known = [places.get(word, 1) for word in words(text, lower)[:length]]
        row[: len(known)] = known
    return found
