"""Which examples are for training, validation and test."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from nnc.backends import draws, recipes
from nnc.backends.pieces import preparations, splits
from nnc.backends.recipes import Dividing
from nnc.backends.sources import classes, gap
from nnc.compiler.ir import Data, Field, Program
from nnc.compiler.vocabulary.data import ByColumn, Shares
from nnc.training.data import stored
from nnc.training.data.dataset import Array, Rows
from nnc.training.data.faults import failed, values
from nnc.training.data.feed import Feed, function
from nnc.training.data.learning import learn
from nnc.training.data.reading import Tables
from nnc.training.data.stored import Texts
from nnc.training.data.streaming import Request

_TOGETHER = 100_000
"""How many cells that name a split are looked at together."""


def beside(data: Data) -> list[tuple[Field, Request]]:
    """What the split asks of the first chain's table."""
    if data.split is None:
        return []
    split = recipes.SPLITS.find(data.split)(data.split)
    if split.column is None:
        return []
    return [(data.fields[0], Request((split.column,), split.takes, False, data.span))]


def divided(program: Program, feeds: Sequence[Feed], count: int, read: Tables) -> dict[str, Rows]:
    """The rows of each split. Raises Failed (E614) for data that can't be divided so."""
    data, label = program.data, feeds[0].label
    assert data is not None
    if data.split is None:
        return {"train": stored.counted(count)}
    split = recipes.SPLITS.find(data.split)(data.split)
    if split.column is None:
        with values("E614", label, span=data.span):
            found = _by_place(program, data, feeds, count, split)
    else:
        ((_, wanted),) = beside(data)
        found = _by_cell(data, read.column(data.fields[0], wanted), split, label)
    return found


def refuse_empty(data: Data, splits: Mapping[str, Rows], label: str) -> None:
    """Raise Failed (E614) where a split that is asked for has no examples."""
    for name in ("train", "validation", "test"):
        asked = name == "train" or getattr(data.split, name, None)
        if asked and not len(splits.get(name, ())):
            what = "training" if name == "train" else name
            message = f"{label} has too few examples: none is left for {what}"
            raise failed("E614", message, span=data.span)


def _by_place(
    program: Program, data: Data, feeds: Sequence[Feed], count: int, split: Dividing
) -> dict[str, Rows]:
    options = dict(split.call.options)
    if split.drawn:
        rows = draws.order(count, draws.key_of(program.seed, "split"), stored.room(count))
    else:
        rows = stored.counted(count)
        if gap(data):
            options["gap"] = gap(data)
    if isinstance(data.split, Shares) and data.split.stratify:
        named = classes(program)
        column = next(one.column for one in feeds if named in one.chain.names)
        options["classes"] = _ordered(column)
        if options["classes"].size != count:
            raise ValueError(f"`{named}` has several numbers for each example: they are no classes")
    made: dict[str, Rows] = function(split.call)(rows, **options)
    return made


def _by_cell(data: Data, column: Any, split: Dividing, label: str) -> dict[str, Rows]:
    divide, options = function(split.call), split.call.options
    if isinstance(data.split, ByColumn):
        return _named(column, divide, label, data)
    for rows in _parts(column):
        with values("E614", label, span=data.span, rows=rows):
            splits.refuse_unordered(column[rows])
    made: dict[str, Rows] = divide(_ordered(column), **options)
    return made


def _named(
    column: Any, divide: Callable[[Array], dict[str, Rows]], label: str, data: Data
) -> dict[str, Rows]:
    """The rows of each split that cells name, read part by part."""
    found: dict[str, list[Rows]] = {name: [] for name in ("train", "validation", "test")}
    for rows in _parts(column):
        with values("E614", label, span=data.span, rows=rows):
            part = divide(column[rows])
        for name, places in part.items():
            found[name].append(rows[places])
    return {name: np.concatenate(parts) for name, parts in found.items() if parts}


def _parts(column: Any) -> Iterator[Rows]:
    for start in range(0, len(column), _TOGETHER):
        yield np.arange(start, min(start + _TOGETHER, len(column)))


def _ordered(column: Any) -> Array:
    """A column, or in the place of texts in a file whole numbers that have their order."""
    if not isinstance(column, Texts):
        return np.asarray(column)
    known = learn(preparations.distinct, column.__getitem__, np.arange(len(column)))
    return stored.converted(column, lambda texts, _: np.searchsorted(known, texts))
