"""Every metric, from batches of any size, as scikit-learn has it; on the reference and in the
generated programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from nnc import compile_text
from nnc.backends.base import Arrays, Counts, Result
from nnc.backends.keras.run import KerasRunner
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.reference.table import metrics
from nnc.backends.torch.run import TorchRunner
from nnc.compiler.ir import Program
from nnc.compiler.vocabulary.base import words

RNG = np.random.default_rng(2)
NUMBERS = RNG.normal(size=(23, 3)).astype(np.float32)
BITS = (RNG.random((23, 1)) < 0.4).astype(np.float32)
SCORES = np.round(RNG.random((23, 1)) * 8).astype(np.float32) / 8
"""With ties, and with ½ itself."""
LOGITS = np.round(RNG.normal(size=(23, 4)) * 2).astype(np.float32)
CLASSES = RNG.integers(0, 3, 23)
"""The last of four classes never occurs."""

_REPORT: dict[str, Any] = {"average": "macro", "zero_division": 0}
_ALL = [0, 1, 2, 3]


def _yes(y: np.ndarray) -> np.ndarray:
    return (y > 0.5).astype(int).ravel()


def _table(truth: np.ndarray, answer: np.ndarray) -> Counts:
    found: Counts = sk.confusion_matrix(truth, answer).tolist()
    return found


def _top(y: np.ndarray, t: np.ndarray) -> float:
    places = [(row > row[c]).sum() for row, c in zip(y, t, strict=True)]
    return float(np.mean(np.array(places) < 2))


Case = tuple[str, np.ndarray, np.ndarray, Callable[..., Result]]

CASES: list[Case] = [
    ("mae", NUMBERS, NUMBERS[::-1], lambda y, t: sk.mean_absolute_error(t, y)),
    ("mse", NUMBERS, NUMBERS[::-1], lambda y, t: sk.mean_squared_error(t, y)),
    ("rmse", NUMBERS, NUMBERS[::-1], lambda y, t: sk.mean_squared_error(t, y) ** 0.5),
    ("r2", NUMBERS, NUMBERS[::-1] + 1000, lambda y, t: sk.r2_score(t, y)),
    ("r2", NUMBERS, 0 * NUMBERS, lambda y, t: sk.r2_score(t, y)),
    ("accuracy", SCORES, BITS, lambda y, t: sk.accuracy_score(t.ravel(), _yes(y))),
    ("accuracy", LOGITS, CLASSES, lambda y, t: sk.accuracy_score(t, y.argmax(-1))),
    ("top_k(2)", LOGITS, CLASSES, _top),
    ("precision", SCORES, BITS, lambda y, t: sk.precision_score(t.ravel(), _yes(y))),
    ("recall", SCORES, BITS, lambda y, t: sk.recall_score(t.ravel(), _yes(y))),
    ("f1", SCORES, BITS, lambda y, t: sk.f1_score(t.ravel(), _yes(y))),
    ("precision", 0 * SCORES, BITS, lambda y, t: 0.0),
    (
        "precision",
        LOGITS,
        CLASSES,
        lambda y, t: sk.precision_score(t, y.argmax(-1), labels=_ALL, **_REPORT),
    ),
    (
        "recall",
        LOGITS,
        CLASSES,
        lambda y, t: sk.recall_score(t, y.argmax(-1), labels=_ALL, **_REPORT),
    ),
    ("f1", LOGITS, CLASSES, lambda y, t: sk.f1_score(t, y.argmax(-1), labels=_ALL, **_REPORT)),
    ("auc", SCORES, BITS, lambda y, t: sk.roc_auc_score(t.ravel(), y.ravel())),
    ("auc", SCORES / 1000, BITS, lambda y, t: sk.roc_auc_score(t.ravel(), y.ravel())),
    ("auc", SCORES, 0 * BITS, lambda y, t: float("nan")),
    (
        "confusion_matrix",
        LOGITS,
        CLASSES,
        lambda y, t: sk.confusion_matrix(t, y.argmax(-1), labels=_ALL).tolist(),
    ),
    ("confusion_matrix", SCORES, BITS, lambda y, t: _table(t.ravel(), _yes(y))),
    (
        "confusion_matrix(threshold=0.125)",
        NUMBERS,
        NUMBERS[::-1],
        lambda y, t: _table(_yes(t), (y > 0.125).ravel()),
    ),
]
NAMES = [f"{case[0]}-{number}" for number, case in enumerate(CASES)]


def program_of(metric: str, y: np.ndarray, t: np.ndarray) -> Program:
    """A model that gives its input as it is."""
    name, _, rest = metric.partition("(")
    arguments = f", {rest}" if rest else ")"
    target = "i64" if t.dtype.kind == "i" else f"f32[{t.shape[1]}]"
    loss = "cross_entropy" if t.dtype.kind == "i" else "mse"
    text = f"""
    model M {{ input x: f32[{y.shape[1]}]  output y = x -> Dense({y.shape[1]}) }}
    train {{
      target t: {target}
      loss = {loss}(y, t)  optimizer = sgd(lr=0.1)
      metrics = [{name}(y, t{arguments}]
    }}
    """
    program, _ = compile_text(text)
    assert program is not None
    return program


def identity(program: Program) -> Arrays:
    graph = program.graph.weights
    return {
        name: np.eye(weight.shape[0], dtype=np.float32)
        if len(weight.shape) == 2
        else np.zeros(weight.shape, np.float32)
        for name, weight in graph.items()
    }


def agree(found: Result, expected: Result, **tolerance: float) -> None:
    """Numbers are near, tables the same."""
    if isinstance(expected, list):
        assert found == expected
        assert isinstance(found, list)
        assert all(type(count) is int for row in found for count in row)
    else:
        assert found == pytest.approx(expected, nan_ok=True, **tolerance)


def test_every_metric_is_compared() -> None:
    assert {case[0].partition("(")[0] for case in CASES} == {w.word for w in words("metric")}


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_the_reference(case: Case) -> None:
    metric, y, t, expected = case
    program = program_of(metric, y, t)
    assert program.training is not None
    (use,) = program.training.metrics
    made = ReferenceRunner(program, identity(program)).outputs({"x": y})["y"]
    exact = t.astype(float) if t.dtype.kind == "f" else t
    found = metrics.find(use.metric)(use.metric, made, exact)
    agree(found, expected(y.astype(float), exact), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("size", [4, 23])
@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_program(case: Case, backend: str, size: int) -> None:
    metric, y, t, expected = case
    program = program_of(metric, y, t)
    assert program.training is not None
    (use,) = program.training.metrics
    if backend == "torch":
        import torch

        runner = TorchRunner(program, identity(program))
        data = {"x": torch.tensor(y.copy()), "t": torch.tensor(t.copy())}
        found = runner.module.evaluate(runner.model, data, size)
    else:
        keras = KerasRunner(program, identity(program))
        models = (keras.model, keras.trained_model)
        found = keras.module["evaluate"](*models, {"x": y, "t": t}, size)
    exact = t.astype(float) if t.dtype.kind == "f" else t
    agree(found[use.name], expected(y.astype(float), exact), rel=1e-5, abs=1e-7)
