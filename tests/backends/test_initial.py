"""Initial weights: a stable stream, exact distributions, the bounds that were asked for."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import truncnorm

from nnc import compile_text
from nnc.backends import initial
from nnc.backends.normal import quantile
from nnc.compiler.diagnostics import Failed
from nnc.compiler.ir import single
from nnc.compiler.vocabulary import initializers
from nnc.compiler.vocabulary.base import words
from nnc.compiler.vocabulary.initializers import Constant, GlorotUniform, Initializer, Normal
from nnc.compiler.vocabulary.ops.activation import Relu
from nnc.compiler.vocabulary.ops.base import Weight, parse_type
from nnc.compiler.vocabulary.ops.dense import Dense


def _philox_words(key: int, count: int) -> list[int]:
    """Philox 4x64 with ten rounds as its authors describe it, counting from 1 as NumPy does."""
    mask = 2**64 - 1
    made: list[int] = []
    for counter in range(1, -(-count // 4) + 1):
        block, (k0, k1) = [counter, 0, 0, 0], (key & mask, key >> 64)
        for _ in range(10):
            a, b = block[0] * 0xD2E7470EE14C6C93, block[2] * 0xCA5A826395121157
            block = [(b >> 64) ^ block[1] ^ k0, b & mask, (a >> 64) ^ block[3] ^ k1, a & mask]
            k0, k1 = (k0 + 0x9E3779B97F4A7C15) & mask, (k1 + 0xBB67AE8584CAA73B) & mask
        made += block
    return made[:count]


def test_the_stream_is_philox_keyed_by_seed_and_name() -> None:
    key = int.from_bytes(hashlib.sha256(b"7/dense.weight").digest()[:16], "little")
    step = 2 * math.sqrt(6 / 9) * 2.0**-53
    expected = [
        np.float32((word >> 11) * step + (step / 2 - math.sqrt(6 / 9)))
        for word in _philox_words(key, 20)
    ]
    drawn = initial.draw(Weight("weight", (4, 5), GlorotUniform(), 5, 4), "dense.weight", 7)
    assert drawn.dtype == np.float32
    np.testing.assert_array_equal(drawn.ravel(), expected)


def test_an_element_does_not_depend_on_how_many_there_are() -> None:
    few = initial.draw(Weight("w", (1000,), Normal(std=1.0)), "w", 0)
    many = initial.draw(Weight("w", (300_000,), Normal(std=1.0)), "w", 0)
    np.testing.assert_array_equal(few, many[:1000])


def test_the_normal_quantile_is_exact_to_rounding() -> None:
    u = np.concatenate(
        [
            np.linspace(1e-6, 1 - 1e-6, 100_001),
            10.0 ** -np.arange(1.0, 300.0),
            1 - 2.0 ** -np.arange(2.0, 53.0),
            [2.0**-54],
        ]
    )
    expected = ndtri(u)
    assert np.max(np.abs(quantile(u) - expected) / np.maximum(np.abs(expected), 1e-3)) < 2e-15


@pytest.mark.parametrize(
    ("init", "mean", "deviation"),
    [
        (initializers.Uniform(low=-1.0, high=3.0), 1.0, 4 / math.sqrt(12)),
        (initializers.Normal(mean=2.0, std=0.5), 2.0, 0.5),
        (initializers.GlorotUniform(), 0.0, math.sqrt(2 / 50)),
        (initializers.GlorotNormal(), 0.0, math.sqrt(2 / 50)),
        (initializers.HeUniform(), 0.0, math.sqrt(2 / 20)),
        (initializers.HeNormal(), 0.0, math.sqrt(2 / 20)),
    ],
)
def test_distributions_have_their_mean_and_deviation(
    init: Initializer, mean: float, deviation: float
) -> None:
    drawn = initial.draw(Weight("w", (400, 500), init, 20, 30), "w", 3).astype(np.float64)
    tolerance = 5 * deviation / math.sqrt(drawn.size)
    assert abs(drawn.mean() - mean) < tolerance
    assert abs(drawn.std() - deviation) < tolerance


def test_uniform_draws_stay_within_their_bounds() -> None:
    drawn = initial.draw(Weight("w", (300_000,), GlorotUniform(), 2, 4), "w", 0)
    assert np.abs(drawn).max() <= np.float32(1.0)


@pytest.mark.parametrize("shape", [(12, 3), (3, 12), (5, 5), (4, 2, 3), (7,)])
def test_orthogonal_rows_or_columns_are_orthonormal(shape: tuple[int, ...]) -> None:
    drawn = initial.draw(Weight("w", shape, initializers.Orthogonal()), "w", 0)
    matrix = drawn.reshape(shape[0], -1).astype(np.float64)
    gram = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-6)


def test_every_initialiser_has_a_rule() -> None:
    for word in words("initializer"):
        init = Constant(value=2.0) if word is Constant else word()
        assert isinstance(init, Initializer)
        assert np.isfinite(initial.draw(Weight("w", (3, 4), init, 4, 3), "w", 0)).all()


def test_a_graph_gets_each_weight_once_in_order_whatever_else_is_there() -> None:
    graph = single(Dense(units=3), (parse_type("f32[4]"),))
    drawn = initial.weights(graph, seed=5)
    assert list(drawn) == ["dense.weight", "dense.bias"]
    np.testing.assert_array_equal(
        drawn["dense.weight"], initial.draw(graph.weights["dense.weight"], "dense.weight", 5)
    )
    assert not drawn["dense.bias"].any()


def test_a_graph_may_have_no_weights() -> None:
    assert initial.weights(single(Relu(), (parse_type("f32[4]"),)), 1) == {}


def test_threads_change_nothing() -> None:
    graph = single(Dense(units=1200, weight_init=Normal()), (parse_type("f32[1000]"),))
    drawn = initial.weights(graph, seed=1)["dense.weight"]
    alone = initial.draw(graph.weights["dense.weight"], "dense.weight", 1)
    np.testing.assert_array_equal(drawn, alone)


def test_literals_win_over_the_initialiser() -> None:
    op = Dense(units=2, weight=((1.0, 2.5, -1.0), (0.0, 1e-3, 4)), bias=(0.5, -0.5))
    drawn = initial.weights(single(op, (parse_type("f32[3]"),)), seed=0)
    np.testing.assert_array_equal(
        drawn["dense.weight"], np.array([[1, 2.5, -1], [0, 1e-3, 4]], np.float32)
    )
    np.testing.assert_array_equal(drawn["dense.bias"], [0.5, -0.5])


@pytest.mark.parametrize(
    "weight",
    [
        Weight("w", (2,), Constant(value=1e39)),
        Weight("w", (2,), initializers.Uniform(low=0.0, high=1e300)),
        Weight("w", (2,), Normal(std=1e200)),
        Weight("w", (2,), value=(1.0, 1e60)),
    ],
)
def test_numbers_beyond_float32_are_refused(weight: Weight) -> None:
    with pytest.raises(Failed) as failed:
        initial.draw(weight, "dense.w", 0)
    (diagnostic,) = failed.value.diagnostics
    assert diagnostic.code == "E607"
    assert "`dense.w`" in diagnostic.message


def test_a_truncated_normal_is_cut_at_two_deviations_and_not_scaled() -> None:
    init = initializers.TruncatedNormal(mean=1.0, std=0.5)
    drawn = initial.draw(Weight("w", (500_000,), init), "w", 0).astype(np.float64) - 1.0
    assert 0.99999 < np.abs(drawn).max() <= 1.0
    assert drawn.std() / 0.5 == pytest.approx(0.87962566, abs=2e-3)
    shares = np.sort(drawn / 0.5)
    inside = truncnorm(-2, 2).cdf(shares)
    np.testing.assert_allclose(inside, (np.arange(500_000) + 0.5) / 500_000, atol=3e-3)


def test_a_truncated_normal_is_the_quantile_of_a_uniform_draw() -> None:
    init = initializers.TruncatedNormal(std=1.0)
    drawn = initial.draw(Weight("w", (3, 5), init), "dense.weight", 7)
    key = int.from_bytes(hashlib.sha256(b"7/dense.weight").digest()[:16], "little")
    u = [((word >> 11) + 0.5) * 2.0**-53 for word in _philox_words(key, 15)]
    np.testing.assert_allclose(drawn.ravel(), truncnorm(-2, 2).ppf(u), rtol=1e-6)


def test_lecun_has_a_variance_of_one_over_fan_in() -> None:
    uniform = initial.draw(Weight("w", (200_000,), initializers.LecunUniform(), 12, 5), "w", 0)
    normal = initial.draw(Weight("w", (200_000,), initializers.LecunNormal(), 12, 5), "w", 0)
    assert np.abs(uniform).max() <= 0.5
    for drawn in (uniform, normal):
        assert drawn.astype(np.float64).var() == pytest.approx(1 / 12, rel=1e-2)


def test_the_identity_of_a_matrix() -> None:
    drawn = initial.draw(Weight("w", (2, 3), initializers.Identity(gain=1.5)), "w", 0)
    assert drawn.tolist() == [[1.5, 0, 0], [0, 1.5, 0]]


@pytest.mark.parametrize(
    ("layer", "blamed"),
    [
        ("Conv2D(4, 2, weight_init=identity)", "identity"),
        ("Flatten -> Dense(4, bias_init=identity(2.0))", "identity(2.0)"),
    ],
)
def test_the_identity_of_anything_else_is_refused(layer: str, blamed: str) -> None:
    text = f"model M {{ input x: f32[3, 5, 5] output y = x -> {layer} }}"
    program, (diagnostic,) = compile_text(text)
    assert program is None
    assert diagnostic.code == "E203"
    assert diagnostic.span is not None
    assert diagnostic.span.text == blamed
