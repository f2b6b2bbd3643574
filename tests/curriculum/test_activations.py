"""The activations of the lectures: `specs/curriculum/activations.nn`, on every backend."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nnc.backends import initial
from nnc.backends.registry import BACKENDS, REFERENCE
from nnc.loading import compile_file

SPEC = Path(__file__).parents[2] / "specs" / "curriculum" / "activations.nn"
X = np.array([[-2.0, 1.0], [0.0, 3.0]], np.float32)


def curves(slope: float, alpha: float) -> dict[str, list[list[float]]]:
    """The lectures' formulas, number by number."""
    a, b, c, d = (float(x) for x in X.ravel())
    formulas: dict[str, Callable[[float], float]] = {
        "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
        "tanh": math.tanh,
        "relu": lambda x: max(x, 0.0),
        "leaky_relu": lambda x: max(slope * x, x),
        "elu": lambda x: x if x > 0 else alpha * (math.exp(x) - 1),
        "gelu": lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
        "selu": lambda x: (
            1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * (math.exp(x) - 1))
        ),
        "identity": lambda x: x,
        "step": lambda x: 1.0 if x > 0 else 0.0,
    }
    made = {name: [[f(a), f(b)], [f(c), f(d)]] for name, f in formulas.items()}
    made["maxout"] = [[max(w1 + 2 * w2 + 0.5, -w1 + 0.5 * w2 + 1)] for w1, w2 in ((a, b), (c, d))]
    made["softmax"] = [
        [math.exp(p) / (math.exp(p) + math.exp(q)), math.exp(q) / (math.exp(p) + math.exp(q))]
        for p, q in ((a, b), (c, d))
    ]
    return made


@pytest.mark.parametrize("backend", [*BACKENDS, REFERENCE.name])
@pytest.mark.parametrize(("slope", "alpha"), [(0.1, 1.0), (0.3, 0.5)])
def test_every_activation_has_the_lectures_values(backend: str, slope: float, alpha: float) -> None:
    program, _ = compile_file(SPEC, {"slope": slope, "alpha": alpha})
    assert program is not None
    chosen = REFERENCE if backend == REFERENCE.name else BACKENDS[backend]
    found = chosen.load_runner()(program, initial.weights(program.graph, 0)).outputs({"x": X})
    expected = curves(slope, alpha)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=2e-6, atol=1e-6, err_msg=name)
