"""Every op × every example × every backend against the reference."""

from __future__ import annotations

import numpy as np
import pytest

from nnc.backends.base import Precision
from nnc.backends.layout import native
from nnc.backends.reference.run import ReferenceRunner
from nnc.compiler.ir import Program
from nnc.compiler.vocabulary.ops.base import Layout
from nnc.compiler.vocabulary.ops.regularization import Dropout
from tests.matrix.backends import PRECISIONS, Pair, refusal, runner_class
from tests.matrix.examples import Case, by_name, cases, random_weights

EVERYWHERE = pytest.mark.parametrize(("backend", "precision"), PRECISIONS)


def is_random(case: Case) -> bool:
    """Whether training gives another result each time."""
    return any(node.op.is_random for node in case.graph.nodes)


@EVERYWHERE
@pytest.mark.parametrize("case", cases(), ids=by_name)
def test_an_op_means_the_same(case: Case, backend: str, precision: Precision) -> None:
    """Outputs, in evaluation and in training, and gradients with respect to inputs and weights."""
    reason = refusal(backend, case.program)
    if reason is not None:
        assert case.op.word in reason
        return
    rng = np.random.default_rng(len(case.name))
    pair = Pair(backend, precision, case.program, random_weights(case.graph, rng))
    differentiates = runner_class(backend).differentiates
    for size in case.sizes():
        inputs = case.inputs(size, rng)
        pair.check_outputs(inputs)
        if differentiates:
            pair.check_pullback(inputs, rng)
        if differentiates and not is_random(case):
            pair.check_pullback(inputs, rng, training=True)
            pair.check_outputs(inputs, training=True)
    pair.check_weights()


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("case", cases(), ids=by_name)
def test_kinks_and_ties_have_the_same_gradient(case: Case, backend: str) -> None:
    if refusal(backend, case.program) is not None:
        return
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
    moved = ReferenceRunner(Program(native(case.graph, layout)), weights)
    for size in case.sizes():
        inputs = case.inputs(size, rng)
        expected = ReferenceRunner(case.program, weights).outputs(inputs)
        for name, array in moved.outputs(inputs).items():
            np.testing.assert_allclose(array, expected[name], rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_dropout_drops_its_share_and_scales_the_rest(backend: str) -> None:
    case = next(case for case in cases() if isinstance(case.op, Dropout) and is_random(case))
    assert isinstance(case.op, Dropout)
    runner = runner_class(backend)(case.program, {})
    x = np.full((4000, 5), 2.0, np.float32)
    y = runner.outputs({"x0": x}, training=True)["y0"]
    kept = y != 0
    np.testing.assert_allclose(y[kept], 2.0 / (1 - case.op.rate), rtol=1e-6)
    # Five standard deviations of the share in 20,000 draws.
    deviation = (case.op.rate * (1 - case.op.rate) / kept.size) ** 0.5
    assert abs(1 - kept.mean() - case.op.rate) < 5 * deviation
    again = runner.outputs({"x0": x}, training=True)["y0"]
    assert (again != y).any()
