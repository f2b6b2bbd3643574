"""The examples that were got most wrong, as pictures where they are pictures, else as numbers."""

from __future__ import annotations

from collections.abc import Iterator
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from nnc.backends.base import Arrays
from nnc.compiler.ir import Program
from nnc.plot.lines import text
from nnc.plot.png import url
from nnc.training.data import Dataset
from nnc.training.data.dataset import Array
from nnc.training.report.predictions import Answers, Estimates, Predictions

SHOWN = 12
_NUMBERS = 8
"""Numbers that are told of an example, an answer or a truth."""
_SMALLEST = 8
"""A square is a picture from this width on, also one that lies in a vector."""


def worst(found: Predictions) -> NDArray[np.int64]:
    """The examples that were got most wrong, the worst first: wrong answers by the probability of
    the truth, estimates by the distance from it."""
    if isinstance(found.found, Estimates):
        apart = found.found.prediction - found.found.truth
        errors = np.square(np.nan_to_num(apart, nan=np.inf)).reshape(len(apart), -1).sum(axis=1)
        return np.argsort(-errors, kind="stable")[:SHOWN]
    answers = found.found
    wrong = answers.truth != answers.answer
    given = _of_truth(answers)[wrong]
    order = answers.examples[wrong][np.argsort(given, kind="stable")]
    _, first = np.unique(order, return_index=True)
    return np.asarray(order[np.sort(first)][:SHOWN], np.int64)


def _of_truth(answers: Answers) -> Array:
    """The probability that each truth was given; without probabilities all are alike."""
    if answers.chances is None:
        return np.zeros(len(answers.truth))
    return np.asarray(answers.chances[np.arange(len(answers.truth)), answers.truth])


def figures(program: Program, data: Dataset, found: Predictions) -> str:
    """The worst examples as HTML; empty when none is wrong."""
    numbers = worst(found)
    if not len(numbers):
        return ""
    batch = data.batch(found.rows[numbers])
    made = [
        _figure(program, batch, place, int(number), found) for place, number in enumerate(numbers)
    ]
    return '<div class="wrong">\n' + "\n".join(made) + "\n</div>"


def _figure(program: Program, batch: Arrays, place: int, number: int, found: Predictions) -> str:
    last = program.graph.layout == "channels_last"
    names = [value.name for value in program.graph.inputs]
    lines = [_shown(name, batch[name][place], last) for name in names]
    if isinstance(found.found, Answers):
        lines += _answered(found.found, number)
    else:
        lines.append(_shown("truth", found.found.truth[number], last))
        lines.append(_shown("predicted", found.found.prediction[number], last))
    row = int(found.rows[number])
    return f'<figure data-row="{row}">{"".join(lines)}<div class="soft">row {row}</div></figure>'


def _shown(name: str, array: Array, last: bool) -> str:
    """A value as a picture or in numbers."""
    pixels = picture(array, last)
    if pixels is not None:
        return f'<img src="{url(pixels)}" alt=""><div class="soft">{text(name)}</div>'
    return f'<div><span class="soft">{text(name)}</span> {text(_told(array))}</div>'


def _told(array: Array) -> str:
    flat = array.reshape(-1)
    told = ", ".join(f"{value:.4g}" for value in flat[:_NUMBERS].tolist())
    return told.replace("-", "−") + (f", … ({flat.size} numbers)" if flat.size > _NUMBERS else "")


def _answered(answers: Answers, number: int) -> Iterator[str]:
    """What was true of an example and what was answered, where it was answered worst."""
    places = np.flatnonzero(answers.examples == number)
    wrong = places[answers.truth[places] != answers.answer[places]]
    place = wrong[np.argmin(_of_truth(answers)[wrong])]
    truth, answer = int(answers.truth[place]), int(answers.answer[place])
    for word, chosen in (("true", truth), ("predicted", answer)):
        chance = "" if answers.chances is None else f" {answers.chances[place, chosen]:.1%}"
        yield f"<div>{word} <b>{text(answers.names[chosen])}</b>{chance}</div>"
    if len(places) > 1:
        yield f'<div class="soft">{len(wrong)} of {len(places)} places wrong</div>'


# ---- pictures --------------------------------------------------------------------------------


def picture(array: Array, last: bool) -> NDArray[np.uint8] | None:
    """Pixels of a value that has the form of an image: channels and two sizes, two equal sizes, or
    a vector of a square number of elements. None for all others."""
    if array.ndim == 3:
        array = array if last else np.moveaxis(array, 0, -1)
        if array.shape[-1] not in (1, 3):
            return None
        array = array[..., 0] if array.shape[-1] == 1 else array
    elif array.ndim == 1 and isqrt(array.size) ** 2 == array.size:
        array = array.reshape(isqrt(array.size), -1)
    if array.ndim < 2 or (array.ndim == 2 and not _square(array)):
        return None
    return _pixels(np.nan_to_num(array.astype(np.float64)))


def _square(array: Array) -> bool:
    height, width = array.shape
    return bool(height == width >= _SMALLEST)


def _pixels(array: Array) -> NDArray[np.uint8]:
    """From 0 to 255: from shares, as they are, or else from the lowest to the highest."""
    low, high = float(array.min()), float(array.max())
    if 0 <= low <= high <= 1:
        array = array * 255
    elif low < 0 or not 127 < high <= 255:
        array = (array - low) / (high - low or 1.0) * 255
    return np.asarray(np.clip(np.rint(array), 0, 255), np.uint8)
