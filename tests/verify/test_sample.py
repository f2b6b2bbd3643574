"""What is drawn fits: numbers below a vocabulary, sizes that all layers take, no constants."""

from __future__ import annotations

import numpy as np
import pytest

import nnc
from nnc.compiler.ir import Program
from nnc.compiler.types import Symbol
from nnc.verify import sample


def compiled(text: str) -> Program:
    program, diagnostics = nnc.compile_text(text, "net.nn")
    assert program is not None, diagnostics
    return program


def drawn(text: str) -> dict[str, np.ndarray]:
    return sample.inputs(compiled(text).graph, 50, np.random.default_rng(0))


def test_numbers_stay_below_the_vocabulary_they_reach() -> None:
    words = drawn("model Tags { input x: i64[T]\n output y = x -> Embedding(3, 2) }")["x"]
    assert set(np.unique(words)) == {0, 1, 2}


def test_the_smallest_vocabulary_counts() -> None:
    spec = """
    model Two {
      input x: i64[4]
      a = x -> Embedding(30, 2)
      b = x -> Unsqueeze(0) -> Embedding(2, 2) -> Reshape([4, 2])
      output y = a + b
    }
    """
    assert drawn(spec)["x"].max() == 1


def test_masks_are_mixed() -> None:
    spec = """
    model Masked {
      input x: f32[5, 4]
      input m: bool[5]
      output y = (x, x, x, m) -> MultiHeadAttention(2)
    }
    """
    mask = drawn(spec)["m"]
    assert mask.dtype == bool
    assert 0 < mask.mean() < 1


def test_sizes_are_large_enough_and_differ() -> None:
    pools = " -> MaxPool2D(2)" * 4
    graph = compiled(f"model Deep {{ input x: f32[1, H, W]\n output y = x{pools} }}").graph
    sizes = sample.symbols(graph)
    assert min(sizes.values()) >= 16
    assert len(set(sizes.values())) == 2


def test_sizes_stay_below_a_limit() -> None:
    spec = "model Short { input x: f32[T, 4]\n output y = x -> PositionalEncoding(3) }"
    graph = compiled(spec).graph
    assert sample.symbols(graph)[Symbol("T")] <= 3


def test_without_a_size_that_fits_data_is_asked_for() -> None:
    spec = """
    model Never {
      input x: f32[T, 4]
      output y = x -> PositionalEncoding(2) -> Unsqueeze(0) -> MaxPool2D([3, 1])
    }
    """
    with pytest.raises(ValueError, match="`T`"):
        drawn(spec)


def test_targets_fit_their_losses() -> None:
    spec = """
    model Net {
      input x: f32[6]
      output c = x -> Dense(3)
      output p = x -> Dense(2) -> sigmoid
      output v = x -> Dense(4)
    }
    train {
      target classes: i64
      target bits: f32[2]
      target values: f32[4]
      loss = cross_entropy(c, classes) + binary_cross_entropy(p, bits) + mse(v, values)
      optimizer = sgd(0.1)
      epochs = 1
    }
    """
    program = compiled(spec)
    rng = np.random.default_rng(0)
    targets = sample.targets(program, sample.inputs(program.graph, 50, rng), rng)
    assert set(np.unique(targets["classes"])) == {0, 1, 2}
    assert 0 <= targets["bits"].min() < targets["bits"].max() <= 1
    assert targets["values"].min() < 0


def test_no_weight_is_left_at_a_constant() -> None:
    spec = "model Net { input x: f32[6]\n output y = x -> Dense(3) -> BatchNorm }"
    graph = compiled(spec).graph
    weights = sample.weights(graph, 0)
    for name, weight in weights.items():
        assert weight.shape == graph.weights[name].shape
        assert weight.dtype == np.float32
        assert np.ptp(weight) > 0, name
    variance = next(w for n, w in weights.items() if n.endswith("running_var"))
    assert variance.min() > 0


def test_what_the_spec_fixes_stays() -> None:
    spec = """
    model Net {
      input x: f32[2, 2]
      output y = x -> Dense(1, weight=[[1, 1]]) as dense -> LSTM(3)
    }
    """
    graph = compiled(spec).graph
    weights = sample.weights(graph, 0)
    literal = weights["dense.weight"]
    assert literal.tolist() == [[1.0, 1.0]]
    fixed = next(w for n, w in weights.items() if "bias_hh" in n)
    assert not fixed.any()


def test_numbers_of_places_lie_among_them() -> None:
    found = drawn(
        "model M { input x: f32[T, 3] input rows: i64[2] input column: i64 "
        "a = (x, rows) -> Gather output y = (a, column -> Unsqueeze(0)) -> Gather(1) }"
    )
    assert set(np.unique(found["rows"])) == set(range(found["x"].shape[1]))
    assert set(np.unique(found["column"])) == {0, 1, 2}
