"""Every layer within a graph of TensorFlow, as training has it, gives what it gives at once."""

from __future__ import annotations

import numpy as np
import pytest

from nnc.backends.keras.run import KerasRunner
from tests.matrix.examples import Case, by_name, cases, random_weights


@pytest.mark.parametrize("case", cases(), ids=by_name)
def test_a_graph_gives_the_same(case: Case) -> None:
    import tensorflow as tf

    rng = np.random.default_rng(len(case.name))
    weights = {n: w.astype(np.float32) for n, w in random_weights(case.graph, rng).items()}
    runner = KerasRunner(case.program, weights)
    inputs = case.inputs(max(case.sizes()), rng)
    with runner.floats():
        given = runner.tensors(
            {n: x.astype(np.float32) if x.dtype.kind == "f" else x for n, x in inputs.items()}
        )
        graph = tf.function(lambda batch: runner.model(batch, training=False), autograph=False)
        found = {name: tensor.numpy() for name, tensor in graph(given).items()}
    for name, expected in runner.outputs(inputs).items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-5, atol=1e-5)
