"""A finished run put to use: measured on a split or on another file, and its classes by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import log
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from nnc.backends import recipes, weights
from nnc.backends.base import Arrays, Result
from nnc.backends.pieces.columns import is_number
from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.ir import LossTerm, Program, Value
from nnc.compiler.types import INTEGERS
from nnc.compiler.vocabulary.data import Csv, Text
from nnc.compiler.vocabulary.losses import classification, margins
from nnc.training.data import Dataset, prepare_inputs
from nnc.training.engines import Setup, load, precision_of
from nnc.training.folder import Folder, Record
from nnc.training.loop import batches
from nnc.training.start import open_again
from nnc.training.watching import training_of

Which: TypeAlias = Literal["best", "last"]
Split: TypeAlias = Literal["train", "validation", "test", "all"]
EXCLUSIVE: Final = (
    classification.CrossEntropy,
    classification.NegativeLogLikelihood,
    classification.KlDivergence,
    classification.CategoricalFocal,
    margins.MulticlassHinge,
)
"""Losses of a number for each class, the largest for the likeliest."""
BINARY: Final = (classification.BinaryCrossEntropy, classification.Focal)
"""Losses of a number for a yes."""


@dataclass(frozen=True)
class Measured:
    """The loss and the metrics of a run's weights over some examples."""

    split: str
    examples: int
    results: dict[str, Result]
    classes: dict[str, list[str]]
    """The names of the rows, and of the columns, of each table among the results."""


def evaluate(
    folder: Folder,
    *,
    split: Split | None = None,
    path: Path | None = None,
    backend: str | None = None,
    which: Which | None = None,
) -> Measured:
    """Measure a run on one of its splits, or on another file's examples, prepared as the run has
    learnt to.

    Without `split` these are the test examples, or the validation examples, or those of training,
    whichever there are first; with `path` all of the file's. `which` weights: without it those that
    are the run's result. Raises Failed (E804, E807, and what is wrong with data or weights),
    OSError, ImportError.
    """
    record, program = folder.read_record(), folder.read_program()
    data = open_again(folder, record, program, path)
    chosen = split or ("all" if path is not None else _first(data))
    if chosen == "all":
        data = replace(data, splits={"all": np.concatenate(list(data.splits.values()))})
    if chosen not in data.splits:
        there = ", ".join(f"`{name}`" for name in data.splits)
        message = f"there are no {chosen} examples"
        raise Failed([Diagnostic("E807", message, help=f"there are {there}")])
    setup = record.setup
    if backend is not None and backend != record.backend:
        setup = Setup(backend, precision_of(backend))
    engine = load(program, read_weights(folder, record, program, which), setup)
    results = engine.evaluate(batches(data, chosen))
    return Measured(chosen, len(data.splits[chosen]), results, _names(program, data, results))


def _names(program: Program, data: Dataset, results: Mapping[str, Result]) -> dict[str, list[str]]:
    targets = {use.name: use.target for use in training_of(program).metrics}
    return {
        name: answer_names(targets[name], data.labels, len(result))
        for name, result in results.items()
        if isinstance(result, list)
    }


def answer_names(target: Value, labels: Mapping[str, list[str]], count: int) -> list[str]:
    """What so many answers are called: by the names of the target's classes, or their numbers; no
    and yes where the target has no class numbers."""
    known = labels.get(target.name, [])
    if len(known) == count:
        return known
    return [str(n) for n in range(count)] if target.type.dtype in INTEGERS else ["no", "yes"]


def _first(data: Dataset) -> str:
    return next(name for name in ("test", "validation", "train") if name in data.splits)


def read_weights(
    folder: Folder, record: Record, program: Program, which: Which | None = None
) -> Arrays:
    """The weights of a run: the best or the last ones, without `which` those that are its result.

    Raises Failed (E804) when there are none yet.
    """
    path = folder.weights(which or record.keeps)
    try:
        return dict(weights.read(path, program.graph))
    except FileNotFoundError:
        message = f"{folder.path} has no {which or record.keeps} weights yet"
        cure = f"`nnc train --resume {folder.path}` goes on"
        raise Failed([Diagnostic("E804", message, help=cure)]) from None


def takes_files(program: Program) -> bool:
    """Whether new examples come in files as the data block reads them: all inputs from one file."""
    if program.data is None:
        return False
    inputs = {value.name for value in program.graph.inputs}
    chains = [chain for chain in program.data.fields if inputs & {*chain.names}]
    return all(len(recipes.reading(program.data, chain).files) == 1 for chain in chains)


def prepared(program: Program, fitted: Mapping[str, Any], path: Path) -> Arrays:
    """The inputs of new examples in a file as the data block reads it; columns of white-space text
    may also come as CSV. Raises Failed."""
    data = program.data
    if data is not None and isinstance(data.source, Text) and path.suffix.lower() == ".csv":
        named = Csv(path=data.source.path, header=_has_names(path))
        program = replace(program, data=replace(data, source=named))
    return prepare_inputs(program, path, fitted)


def _has_names(path: Path) -> bool:
    """Whether the first line of a CSV file holds no number."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            cells = file.readline().split(",")
    except (OSError, UnicodeDecodeError):  # told when the file is read
        return False
    return not any(is_number(cell) for cell in cells)


@dataclass(frozen=True)
class Classes:
    """What an output tells apart: the names of classes, of which the one with the largest number is
    the likeliest. One number alone stands for the second of two; above `boundary` it is that one.
    """

    names: list[str]
    boundary: float = 0.5


def classes(program: Program, labels: Mapping[str, list[str]]) -> dict[str, Classes]:
    """The classes that an output tells apart, by output: those of the target that it is compared
    with, where it has a probability, its logarithm or a logit for each, or one for the second of
    two."""
    return dict(_classes(program, labels))


def _classes(program: Program, labels: Mapping[str, list[str]]) -> Iterator[tuple[str, Classes]]:
    outputs = {output.name: output.value for output in program.graph.outputs}
    for term in training_of(program).losses:
        known = labels.get(term.target.name) if term.target is not None else None
        value = outputs[term.outputs[0]]
        maker = program.graph.end(value)
        if known is None or maker is None:
            continue
        word = maker.op.word
        exclusive = word == "softmax" or isinstance(term.loss, EXCLUSIVE)
        between = word == "sigmoid" or isinstance(term.loss, BINARY)
        if exclusive and value.type.shape == (len(known),):
            yield term.outputs[0], Classes(known)
        elif between and value.type.shape in ((), (1,)) and len(known) == 2:
            yield term.outputs[0], Classes(known, _boundary(term, word))


def _boundary(term: LossTerm, maker: str) -> float:
    """Where the second of two classes begins, in what the output holds: a probability of ½, its
    logarithm, or its logit."""
    if maker == "log_sigmoid":
        return log(0.5)
    return 0.0 if term.logits and maker != "sigmoid" else 0.5
