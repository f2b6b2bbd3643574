"""Activations far from 0 against SciPy, and log_softmax in front of a loss."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

import nnc
from nnc.backends.registry import BACKENDS, REFERENCE
from nnc.compiler.ir import Program, single
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.base import find
from nnc.compiler.vocabulary.ops.base import Op

ALL = [*BACKENDS, REFERENCE.name]
GRID = np.array([[-100.0, -30.0, -6.0, -3.0, -1e-4, 0.0, 1e-4, 3.0, 6.0, 19.0, 30.0, 100.0]])
FORMULAS: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "relu6": lambda x: np.clip(x, 0, 6),
    "hard_sigmoid": lambda x: np.clip(x + 3, 0, 6) / 6,
    "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "log_sigmoid": special.log_expit,
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "celu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": lambda x: (
        1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))
    ),
    "silu": lambda x: x * special.expit(x),
    "mish": lambda x: x * np.tanh(np.logaddexp(x, 0)),
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "log_softmax": lambda x: special.log_softmax(x, axis=-1),
}


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("name", FORMULAS)
def test_far_from_zero(name: str, backend: str) -> None:
    word = find("op", name)
    assert word is not None
    assert issubclass(word, Op)
    program = Program(single(word(), (TensorType("f32", GRID.shape[1:]),)))
    chosen = REFERENCE if backend == REFERENCE.name else BACKENDS[backend]
    inputs = {"x0": GRID if backend == REFERENCE.name else GRID.astype(np.float32)}
    found = chosen.load_runner()(program, {}).outputs(inputs)["y0"]
    exact = FORMULAS[name](inputs["x0"].astype(np.float64))
    tolerance = 1e-13 if backend == REFERENCE.name else 2e-6
    np.testing.assert_allclose(found, exact, rtol=tolerance, atol=tolerance)


def classifier(end: str, loss: str) -> tuple[Program | None, list[str]]:
    text = f"""
    model M {{
      input  x: f32[4]
      output p = x -> Dense(3) {end}
    }}
    train {{
      target label: i64
      loss      = cross_entropy(p, label{loss})
      optimizer = sgd(lr=0.1)
    }}
    """
    program, diagnostics = nnc.compile_text(text)
    return program, [d.code for d in diagnostics]


def test_cross_entropy_is_computed_from_what_log_softmax_was_given() -> None:
    rng = np.random.default_rng(0)
    inputs = {"x": rng.normal(size=(5, 4)).astype(np.float32)}
    targets = {"label": np.array([0, 2, 1, 1, 0])}
    losses = []
    for end in ("", "-> softmax", "-> log_softmax", "-> log_softmax(axis=0)"):
        program, codes = classifier(end, "")
        assert program is not None
        assert codes == []
        assert program.training is not None
        (term,) = program.training.losses
        assert term.logits
        assert [value.name for value in term.predictions] == ["dense"]
        draw = np.random.default_rng(1)
        weights = {n: draw.normal(size=w.shape) for n, w in program.graph.weights.items()}
        runner = REFERENCE.load_runner()(program, weights)
        losses.append(runner.gradients(inputs, targets)[0])
    assert np.ptp(losses) < 1e-14


@pytest.mark.parametrize(
    ("loss", "codes"),
    [(", from_logits=true", []), (", from_logits=false", ["W105"])],
)
def test_logarithms_are_not_probabilities(loss: str, codes: list[str]) -> None:
    program, found = classifier("-> log_softmax", loss)
    assert program is not None
    assert found == codes
