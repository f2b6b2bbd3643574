"""One field of a data block: its columns, and what its preparations learnt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nnc.backends import recipes
from nnc.backends.pieces import columns, preparations, splits, tables
from nnc.backends.recipes import Call, Preparing
from nnc.compiler.ir import Field
from nnc.compiler.vocabulary.data import Category, OneHot
from nnc.training.data.dataset import Array, Rows

_FILES = {
    "columns": columns,
    "preparations": preparations,
    "splits": splits,
    "tables": tables,
}
Learnt = dict[str, Any]
"""What one preparation learnt, by name: arrays as nested lists."""


def function(call: Call) -> Callable[..., Any]:
    """The function of the pieces that a call names."""
    file, _, name = call.function.partition(":")
    found: Callable[..., Any] = getattr(_FILES[file], name)
    return found


def steps(field: Field) -> list[Preparing]:
    """The preparations of a field, in order."""
    return [recipes.PREPARATIONS.find(step)(step) for step in field.preparations]


def take(field: Field, table: Mapping[Any, Any], learnt: list[Learnt] | None = None) -> Array:
    """The columns of a field as its first preparation wants them.

    Labels are read as numbers when all are, but as texts where `learnt` says that they were.
    """
    first = steps(field)[:1]
    if not first or first[0].takes == "numbers" or len(field.columns) > 1:
        return np.asarray(columns.numbers(dict(table), *field.columns))
    read: Callable[..., Any] = columns.values
    if learnt:
        read = columns.texts if isinstance(learnt[0]["known"][0], str) else columns.numbers
    return np.asarray(read(dict(table), field.columns[0]))


def learn(field: Field, x: Array, rows: Rows) -> list[Learnt]:
    """What each preparation learns from the training rows."""
    found: list[Learnt] = []
    for step in steps(field):
        found.append(_learn(step, x, rows))
        x = _apply(step, x, found[-1])
    return found


def apply(field: Field, x: Array, learnt: list[Learnt]) -> Array:
    """A column as the preparations make it."""
    for step, known in zip(steps(field), learnt, strict=True):
        x = _apply(step, x, known)
    return x


def _learn(step: Preparing, x: Array, rows: Rows) -> Learnt:
    if step.learn is None:
        return {}
    made = function(step.learn)(x, rows, *step.learn.arguments, **step.learn.options)
    several = made if len(step.learnt) > 1 else (made,)
    return {
        name: np.asarray(value).tolist() for name, value in zip(step.learnt, several, strict=True)
    }


def _apply(step: Preparing, x: Array, learnt: Learnt) -> Array:
    known = [np.asarray(learnt[name]) for name in step.learnt]
    made = function(step.apply)(x, *step.apply.arguments, *known, **step.apply.options)
    return np.asarray(made)


def labels(field: Field, learnt: list[Learnt]) -> list[str] | None:
    """The names of a field's classes by number, where it has classes."""
    for step, known in zip(field.preparations, learnt, strict=True):
        if isinstance(step, Category | OneHot):
            return [_shown(value) for value in known["known"]]
    return None


def _shown(value: Any) -> str:
    """A class as the file has it: whole numbers without a point."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)
