"""Inputs of a page as the data have them: a model of its own prepares what a person gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnc.backends.onnx.graph import OnnxGraph
from nnc.compiler.ir import Program, Value
from nnc.compiler.types import is_static
from nnc.compiler.vocabulary.data import Category, Impute, OneHot
from nnc.deployment.around import preparing
from nnc.deployment.raw import Raw, raw_of
from nnc.deployment.web.description import (
    FIELDS,
    Json,
    colour_pixels,
    grey_pixels,
    names_of,
    sample_rows,
    seen_rows,
)
from nnc.training.data import Dataset

Unprepared: TypeAlias = "Callable[[NDArray[np.int64]], Mapping[str, Any]]"
"""Rows of the data -> the columns of inputs as the data have them, by name."""
_OPSET: Final = 20
_CHOICES: Final = 1000
"""Of so many known values one is chosen; more are too many for a list."""


def tell_units(
    described: Json, program: Program, data: Dataset, unprepared: Unprepared
) -> OnnxGraph | None:
    """Let the description of a page ask for inputs as the data have them, and show examples so.
    Gives the model that prepares the inputs, None where nothing is to prepare.

    These are numbers with a field each, texts, and choices among known values. Pixels, series and
    what no model can prepare stay as the network takes them.
    """
    if not data.fitted["fields"]:
        return None
    values = {value.name: value for value in program.graph.inputs}
    found = {
        name: raw
        for name, raw in raw_of(program, data.fitted).items()
        if _is_typed(raw, values[name], program.graph.layout)
    }
    if not found:
        return None
    samples = sample_rows(data)
    columns = unprepared(np.concatenate([samples, seen_rows(data)]))
    for about in described["inputs"]:
        name = about["name"]
        if name in found:
            about |= _asked(found[name], columns[name][len(samples) :], program)
    for row, sample in enumerate(described["samples"]):
        given = {name: _example(raw, columns[name][row]) for name, raw in found.items()}
        sample["inputs"] |= given
    return preparing([*found.values()], _OPSET)


def _is_typed(raw: Raw, value: Value, layout: str) -> bool:
    if raw.is_files or raw.window is not None or [*raw.hindrances(texts=True, opset=_OPSET)]:
        return False
    known = _known(raw)
    if known is not None:
        return len(known) <= _CHOICES
    pixels = grey_pixels(value.type) is not None or colour_pixels(value.type, layout) is not None
    row = raw.row
    return raw.texts or (is_static(row) and prod(row) <= FIELDS and not pixels)


def _known(raw: Raw) -> list[Any] | None:
    """The values that a category or a one-hot code knows."""
    for step, learnt in raw.steps():
        if isinstance(step, Category | OneHot):
            return list(learnt["known"])
    return None


def _asked(raw: Raw, seen: Any, program: Program) -> Json:
    """How the page asks for an input. `seen` are values of training examples."""
    row = [size for size in raw.row if isinstance(size, int)]
    about: Json = {"shape": row, "whole": False, "texts": raw.texts, "prepared": True}
    known = _known(raw)
    if known is not None:
        values = np.asarray(seen)
        likeliest = max(known, key=lambda value: int((values == value).sum()))
        return about | {"kind": "choice", "choices": known, "start": likeliest}
    if raw.texts:
        return about | {"kind": "text", "start": _example(raw, seen[0])}
    numbers = np.asarray(seen, np.float64).reshape(len(seen), -1)
    middle = [
        np.median(column[there]) if (there := ~np.isnan(column)).any() else None
        for column in numbers.T
    ]
    return about | {
        "kind": "numbers",
        "names": names_of(raw.end.name, program, len(middle)),
        "start": [None if number is None else float(f"{number:.4g}") for number in middle],
        "missing": any(isinstance(step, Impute) for step, _ in raw.steps()),
    }


def _example(raw: Raw, value: Any) -> Any:
    """One example of an input as JSON has it: a text, a known value, or numbers of 32 bits, with
    nothing for one that is missing."""
    if raw.texts:
        return str(np.asarray(value).item())
    if _known(raw) is not None:
        number = float(np.asarray(value).item())
        return None if np.isnan(number) else number
    numbers = np.asarray(value, np.float32).ravel()
    return [None if np.isnan(number) else float(str(number)) for number in numbers]
