"""Two words, one behind the other, on onnxruntime: what it makes of a model gives what the model
itself gives.

It joins neighbours into other operators when it loads a model, and has joined some that it should
not have.
"""

from __future__ import annotations

import os
import random
from functools import cache

import numpy as np
import onnxruntime
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from nnc.backends.base import Arrays
from nnc.backends.onnx.emit import drawn
from nnc.backends.onnx.graph import written
from nnc.compiler.ir import Program
from nnc.compiler.vocabulary.base import Rejected
from nnc.compiler.vocabulary.ops.base import Op
from nnc.compiler.vocabulary.ops.resize import Upsample
from nnc.verify import sample
from tests.backends.onnx.networks import Network
from tests.matrix.examples import cases

PAIRS = int(os.environ.get("NNC_RANDOM_PAIRS", "20000"))
FIRST = int(os.environ.get("NNC_FIRST_PAIR", "0"))
SHARE = 1000
SHAPES = ("f32[6]", "f32[4, 6]", "f32[2, 6, 5]")


@cache
def words() -> list[Op]:
    """The op of each example of one input and one node."""
    found = [c for c in cases() if len(c.graph.inputs) == len(c.graph.nodes) == 1]
    return [case.op for case in found]


def pair(seed: int) -> Program | None:
    """Two words of a seed; None where one of them doesn't take what it would get, or another layout
    than that which the first has changed to: there onnxruntime can't run a Resize."""
    chance = random.Random(seed)
    net = Network(x=chance.choice(SHAPES))
    first, second = chance.choice(words()), chance.choice(words())
    if isinstance(second, Upsample) and getattr(first, "layout", second.layout) != second.layout:
        return None
    try:
        return net.program(y=net.then("second", second, net.then("first", first, net["x"])))
    except Rejected:
        return None


def outputs(model: bytes, inputs: Arrays, level: str) -> list[np.ndarray]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    found: list[np.ndarray] = session.run(None, inputs)
    return found


@pytest.mark.parametrize("first", range(FIRST, FIRST + PAIRS, SHARE))
def test_what_onnxruntime_makes_of_two_words(first: int) -> None:
    judged = 0
    for seed in range(first, first + SHARE):
        program = pair(seed)
        if program is None:
            continue
        rng = np.random.default_rng(seed)
        weights = sample.weights(program.graph, seed)
        try:
            inputs = sample.inputs(program.graph, 2, rng)
        except ValueError:
            continue
        model = b"".join(written(drawn(program, weights, opset=20), "test").whole)
        try:
            expected = outputs(model, inputs, "ORT_DISABLE_ALL")
        except InvalidArgument:  # a number of a row that an embedding doesn't have
            continue
        if not all(np.isfinite(array).all() for array in expected):
            continue
        judged += 1
        for one, other in zip(outputs(model, inputs, "ORT_ENABLE_ALL"), expected, strict=True):
            size = float(np.abs(other).max(initial=0))
            names = [node.op for node in program.graph.nodes]
            np.testing.assert_allclose(
                one, other, rtol=1e-3, atol=1e-5 + 1e-4 * size, err_msg=f"{seed}: {names}"
            )
    assert judged
