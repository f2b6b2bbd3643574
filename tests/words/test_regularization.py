"""What is drawn in training: its mean, its variance, and what is drawn together."""

from __future__ import annotations

import numpy as np
import pytest

from nnc.backends.registry import BACKENDS
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary.ops.base import Op, parse_type
from nnc.compiler.vocabulary.ops.regularization import (
    AlphaDropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout,
)

BOTH = pytest.mark.parametrize("backend", ["torch", "keras"])
N = 4000
LIMIT = -1.0507009873554805 * 1.6732632423543772
"""What selu tends to far below 0."""


def twice(backend: str, op: Op, type_: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two results of training on the same input."""
    runner = BACKENDS[backend].load_runner()(Program(single(op, (parse_type(type_),))), {})
    first = runner.outputs({"x0": x.astype(np.float32)}, training=True)["y0"]
    return first, runner.outputs({"x0": x.astype(np.float32)}, training=True)["y0"]


def assert_mean(values: np.ndarray, mean: float, std: float) -> None:
    """The mean is within five standard deviations of what so many draws give."""
    assert abs(float(values.mean()) - mean) < 5 * std / values.size**0.5


@BOTH
@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
@pytest.mark.parametrize("rank", [2, 3, 4])
def test_spatial_dropout_drops_whole_channels(backend: str, layout: str, rank: int) -> None:
    channels = [5, *(3, 2, 4)[: rank - 1]]
    shape = channels if layout == "channels_first" else channels[1:] + channels[:1]
    op = SpatialDropout(rate=0.2).replace(layout=layout)
    x = np.full((N, *shape), 2.0)
    y, again = twice(backend, op, f"f32[{', '.join(map(str, shape))}]", x)
    kept = (np.moveaxis(y, -1, 1) if layout == "channels_last" else y).reshape(N, 5, -1)
    np.testing.assert_array_equal(kept, kept[:, :, :1].repeat(kept.shape[2], axis=2))
    np.testing.assert_allclose(kept[kept != 0], 2.5, rtol=1e-6)
    assert_mean(kept[:, :, 0] != 0, 0.8, 0.4)
    assert (y != again).any()


@BOTH
def test_alpha_dropout_keeps_mean_and_variance(backend: str) -> None:
    rate = 0.2
    x = np.random.default_rng(2).normal(size=(N, 8))
    y, again = twice(backend, AlphaDropout(rate=rate), "f32[8]", x)
    a = ((1 - rate) * (1 + rate * LIMIT**2)) ** -0.5
    b = -a * rate * LIMIT
    np.testing.assert_allclose([a, b, a * LIMIT + b], [0.878904, 0.309040, -1.23616], rtol=1e-5)
    dropped = np.isclose(y, a * LIMIT + b, rtol=1e-5)
    np.testing.assert_allclose(y[~dropped], (a * x + b)[~dropped], rtol=2e-5, atol=1e-5)
    assert_mean(dropped, rate, (rate * (1 - rate)) ** 0.5)
    assert_mean(y, 0.0, 1.0)
    # The square of a normal number has the standard deviation √2.
    assert_mean(y**2, 1.0, 2**0.5)
    assert (y != again).any()


@BOTH
def test_gaussian_dropout_multiplies(backend: str) -> None:
    y, again = twice(backend, GaussianDropout(rate=0.2), "f32[8]", np.full((N, 8), 3.0))
    factors = y / 3.0
    assert_mean(factors, 1.0, 0.5)
    assert_mean((factors - 1) ** 2, 0.25, 0.25 * 2**0.5)
    assert (y != again).any()


@BOTH
def test_gaussian_noise_adds(backend: str) -> None:
    x = np.random.default_rng(5).normal(size=(N, 8)).astype(np.float32)
    y, again = twice(backend, GaussianNoise(std=0.3), "f32[8]", x)
    assert_mean(y - x, 0.0, 0.3)
    assert_mean((y - x) ** 2, 0.09, 0.09 * 2**0.5)
    assert (y != again).any()
