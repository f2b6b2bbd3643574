"""The data block as calls of the functions in `nnc.backends.pieces`.

One table says which function reads a source, prepares a column or divides the rows, and with what
arguments. `nnc.training.data` makes the calls; generated programs have them written out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nnc.backends.base import Table
from nnc.compiler.vocabulary import data as words


@dataclass(frozen=True)
class Call:
    """`function(…, *arguments, **options)`, as `file:function` of the pieces."""

    function: str
    arguments: tuple[Any, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """`call(path, …)`: the file that the source names, which another may stand in for, or a call
    that needs none."""

    call: Call
    path: str | None = None


@dataclass(frozen=True)
class Preparing:
    """`apply(column, *what was learnt)`. `learn(column, rows)` gives one array, or a tuple of those
    named in `learnt`, from the training examples."""

    apply: Call
    learn: Call | None = None
    learnt: tuple[str, ...] = ()
    takes: Literal["numbers", "values"] = "numbers"
    """How the column is read when this preparation is the first."""


SOURCES: Table[Callable[[Any], Reading]] = Table("pieces", "source")
PREPARATIONS: Table[Callable[[Any], Preparing]] = Table("pieces", "preparation")
SPLITS: Table[Callable[[Any], Call]] = Table("pieces", "split")
TABLES = (SOURCES, PREPARATIONS, SPLITS)
FILES = ("columns", "draws", "preparations", "splits", "tables")
"""The files of the pieces that data blocks are executed with."""


@SOURCES.lowers(words.Text)
def text(source: words.Text) -> Reading:
    return Reading(Call("tables:read_text"), source.path)


@SOURCES.lowers(words.Csv)
def csv(source: words.Csv) -> Reading:
    options = {"delimiter": source.delimiter, "header": source.header}
    unusual = {name: value for name, value in options.items() if value not in (",", True)}
    return Reading(Call("tables:read_csv", (), unusual), source.path)


@SOURCES.lowers(words.Npz)
def npz(source: words.Npz) -> Reading:
    return Reading(Call("tables:read_npz"), source.path)


@SOURCES.lowers(words.Sklearn)
def sklearn(source: words.Sklearn) -> Reading:
    return Reading(Call("tables:read_sklearn", (source.name,)))


@PREPARATIONS.lowers(words.Standardize)
def standardize(step: words.Standardize) -> Preparing:
    learn = Call("preparations:moments")
    return Preparing(Call("preparations:standardize"), learn, ("mean", "deviation"))


@PREPARATIONS.lowers(words.MinMax)
def minmax(step: words.MinMax) -> Preparing:
    return Preparing(Call("preparations:minmax"), Call("preparations:extent"), ("low", "width"))


@PREPARATIONS.lowers(words.Category, words.OneHot)
def classes(step: words.Category | words.OneHot) -> Preparing:
    learn = Call("preparations:distinct")
    return Preparing(Call(f"preparations:{step.word}"), learn, ("known",), "values")


@PREPARATIONS.lowers(words.Scale)
def scale(step: words.Scale) -> Preparing:
    return Preparing(Call("preparations:scale", (step.factor,)))


@PREPARATIONS.lowers(words.ReshapeData)
def reshape(step: words.ReshapeData) -> Preparing:
    return Preparing(Call("preparations:reshape", (step.shape,)))


@SPLITS.lowers(words.Shares)
def shares(split: words.Shares) -> Call:
    return Call("splits:shares", (), _parts(split))


@SPLITS.lowers(words.InOrder)
def in_order(split: words.InOrder) -> Call:
    return Call("splits:in_order", (), _parts(split))


def _parts(split: words.Shares | words.InOrder) -> dict[str, float]:
    given = {"validation": split.validation, "test": split.test}
    return {name: share for name, share in given.items() if share is not None}


for _table in TABLES:
    _table.sealed()
