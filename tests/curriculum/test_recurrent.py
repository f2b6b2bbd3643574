"""Recurrent layers worked out by hand, their counts of parameters, and forecasts fed back."""

from __future__ import annotations

from math import exp, tanh
from pathlib import Path

import numpy as np
import pytest

from nnc.backends import initial
from nnc.backends.base import Arrays, Runner
from nnc.backends.registry import BACKENDS, REFERENCE
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary.ops.base import Op, parse_type
from nnc.compiler.vocabulary.ops.recurrent import GRU, LSTM, SimpleRNN
from nnc.loading import compile_file

SPECS = Path(__file__).parents[2] / "specs" / "curriculum"
ALL = [*BACKENDS, REFERENCE.name]
SEQUENCE = (1.0, -2.0, 0.5)


def run_on(backend: str, program: Program, weights: Arrays) -> Runner:
    chosen = REFERENCE if backend == REFERENCE.name else BACKENDS[backend]
    return chosen.load_runner()(program, weights)


def sigmoid(x: float) -> float:
    return 1 / (1 + exp(-x))


def simple_rnn() -> list[float]:
    h, made = 0.0, []
    for x in SEQUENCE:
        h = tanh(0.5 * x - 0.25 * h + 0.1)
        made.append(h)
    return made


def gru() -> list[float]:
    h, made = 0.0, []
    for x in SEQUENCE:
        r = sigmoid(0.5 * x - 0.25 * h + 0.1 + 0.05)
        z = sigmoid(-1.0 * x + 0.75 * h + 0.2 - 0.1)
        n = tanh(2.0 * x - 0.3 + r * (1.5 * h + 0.4))
        h = (1 - z) * n + z * h
        made.append(h)
    return made


def gru_reset_before() -> list[float]:
    h, made = 0.0, []
    for x in SEQUENCE:
        r = sigmoid(0.5 * x - 0.25 * h + 0.1)
        z = sigmoid(-1.0 * x + 0.75 * h + 0.2)
        n = tanh(2.0 * x + 1.5 * (r * h) - 0.3)
        h = (1 - z) * n + z * h
        made.append(h)
    return made


def lstm() -> list[float]:
    h, c, made = 0.0, 0.0, []
    for x in SEQUENCE:
        i, f = sigmoid(0.5 * x - 0.25 * h + 0.1), sigmoid(-1.0 * x + 0.75 * h + 0.2)
        g, o = tanh(2.0 * x + 1.5 * h - 0.3), sigmoid(0.3 * x - 0.6 * h + 0.7)
        c = f * c + i * g
        h = o * tanh(c)
        made.append(h)
    return made


IH, HH = (0.5, -1.0, 2.0, 0.3), (-0.25, 0.75, 1.5, -0.6)
BIASES = {"bias_ih_l0": (0.1, 0.2, -0.3, 0.7), "bias_hh_l0": (0.05, -0.1, 0.4)}
BY_HAND: list[tuple[Op, list[float]]] = [
    (SimpleRNN(units=1), simple_rnn()),
    (GRU(units=1), gru()),
    (GRU(units=1, reset_after=False), gru_reset_before()),
    (LSTM(units=1), lstm()),
]


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize(("op", "expected"), BY_HAND, ids=["rnn", "gru", "gru-before", "lstm"])
def test_one_unit_by_hand(op: Op, expected: list[float], backend: str) -> None:
    graph = single(op, (parse_type("f32[3, 1]"),))
    numbers = {"weight_ih_l0": IH, "weight_hh_l0": HH, **BIASES}
    weights: Arrays = {
        name: np.zeros(weight.shape, np.float32)
        if weight.role == "fixed"
        else np.array(numbers[weight.name][: weight.shape[0]], np.float32).reshape(weight.shape)
        for name, weight in graph.weights.items()
    }
    x = np.array(SEQUENCE, np.float32).reshape(1, 3, 1)
    y = run_on(backend, Program(graph), weights).outputs({"x0": x})["y0"]
    np.testing.assert_allclose(y[0, :, 0], expected, rtol=0, atol=1e-6)


COUNTS = [
    (SimpleRNN(units=6), 6 * (4 + 6) + 6),
    (GRU(units=6), 3 * (6 * (4 + 6) + 2 * 6)),
    (GRU(units=6, reset_after=False), 3 * (6 * (4 + 6) + 6)),
    (LSTM(units=6), 4 * (6 * (4 + 6) + 6)),
    (LSTM(units=6, bidirectional=True), 2 * 4 * (6 * (4 + 6) + 6)),
]


@pytest.mark.parametrize(("op", "count"), COUNTS)
def test_counts_of_parameters(op: Op, count: int) -> None:
    weights = op.weights((parse_type("f32[T, 4]"),))
    assert sum(np.prod(w.shape) for w in weights if w.role == "parameter") == count


def forecast(runner: Runner, past: np.ndarray, steps: int) -> list[float]:
    """Each forecast becomes the newest value of the window."""
    made = []
    for _ in range(steps):
        value = runner.outputs({"past": past})["future"]
        made.append(float(value[0, 0]))
        past = np.concatenate([past[:, 1:], value[:, None].astype(np.float32)], axis=1)
    return made


@pytest.mark.parametrize("backend", list(BACKENDS))
def test_forecasts_that_are_fed_back_stay_the_same(backend: str) -> None:
    program, _ = compile_file(SPECS / "forecast_rnn.nn")
    assert program is not None
    weights: Arrays = dict(initial.weights(program.graph, 4))
    past = np.sin(np.arange(12, dtype=np.float32) / 2).reshape(1, 12, 1)
    expected = forecast(run_on(REFERENCE.name, program, weights), past, 20)
    assert np.ptp(expected) > 1e-3
    np.testing.assert_allclose(
        forecast(run_on(backend, program, weights), past, 20), expected, atol=1e-5
    )
