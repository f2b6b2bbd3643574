"""`nnc train` and the generated programs take the same path: order of examples, dropout, rates,
results of each epoch, and the weights at the end."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnc.backends import initial
from nnc.backends.base import Arrays
from nnc.backends.keras.run import KerasRunner
from nnc.backends.torch.run import TorchRunner
from nnc.compiler.ir import Program
from nnc.training.data import Dataset
from nnc.training.data.dataset import Kept
from nnc.training.loop import Loop
from tests.training.engines import engine, of_text

SPEC = """\
model M {
  input  x: f32[3]
  output p = x -> Dense(5) -> tanh -> Dropout(0.3) -> Dense(4) -> softmax
}
train {
  target y: i64
  loss = cross_entropy(p, y)
  optimizer = adam(0.05)
  metrics = [accuracy(p, y)]
  seed = 11
  epochs = 12
  %s
}
"""
SETTINGS = {
    "batches": "batch = 6 schedule = cosine log_every = 5",
    "all at once": "batch = all",
    "a plateau and a stop": "batch = 10 schedule = plateau(0.1, patience=0)"
    " stop = early(patience=2, min_delta=0.1)",
}


def dataset() -> Dataset:
    rng = np.random.default_rng(4)
    x = rng.standard_normal((40, 3))
    y = np.argmax(np.pad(x, ((0, 0), (0, 1))), axis=1)
    order = rng.permutation(40)
    splits = {"train": order[:27], "validation": order[27:]}
    return Dataset(splits, Kept({"x": x, "y": y}), {}, "")


def of_torch(program: Program, weights: Arrays, data: Dataset) -> tuple[Any, Arrays]:
    runner = TorchRunner(program, weights, "float64")
    with runner.floats():
        splits = {name: runner.batch(data.batch(rows)) for name, rows in data.splits.items()}
        return runner.module.train(runner.model, splits), runner.weights()


def of_keras(program: Program, weights: Arrays, data: Dataset) -> tuple[Any, Arrays]:
    runner = KerasRunner(program, weights, "float64")
    with runner.floats():
        splits = {name: data.batch(rows) for name, rows in data.splits.items()}
        history = runner.module["train"](runner.model, runner.trained_model, splits)
        return history, runner.weights()


PROGRAMS = {"torch": of_torch, "keras": of_keras}


@pytest.mark.parametrize("backend", PROGRAMS)
@pytest.mark.parametrize("settings", SETTINGS)
def test_the_program_and_the_run_are_one_path(backend: str, settings: str) -> None:
    program, data = of_text(SPEC % SETTINGS[settings]), dataset()
    loop = Loop(program, data, engine("reference", program, seed=11))
    history = [update.epoch.results for update in loop if update.epoch is not None]
    weights = dict(initial.weights(program.graph, 11))
    found, after = PROGRAMS[backend](program, weights, data)
    assert len(found) == len(history)
    for results, expected in zip(found, history, strict=True):
        assert results == pytest.approx(expected, abs=1e-11)
    best = loop.progress.stopped
    assert best == (settings == "a plateau and a stop")
    if not best:
        for name, array in loop.engine.weights().items():
            np.testing.assert_allclose(after[name], array, rtol=0, atol=1e-11, err_msg=name)
