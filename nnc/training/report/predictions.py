"""What a run's weights say of examples, beside what is true of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nnc.backends.base import Arrays, Engine
from nnc.compiler.ir import LossTerm, Program
from nnc.compiler.types import INTEGERS
from nnc.compiler.vocabulary.losses import margins, regression
from nnc.compiler.vocabulary.metrics import Answering
from nnc.training.answers import BINARY, EXCLUSIVE
from nnc.training.data import Dataset
from nnc.training.data.dataset import Array
from nnc.training.loop import EVALUATED
from nnc.training.units import restored
from nnc.training.watching import training_of

MOST = 10_000
"""Examples that are looked at."""
_SEVERAL = 64
"""A yes or a no for more places than that is no classification, but a picture."""
_SIGNS = (margins.Hinge, margins.SquaredHinge)
_NO_ESTIMATES = (margins.CosineDistance, margins.Triplet, regression.GaussianKl)


@dataclass(frozen=True)
class Answers:
    """Classes that were told apart, at one place or several of each example."""

    names: list[str]
    truth: Array
    """Class numbers, one of each place."""
    answer: Array
    chances: Array | None
    """The probability of each class; None where the network gives none."""
    examples: Array
    """Which example each place belongs to."""

    @property
    def matrix(self) -> Array:
        """How often each class (row) was taken for each (column)."""
        size = len(self.names)
        flat = np.bincount(self.truth * size + self.answer, minlength=size * size)
        return flat.reshape(size, size)


@dataclass(frozen=True)
class Estimates:
    """Numbers that were estimated, an example a row, in the units of the data where what prepared
    them can be undone."""

    truth: Array
    prediction: Array


@dataclass(frozen=True)
class Predictions:
    """What was found over the examples of a split. `rows` are those in the data."""

    split: str
    rows: Array
    whole: bool
    """Whether these are all examples of the split."""
    output: str
    found: Answers | Estimates


def predictions(program: Program, data: Dataset, engine: Engine) -> Predictions | None:
    """Those over the test examples, else validation, else training; None for a loss that compares
    no prediction with a truth of its kind."""
    term = next((t for t in training_of(program).losses if t.target is not None), None)
    if term is None or term.target is None:
        return None
    split = next(name for name in ("test", "validation", "train") if name in data.splits)
    rows = data.splits[split][:MOST]
    if not len(rows):
        return None
    names = [value.name for value in program.graph.inputs]
    results, truth = _computed(data, engine, rows, names, term.target.name)
    answers = _answers(program, data.labels, term, results[term.outputs[0]], truth)
    found = answers or _estimates(program, data.fitted, term, results, truth)
    if found is None:
        return None
    whole = len(rows) == len(data.splits[split])
    return Predictions(split, rows, whole, term.outputs[0], found)


def _computed(
    data: Dataset, engine: Engine, rows: Array, inputs: Sequence[str], target: str
) -> tuple[Arrays, Array]:
    """The outputs and the target of some rows."""
    parts, truths = [], []
    for start in range(0, len(rows), EVALUATED):
        batch = data.batch(rows[start : start + EVALUATED])
        parts.append(engine.outputs({name: batch[name] for name in inputs}))
        truths.append(batch[target])
    made = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return made, np.concatenate(truths)


# ---- classes ---------------------------------------------------------------------------------


def _answers(
    program: Program,
    labels: Mapping[str, list[str]],
    term: LossTerm,
    scores: Array,
    truth: Array,
) -> Answers | None:
    """The classes that were told apart; None when the loss estimates numbers."""
    assert term.target is not None
    known = labels.get(term.target.name, [])
    metric = next(_answering(program, term), None)
    if isinstance(term.loss, EXCLUSIVE) or (metric and term.target.type.dtype in INTEGERS):
        return _of_several(term, scores, truth, known)
    binary = np.isin(truth, (0, 1)).all() and scores[0].size <= _SEVERAL
    signs = isinstance(term.loss, _SIGNS)
    if not signs and not (binary and (metric or isinstance(term.loss, BINARY))):
        return None
    names = known if len(known) == 2 else ["−1", "+1"] if signs else ["no", "yes"]
    limit = 0.0 if signs else metric.threshold if metric else 0.5
    chance = None if signs else _chance(term, scores.reshape(-1))
    told = chance if chance is not None and metric is None else scores.reshape(-1)
    return Answers(
        names,
        (truth.reshape(-1) > (0 if signs else 0.5)).astype(np.int64),
        (told > limit).astype(np.int64),
        None if chance is None else np.stack([1 - chance, chance], axis=1),
        np.arange(scores.size) // max(scores[0].size, 1),
    )


def _answering(program: Program, term: LossTerm) -> Iterator[Answering]:
    """The metrics of the answers, a table of them first: it is what is drawn."""
    for use in sorted(training_of(program).metrics, key=lambda use: not use.metric.table):
        if isinstance(use.metric, Answering) and use.output == term.outputs[0]:
            yield use.metric


def _of_several(term: LossTerm, scores: Array, truth: Array, known: list[str]) -> Answers:
    """The class with the largest score along the last axis, place by place."""
    count = scores.shape[-1]
    if truth.shape == scores.shape:
        truth = truth.argmax(axis=-1)
    places = scores.reshape(-1, count)
    numbers = truth.reshape(-1).astype(np.int64)
    examples = np.arange(len(numbers)) // max(truth[0].size, 1)
    counted = (numbers >= 0) & (numbers < count)
    ignored = getattr(term.loss, "ignore", None)
    if ignored is not None:
        counted &= numbers != ignored
    chances = _chances(term, places[counted].astype(np.float64))
    answer = places[counted].argmax(axis=-1)
    names = known if len(known) == count else [str(n) for n in range(count)]
    return Answers(names, numbers[counted], answer, chances, examples[counted])


def _chances(term: LossTerm, scores: Array) -> Array | None:
    """The probability of each class, from what the output holds: probabilities, their logarithms,
    or logits."""
    with np.errstate(over="ignore", invalid="ignore"):
        for found in (scores, np.exp(scores)):
            if (found >= 0).all() and np.allclose(found.sum(axis=-1), 1, atol=1e-3):
                return found
        if term.loss.fuses is None:
            return None
        powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _chance(term: LossTerm, scores: Array) -> Array | None:
    """The probability of a yes."""
    if ((scores >= 0) & (scores <= 1)).all() and not term.loss.takes_logits:
        return scores.astype(np.float64)
    if term.loss.fuses is None:
        return None
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-scores.astype(np.float64))))


# ---- numbers ---------------------------------------------------------------------------------


def _estimates(
    program: Program, fitted: Mapping[str, Any], term: LossTerm, results: Arrays, truth: Array
) -> Estimates | None:
    """Predictions and truths of one shape; None for losses that compare something else."""
    scores = results[term.outputs[0]]
    numbers = term.loss.values in ("real", "share", "count")
    if not numbers or isinstance(term.loss, _NO_ESTIMATES) or scores.shape != truth.shape:
        return None
    if isinstance(term.loss, regression.PoissonLog):
        scores = np.exp(scores)
    elif isinstance(term.loss, BINARY) and (chance := _chance(term, scores)) is not None:
        scores = chance
    name = term.outputs[0]
    of_truth = restored(program, fitted, {**results, name: truth.astype(np.float64)})[name]
    made = restored(program, fitted, {**results, name: scores.astype(np.float64)})[name]
    return Estimates(np.asarray(of_truth), np.asarray(made))
