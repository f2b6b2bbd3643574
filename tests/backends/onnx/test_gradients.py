"""Every word's gradients on the level of ONNX against the reference's exact ones."""

from __future__ import annotations

import numpy as np
import pytest

from nnc.backends.base import Arrays, Precision
from nnc.backends.onnx.emit import assembled
from nnc.backends.onnx.gradients import GRADIENTS
from nnc.backends.reference.run import ReferenceRunner
from nnc.compiler.types import FLOATS
from nnc.compiler.vocabulary.ops.recurrence import Recurrent
from nnc.verify import compare
from tests.backends.onnx.pullbacks import Pullback
from tests.matrix.backends import agree
from tests.matrix.examples import Case, by_name, cases, random_weights

PRECISIONS: tuple[Precision, ...] = ("float64", "float32")


def has_gradient(case: Case) -> bool:
    graph = case.graph
    outputs = any(output.value.type.dtype in FLOATS for output in graph.outputs)
    return outputs and (bool(graph.weights) or any(v.type.dtype in FLOATS for v in graph.inputs))


def check(
    case: Case, pullback: Pullback, weights: Arrays, inputs: Arrays, rng: np.random.Generator
) -> None:
    """The gradients of a case's inputs and weights are those of the reference."""
    training, precision = pullback.training, pullback.precision
    reference = ReferenceRunner(case.program, weights)
    made = ReferenceRunner(case.program, weights).outputs(inputs, training=training)
    cotangents = {
        name: rng.normal(size=y.shape).astype(np.float32)
        for name, y in made.items()
        if y.dtype.kind == "f"
    }
    theirs = reference.pullback(inputs, cotangents, training=training)
    expected = {**theirs[0], **theirs[1]}
    found = pullback(inputs, weights, cotangents)
    dtype = np.dtype(precision)
    ours = {n: found.get(n, np.zeros(x.shape, dtype)) for n, x in expected.items()}
    agree(compare.gradients(expected, ours, dict.fromkeys(expected, "all"), precision))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("case", [case for case in cases() if has_gradient(case)], ids=by_name)
def test_gradients_of_a_word(case: Case, precision: Precision) -> None:
    rng = np.random.default_rng(len(case.name))
    weights = random_weights(case.graph, rng)
    # In evaluation a recurrent layer is an operator of its own, which is not trained.
    alone = isinstance(case.op, Recurrent) and precision == "float32"
    for training in (True,) if alone else (False, True):
        pullback = Pullback(case.program, precision, training=training)
        for size in case.sizes():
            check(case, pullback, weights, case.inputs(size, rng), rng)


@pytest.mark.parametrize("case", [case for case in cases() if has_gradient(case)], ids=by_name)
def test_kinks_and_ties_have_the_same_gradient(case: Case) -> None:
    rng = np.random.default_rng(len(case.name))
    weights = random_weights(case.graph, rng)
    pullback = Pullback(case.program, "float64", training=False)
    check(case, pullback, weights, case.integral_inputs(max(case.sizes()), rng), rng)


def test_every_operator_that_is_written_has_a_rule_or_a_refusal() -> None:
    written = {node.operator for case in cases() for node in assembled(case.graph, 20).nodes}
    assert sorted(op for op in written if not GRADIENTS.covers(op)) == []
