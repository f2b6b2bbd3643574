"""Conventions that are tried as explanations are programs that the reference can run."""

from __future__ import annotations

import numpy as np
import pytest

from nnc.backends.reference.run import ReferenceRunner
from nnc.verify import conventions
from tests.matrix.examples import Case, cases, random_weights

FIRST = {case.op.word: case for case in reversed(cases())}
"""An example of each word, and of recurrent layers all."""
CASES = [
    *FIRST.values(),
    *(case for case in cases() if case.op.word in ("SimpleRNN", "GRU", "LSTM")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_layers_otherwise_take_the_weights_that_there_are(case: Case) -> None:
    rng = np.random.default_rng(0)
    weights, inputs = random_weights(case.graph, rng), case.inputs(max(case.sizes()), rng)
    for convention in conventions._layers(case.program):
        ReferenceRunner(convention.program, weights).outputs(inputs, training=True)
