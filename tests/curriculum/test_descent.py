"""Gradient descent on x1² + x2²: the gradient at (3, 4) is (6, 8), on every backend that has
one."""

from __future__ import annotations

import numpy as np
import pytest

from nnc.backends import initial
from nnc.backends.registry import BACKENDS, REFERENCE
from tests.backends.keras.programs import of_file

ONE = {"one": np.ones((1, 1))}
ZERO = {"zero": np.zeros((1, 2))}


@pytest.mark.parametrize("name", ["reference", "torch", "keras"])
def test_the_gradient_at_three_and_four(name: str) -> None:
    backend = REFERENCE if name == REFERENCE.name else BACKENDS[name]
    program = of_file("curriculum/descent")
    weights = initial.weights(program.graph, 0)
    loss, gradients = backend.load_runner()(program, weights, "float64").gradients(ONE, ZERO)
    assert loss == pytest.approx(25.0, rel=1e-12)
    np.testing.assert_allclose(gradients["point.weight"], [[6.0], [8.0]], rtol=1e-12)
