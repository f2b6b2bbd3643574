"""The loop: which examples, at which rate, in which order, and what is told of each epoch.

It is that of the generated programs, taken one update at a time. The examples of epoch e (from 0)
come in the order `draws.order(count, key_at(key_of(seed, "order"), e))`, or in their own order when
`batch` is `all`; update t (from 0) of all has the rate of the schedule in float64. The loss of an
epoch is the mean over its examples, each as it was before its update; metrics and validation are
measured after the epoch's last update.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
from pydantic import NonNegativeInt

from nnc.backends import draws
from nnc.backends.base import Arrays, Engine, Result, numbers
from nnc.backends.reference.schedules import rate
from nnc.compiler.ir import Program
from nnc.compiler.vocabulary.schedules import Plateau
from nnc.training.data import Dataset, stored
from nnc.training.data.dataset import Rows
from nnc.training.spent import Spent
from nnc.training.watching import Best, Slowing, goal, training_of

EVALUATED = 1024
"""Examples that are evaluated together."""


@dataclass
class Progress:
    """How far a run has come: everything that the loop's next update depends on beside the
    engine's state."""

    epoch: NonNegativeInt = 0
    """Epochs that are finished."""
    batches: NonNegativeInt = 0
    """Batches done in the epoch that is not finished."""
    step: NonNegativeInt = 0
    """Updates taken in all."""
    total: float = 0.0
    """Σ loss · examples over the batches done."""
    best: Best = field(default_factory=Best)
    slowing: Slowing = field(default_factory=Slowing)
    stopped: bool = False
    """Whether early stopping has ended the run."""


@dataclass(frozen=True)
class Epoch:
    """What is known of a finished epoch, counted from 1."""

    number: int
    step: int
    rate: float
    """The learning rate of its last update."""
    results: dict[str, Result]
    logged: bool
    """Whether it is one of those that are told of: every `log_every`th, the first, the last."""
    is_best: bool


@dataclass(frozen=True)
class Update:
    """One update: its number from 0, the loss before it, and the epoch that it finished."""

    step: int
    loss: float
    epoch: Epoch | None


class Diverged(Exception):
    """The loss of a batch is no finite number. The engine has the weights of that loss."""

    def __init__(self, loss: float, step: int, epoch: int, batch: Arrays) -> None:
        super().__init__(f"the loss is {loss} at step {step}")
        self.loss, self.step, self.epoch, self.batch = loss, step, epoch, batch


@dataclass
class Loop:
    """A run as a walk over its updates. After each one `progress` and the engine's state are all
    that it takes to go on from there."""

    program: Program
    data: Dataset
    engine: Engine
    progress: Progress = field(default_factory=Progress)
    parts: int = 1
    """Into how many parts each batch is divided."""
    spent: Spent = field(default_factory=Spent)
    """Where the time has gone; it grows."""

    def __post_init__(self) -> None:
        self.training = training_of(self.program)
        self.rows = self.data.splits["train"]
        self.size = self.training.batch or len(self.rows)
        self.per_epoch = -(-len(self.rows) // self.size)
        self.updates = self.training.epochs * self.per_epoch
        self.goal = goal(self.program, validated="validation" in self.data.splits)

    def over(self) -> bool:
        """Whether nothing is left to do."""
        return self.progress.stopped or self.progress.epoch >= self.training.epochs

    def __iter__(self) -> Iterator[Update]:
        """Every update that is left. Raises Diverged."""
        while not self.over():
            yield from self._epoch()

    def _epoch(self) -> Iterator[Update]:
        order, number = self._order(), self.progress.epoch
        while self.progress.epoch == number:
            start = self.progress.batches * self.size
            places = slice(start, start + self.size)
            yield self._update(self.rows[places if order is None else order[places]])

    def _order(self) -> Rows | None:
        """The places in the training split in the order of this epoch; None for their own."""
        if self.training.batch is None:
            return None
        key = draws.key_at(draws.key_of(self.program.seed, "order"), self.progress.epoch)
        return draws.order(len(self.rows), key, stored.room(len(self.rows)))

    def rate(self) -> float:
        """The learning rate of the next update."""
        schedule, base = self.training.schedule, self.training.optimizer.lr
        found = rate(schedule, base, self.progress.step, self.updates)
        if isinstance(schedule, Plateau):
            return self.progress.slowing.rate(found, schedule)
        return found

    def _update(self, rows: Rows) -> Update:
        progress, rate = self.progress, self.rate()
        shares = np.array_split(rows, self._parts(len(rows)))
        begun = perf_counter()
        parts = [self.data.batch(share, progress.epoch) for share in shares]
        read = perf_counter()
        loss = self.engine.step(parts, progress.step, rate)
        self.spent.reading += read - begun
        self.spent.steps += perf_counter() - read
        if not math.isfinite(loss):
            raise Diverged(
                loss, progress.step, progress.epoch + 1, self.data.batch(rows, progress.epoch)
            )
        progress.total += loss * len(rows)
        progress.batches += 1
        progress.step += 1
        finished = progress.batches == self.per_epoch
        return Update(progress.step - 1, loss, self._finish(rate) if finished else None)

    def _parts(self, count: int) -> int:
        return min(self.parts, count)

    def _finish(self, rate: float) -> Epoch:
        """The end of an epoch: results, and what follows from them."""
        progress = self.progress
        number = progress.epoch + 1
        logged = number in (1, self.training.epochs) or number % self.training.log_every == 0
        results = self._results(logged=logged)
        told = numbers(results)
        best = progress.best.after(number, told[self.goal.monitor], self.goal)
        schedule, stop = self.training.schedule, self.training.stop
        if isinstance(schedule, Plateau):
            progress.slowing = progress.slowing.after(told[schedule.monitor], schedule)
        progress.best, progress.epoch = best, number
        progress.batches, progress.total = 0, 0.0
        progress.stopped = stop is not None and best.waited >= stop.patience
        return Epoch(number, progress.step, rate, results, logged, best.epoch == number)

    def _results(self, *, logged: bool) -> dict[str, Result]:
        results: dict[str, Result] = {"loss": self.progress.total / len(self.rows)}
        monitored = self.goal.monitor in {use.name for use in self.training.metrics}
        if self.training.metrics and (logged or monitored):
            results = self.evaluate("train") | results
        if "validation" in self.data.splits:
            measured = self.evaluate("validation")
            results |= {f"val_{name}": value for name, value in measured.items()}
        return results

    def evaluate(self, split: str) -> dict[str, Result]:
        """The loss and the metrics over the examples of a split."""
        begun, before = perf_counter(), self.spent.reading
        found = self.engine.evaluate(self._timed(batches(self.data, split)))
        self.spent.evaluation += perf_counter() - begun - (self.spent.reading - before)
        return found

    def _timed(self, given: Iterable[Arrays]) -> Iterator[Arrays]:
        """The same batches, and the time that they take."""
        begun = perf_counter()
        for batch in given:
            self.spent.reading += perf_counter() - begun
            yield batch
            begun = perf_counter()


def batches(data: Dataset, split: str) -> Iterator[Arrays]:
    """The examples of a split in their own order, as many at a time as are evaluated together."""
    rows = data.splits[split]
    for start in range(0, len(rows), EVALUATED):
        yield data.batch(rows[start : start + EVALUATED])
