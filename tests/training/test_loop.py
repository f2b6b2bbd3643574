"""The loop: order of examples, rates, results, best epochs, early stopping, plateaus."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from nnc.backends import draws
from nnc.backends.base import Arrays, Engine, Result, numbers
from nnc.compiler.ir import Program
from nnc.training import loop as loop_module
from nnc.training.data import Dataset
from nnc.training.data.dataset import Kept, Rows
from nnc.training.loop import Diverged, Epoch, Loop
from nnc.training.spent import Spent
from nnc.training.watching import Best, Goal, Slowing
from tests.training.engines import batch, engine, mlp, of_text

SETTINGS = """\
model M { input x: f32[1]  output p = x -> Dense(1) }
train {
  target y: f32[1]
  loss = mse(p, y)
  optimizer = sgd(0.5)
  metrics = [mae(p, y)]
  %s
}
"""


def program(settings: str) -> Program:
    return of_text(SETTINGS % settings)


def dataset(train: int, validation: int = 0) -> Dataset:
    """Examples that are their own number."""
    count = train + validation
    numbers = np.arange(count, dtype=np.float32)[:, None]
    # Rows of training come from the end: a row's number is not its place in the split.
    splits = {"train": np.arange(count)[::-1][:train]}
    if validation:
        splits["validation"] = np.arange(validation)
    return Dataset(splits, Kept({"x": numbers, "y": numbers}), {}, "")


@dataclass
class Scripted(Engine):
    """An engine that takes no steps: it writes down what it is given, and gives what it is told
    to."""

    losses: Sequence[float] = ()
    results: Sequence[float] = ()
    steps: list[tuple[list[list[float]], int, float]] = field(default_factory=list)
    evaluated: list[list[float]] = field(default_factory=list)
    backend = "scripted"

    def step(self, parts: Sequence[Arrays], step: int, rate: float) -> float:
        self.steps.append(([part["x"].ravel().tolist() for part in parts], step, rate))
        return self.losses[step] if self.losses else 1.0

    def evaluate(self, batches: Iterable[Arrays]) -> dict[str, Result]:
        rows = [x for given in batches for x in given["x"].ravel().tolist()]
        self.evaluated.append(rows)
        place = sum(map(len, self.evaluated)) // len(rows) - 1
        loss = self.results[place] if self.results else 7.0
        return {"loss": loss, "mae": -loss}

    def measured(self, batch: Arrays) -> tuple[float, Mapping[str, Any]]:
        raise NotImplementedError

    def concluded(self, known: Mapping[str, list[Any]]) -> Mapping[str, Result]:
        raise NotImplementedError

    def outputs(self, inputs: Arrays) -> Arrays:
        raise NotImplementedError

    def gradient_norms(self) -> dict[str, float]:
        return {}

    def weights(self) -> Arrays:
        return {}

    def state(self) -> Arrays:
        return {}

    def restore(self, state: Arrays) -> None:
        raise NotImplementedError


def epochs(loop: Loop) -> list[Epoch]:
    return [update.epoch for update in loop if update.epoch is not None]


def test_each_epoch_has_an_order_of_its_own_that_the_seed_gives() -> None:
    data, scripted = dataset(5), Scripted()
    epochs(Loop(program("batch = 2 epochs = 3 seed = 9"), data, scripted))
    taken = [x for parts, _, _ in scripted.steps for part in parts for x in part]
    for epoch in range(3):
        order = draws.order(5, draws.key_at(draws.key_of(9, "order"), epoch))
        assert taken[5 * epoch : 5 * epoch + 5] == data.splits["train"][order].tolist()
    assert [len(parts[0]) for parts, _, _ in scripted.steps] == [2, 2, 1] * 3
    assert taken[:5] != taken[5:10]


def test_all_examples_at_once_keep_their_order() -> None:
    scripted = Scripted()
    found = epochs(Loop(program("batch = all epochs = 2"), dataset(4), scripted))
    assert [parts for parts, _, _ in scripted.steps] == [[[3.0, 2.0, 1.0, 0.0]]] * 2
    assert [epoch.number for epoch in found] == [1, 2]


def test_a_batch_in_parts() -> None:
    scripted = Scripted()
    epochs(Loop(program("batch = 5 epochs = 1"), dataset(6), scripted, parts=2))
    assert [[len(part) for part in parts] for parts, _, _ in scripted.steps] == [[3, 2], [1]]


def test_rates_are_those_of_the_schedule_over_all_updates() -> None:
    scripted = Scripted()
    epochs(Loop(program("batch = 2 epochs = 2 schedule = cosine"), dataset(3), scripted))
    expected = [0.25 * (1 + math.cos(math.pi * t / 4)) for t in range(4)]
    assert [rate for _, _, rate in scripted.steps] == pytest.approx(expected, abs=1e-15)
    assert [step for _, step, _ in scripted.steps] == [0, 1, 2, 3]


def test_the_loss_of_an_epoch_is_the_mean_over_its_examples() -> None:
    scripted = Scripted(losses=[1.0, 4.0, 2.0, 2.0])
    found = epochs(Loop(program("batch = 2 epochs = 2"), dataset(3, 2), scripted))
    assert [epoch.results["loss"] for epoch in found] == [(2 * 1.0 + 4.0) / 3, 2.0]
    assert found[0].results["val_loss"] == 7.0
    assert list(found[0].results) == ["loss", "mae", "val_loss", "val_mae"]
    assert scripted.evaluated[:2] == [[4.0, 3.0, 2.0], [0.0, 1.0]]


def test_metrics_of_training_are_for_logged_epochs() -> None:
    found = epochs(Loop(program("epochs = 5 log_every = 2"), dataset(3), Scripted()))
    assert [epoch.logged for epoch in found] == [True, True, False, True, True]
    assert ["mae" in epoch.results for epoch in found] == [True, True, False, True, True]


def test_a_monitored_metric_is_measured_in_every_epoch() -> None:
    text = 'epochs = 3 log_every = 3 stop = early(monitor="mae", patience=9)'
    found = epochs(Loop(program(text), dataset(3), Scripted()))
    assert all("mae" in epoch.results for epoch in found)


def test_early_stopping_counts_epochs_without_a_better_one() -> None:
    scripted = Scripted(losses=[5.0, 4.0, 4.0, 3.95, 4.5, 1.0])
    text = 'batch = all epochs = 6 stop = early(monitor="loss", patience=3, min_delta=0.1)'
    loop = Loop(program(text), dataset(2), scripted)
    found = epochs(loop)
    assert [epoch.is_best for epoch in found] == [True, True, False, False, False]
    assert (loop.progress.best, loop.progress.stopped) == (Best(2, 4.0, 3), True)
    assert epochs(loop) == []


def test_of_some_metrics_more_is_better() -> None:
    goal = Goal("accuracy", larger=True, min_delta=0.1)
    best = Best().after(1, 0.5, goal).after(2, 0.55, goal).after(3, 0.7, goal)
    assert best == Best(3, 0.7, 0)
    assert Best().after(1, math.nan, goal) == Best(0, None, 1)


@pytest.mark.parametrize("values", [[3.0, 3.0, 3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0], [1.0] * 9])
def test_plateaus_are_those_of_the_reference(values: list[float]) -> None:
    from nnc.backends.reference.schedules import reductions
    from nnc.compiler.vocabulary.schedules import Plateau

    schedule = Plateau(factor=0.5, patience=1, cooldown=1, monitor="loss")
    slowing, shares = Slowing(), []
    for value in values:
        slowing = slowing.after(value, schedule)
        shares.append(slowing.share)
    assert shares == [0.5**n for n in reductions(schedule, values)]
    floor = Plateau(factor=0.5, minimum=0.3)
    assert Slowing(share=0.25).rate(1.0, floor) == 0.3
    assert Slowing().rate(0.1, floor) == 0.1


def test_a_plateau_lowers_the_rate_of_the_next_epoch() -> None:
    text = 'batch = all epochs = 4 schedule = plateau(0.5, patience=0, monitor="loss")'
    scripted = Scripted(losses=[1.0, 1.0, 0.5, 0.5])
    epochs(Loop(program(text), dataset(2), scripted))
    assert [rate for _, _, rate in scripted.steps] == [0.5, 0.5, 0.25, 0.25]


def test_time_is_told_by_what_it_is_spent_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(loop_module, "perf_counter", lambda: clock[0])

    class Slow(Scripted):
        def step(self, parts: Sequence[Arrays], step: int, rate: float) -> float:
            clock[0] += 100.0
            return super().step(parts, step, rate)

        def evaluate(self, batches: Iterable[Arrays]) -> dict[str, Result]:
            found = super().evaluate(batches)
            clock[0] += 1000.0
            return found

    given = dataset(3, 2)

    def take(rows: Rows) -> Arrays:
        clock[0] += 1.0
        return given.take(rows)

    loop = Loop(program("batch = 2 epochs = 2"), replace(given, take=take), Slow())
    epochs(loop)
    # In each of 2 epochs: 2 batches of training, 1 to measure it, 1 of validation.
    assert loop.spent == Spent(0.0, 8.0, 400.0, 4000.0)
    assert Spent(1.0, 2.0, 3.0, 6.0).on_data == 0.25
    assert Spent().on_data == 0.0


def test_a_loop_goes_on_from_the_middle_of_an_epoch() -> None:
    given = program("batch = 2 epochs = 3 seed = 1")
    whole = Scripted(losses=[float(i) for i in range(9)])
    complete = epochs(Loop(given, dataset(5), whole))
    halted = Scripted(losses=whole.losses)
    first = Loop(given, dataset(5), halted)
    for update in first:
        if update.step == 3:
            break
    rest = Scripted(losses=whole.losses)
    second = Loop(given, dataset(5), rest, first.progress)
    later = epochs(second)
    assert halted.steps + rest.steps == whole.steps
    assert later == complete[1:]


def test_a_loss_that_is_no_number_ends_the_walk() -> None:
    loop = Loop(program("batch = 2 epochs = 2"), dataset(4), Scripted(losses=[1, 1, math.inf]))
    with pytest.raises(Diverged) as caught:
        epochs(loop)
    assert (caught.value.step, caught.value.epoch, caught.value.loss) == (2, 2, math.inf)
    assert loop.progress.step == 2


def test_the_loop_trains() -> None:
    spec = mlp("sgd(0.5)")
    arrays = batch(spec, 16)
    data = Dataset({"train": np.arange(16)}, Kept(arrays), {}, "")
    loop = Loop(spec, data, engine("reference", spec))
    found = epochs(loop)
    first, last = (numbers(epoch.results)["loss"] for epoch in (found[0], found[-1]))
    assert last < first
