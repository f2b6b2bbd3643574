"""Every op × every example × every backend against the reference."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from nnc.backends.base import Precision
from nnc.backends.layout import native
from nnc.backends.reference.run import ReferenceRunner
from nnc.compiler.ir import Program
from nnc.compiler.vocabulary.ops.base import Layout
from tests.matrix.backends import PRECISIONS, Pair, refusal, runner_class
from tests.matrix.examples import Case, by_name, cases, random_weights

EVERYWHERE = pytest.mark.parametrize(("backend", "precision"), PRECISIONS)


@EVERYWHERE
@pytest.mark.parametrize("case", cases(), ids=by_name)
def test_an_op_means_the_same(case: Case, backend: str, precision: Precision) -> None:
    """Outputs, in evaluation and in training, and gradients with respect to inputs and weights."""
    assert refusal(backend, case.program) is None
    rng = np.random.default_rng(len(case.name))
    pair = Pair(backend, precision, case.program, random_weights(case.graph, rng))
    differentiates = runner_class(backend).differentiates
    for size in case.sizes():
        inputs = case.inputs(size, rng)
        pair.check_outputs(inputs)
        if differentiates:
            pair.check_pullback(inputs, rng)
        if differentiates:
            pair.check_pullback(inputs, rng, training=True)
            pair.check_outputs(inputs, training=True)
    pair.check_weights()


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("case", cases(), ids=by_name)
def test_kinks_and_ties_have_the_same_gradient(case: Case, backend: str) -> None:
    assert refusal(backend, case.program) is None
    rng = np.random.default_rng(len(case.name))
    pair = Pair(backend, "float64", case.program, random_weights(case.graph, rng))
    inputs = case.integral_inputs(max(case.sizes()), rng)
    pair.check_outputs(inputs)
    pair.check_pullback(inputs, rng)


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
@pytest.mark.parametrize("case", cases(), ids=by_name)
def test_moving_to_a_layout_changes_nothing(case: Case, layout: Layout) -> None:
    rng = np.random.default_rng(len(case.name))
    weights = random_weights(case.graph, rng)
    for size, training in product(case.sizes(), (False, True)):
        inputs = case.inputs(size, rng)
        plain = ReferenceRunner(case.program, weights)
        moved = ReferenceRunner(Program(native(case.graph, layout)), weights)
        expected = plain.outputs(inputs, training=training)
        for name, array in moved.outputs(inputs, training=training).items():
            np.testing.assert_allclose(array, expected[name], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_power_of_0_has_a_gradient(backend: str) -> None:
    """x0 ** x1 is 0 for every x1 above 0 where x0 is 0, and so is its derivative by x1."""
    case = next(case for case in cases() if case.name == "power-0")
    pair = Pair(backend, "float64", case.program, {})
    zeros = np.zeros((3, 4))
    inputs = {"x0": zeros, "x1": zeros + np.array([1.0, 1.5, 2.0, 3.0])}
    pair.check_outputs(inputs)
    pair.check_pullback(inputs, np.random.default_rng(0))
