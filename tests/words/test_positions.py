"""What encodings of positions are for: laws that hold whatever the formula."""

from __future__ import annotations

import numpy as np
import pytest

from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.registry import BACKENDS
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary.ops.base import Op, parse_type
from nnc.compiler.vocabulary.ops.embedding import LearnedPositionalEncoding, RotaryEncoding

RNG = np.random.default_rng(4)


def turned(op: Op, x: np.ndarray) -> np.ndarray:
    program = Program(single(op, (parse_type("f32[T, 6]"),)))
    return ReferenceRunner(program, {}).outputs({"x0": x})["y0"]


@pytest.mark.parametrize("interleaved", [False, True])
def test_products_of_turned_vectors_depend_on_their_distance_alone(interleaved: bool) -> None:
    op = RotaryEncoding(length=50, interleaved=interleaved)
    query, key = RNG.normal(size=(2, 1, 1, 6)).repeat(50, axis=2)
    products = turned(op, query)[0] @ turned(op, key)[0].T
    for distance in (-7, 0, 3):
        along = np.diagonal(products, distance)
        np.testing.assert_allclose(along, along[0], rtol=0, atol=1e-12)
    np.testing.assert_allclose(turned(op, query)[:, 0], query[:, 0], rtol=1e-15)


def test_by_hand() -> None:
    x = np.zeros((1, 2, 6))
    x[0, 1] = v = np.arange(1.0, 7.0)
    fall = np.array([1.0, 100 ** -(1 / 3), 100 ** -(2 / 3)])
    cos, sin = np.cos(fall), np.sin(fall)
    halves = turned(RotaryEncoding(base=100.0), x)[0, 1]
    np.testing.assert_allclose(halves[:3], v[:3] * cos - v[3:] * sin, rtol=1e-14)
    np.testing.assert_allclose(halves[3:], v[3:] * cos + v[:3] * sin, rtol=1e-14)
    pairs = turned(RotaryEncoding(base=100.0, interleaved=True), x)[0, 1]
    np.testing.assert_allclose(pairs[0::2], v[0::2] * cos - v[1::2] * sin, rtol=1e-14)
    np.testing.assert_allclose(pairs[1::2], v[1::2] * cos + v[0::2] * sin, rtol=1e-14)


@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
@pytest.mark.parametrize("op", [RotaryEncoding(length=3), LearnedPositionalEncoding(length=3)])
def test_a_sequence_that_is_too_long_is_an_error(op: Op, backend: str) -> None:
    program = Program(single(op, (parse_type("f32[T, 6]"),)))
    weights = {name: np.ones(w.shape, np.float32) for name, w in program.graph.weights.items()}
    x = np.ones((2, 4, 6), np.float32)
    with pytest.raises(ValueError, match="is longer than 3 positions"):
        ReferenceRunner(program, weights).outputs({"x0": x})
    runner = BACKENDS[backend].load_runner()(program, weights)
    with pytest.raises(Exception, match=r"4"):
        runner.outputs({"x0": x})
