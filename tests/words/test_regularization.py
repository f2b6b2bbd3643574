"""What is drawn in training: the same numbers on every backend, their mean and their variance, and
what is drawn together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nnc.backends.base import Arrays
from nnc.backends.reference.run import ReferenceRunner
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary.ops.base import Op, parse_type
from nnc.compiler.vocabulary.ops.regularization import (
    SELU_LIMIT,
    AlphaDropout,
    Dropout,
    GaussianDropout,
    GaussianNoise,
    SpatialDropout,
)
from tests.backends.keras.programs import of_text
from tests.matrix.backends import Pair
from tests.matrix.examples import random_weights, single_precision

BOTH = pytest.mark.parametrize("backend", ["torch", "keras"])
N = 4000


def drawn(op: Op, type_: str, x: np.ndarray, step: int = 0) -> Any:
    """The result of training."""
    runner = ReferenceRunner(Program(single(op, (parse_type(type_),))), {})
    return runner.outputs({"x0": x}, training=True, step=step)["y0"]


def assert_mean(values: np.ndarray, mean: float, std: float) -> None:
    """The mean is within five standard deviations of what so many draws give."""
    assert abs(float(values.mean()) - mean) < 5 * std / values.size**0.5


def test_dropout_drops_its_share_and_scales_the_rest() -> None:
    x = np.full((N, 5), 2.0)
    y = drawn(Dropout(rate=0.2), "f32[5]", x)
    np.testing.assert_allclose(y[y != 0], 2.5, rtol=1e-15)
    assert_mean(y != 0, 0.8, 0.4)
    np.testing.assert_array_equal(drawn(Dropout(rate=0.2), "f32[5]", x), y)
    again = drawn(Dropout(rate=0.2), "f32[5]", x, step=1)
    # Independent of the first: both keep an element with probability 0.8².
    assert_mean((y != 0) & (again != 0), 0.64, 0.48)


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
@pytest.mark.parametrize("rank", [2, 3, 4])
def test_spatial_dropout_drops_whole_channels(layout: str, rank: int) -> None:
    channels = [5, *(3, 2, 4)[: rank - 1]]
    shape = channels if layout == "channels_first" else channels[1:] + channels[:1]
    op = SpatialDropout(rate=0.2).replace(layout=layout)
    y = drawn(op, f"f32[{', '.join(map(str, shape))}]", np.full((N, *shape), 2.0))
    kept = (np.moveaxis(y, -1, 1) if layout == "channels_last" else y).reshape(N, 5, -1)
    np.testing.assert_array_equal(kept, kept[:, :, :1].repeat(kept.shape[2], axis=2))
    np.testing.assert_allclose(kept[kept != 0], 2.5, rtol=1e-15)
    assert_mean(kept[:, :, 0] != 0, 0.8, 0.4)


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    rate = 0.2
    x = np.random.default_rng(2).normal(size=(N, 8))
    y = drawn(AlphaDropout(rate=rate), "f32[8]", x)
    a = ((1 - rate) * (1 + rate * SELU_LIMIT**2)) ** -0.5
    b = -a * rate * SELU_LIMIT
    np.testing.assert_allclose([a, b, a * SELU_LIMIT + b], [0.878904, 0.309040, -1.23616], 1e-5)
    dropped = np.isclose(y, a * SELU_LIMIT + b, rtol=1e-12)
    np.testing.assert_allclose(y[~dropped], (a * x + b)[~dropped], rtol=1e-12)
    assert_mean(dropped, rate, (rate * (1 - rate)) ** 0.5)
    assert_mean(y, 0.0, 1.0)
    # The square of a normal number has the standard deviation √2.
    assert_mean(y**2, 1.0, 2**0.5)


def test_gaussian_dropout_multiplies() -> None:
    factors = drawn(GaussianDropout(rate=0.2), "f32[8]", np.full((N, 8), 3.0)) / 3.0
    assert_mean(factors, 1.0, 0.5)
    assert_mean((factors - 1) ** 2, 0.25, 0.25 * 2**0.5)


def test_gaussian_noise_adds() -> None:
    x = np.random.default_rng(5).normal(size=(N, 8))
    y = drawn(GaussianNoise(std=0.3), "f32[8]", x)
    assert_mean(y - x, 0.0, 0.3)
    assert_mean((y - x) ** 2, 0.09, 0.09 * 2**0.5)


MODELS = {
    "channels first": """
        model M { input x: f32[3, 6, 5] output y = x -> Conv2D(4, 3, padding=same)
          -> Dropout(0.3) -> relu -> SpatialDropout(0.4) -> MaxPool2D(2) -> GaussianNoise(0.1)
          -> Conv2D(2, 2) -> AlphaDropout(0.2) -> Flatten -> GaussianDropout(0.1) -> Dense(3) }""",
    "channels last": """
        model M { layout channels_last input x: f32[6, 5, 3] output y = x
          -> Conv2D(4, 3, padding=same) -> Dropout(0.3) -> relu -> SpatialDropout(0.4)
          -> MaxPool2D(2) -> GaussianNoise(0.1) -> Conv2D(2, 2) -> AlphaDropout(0.2) -> Flatten
          -> GaussianDropout(0.1) -> Dense(3) }""",
    "free sizes": """
        model M { input x: f32[3, H, W] output y = x -> Conv2D(4, 3, padding=same)
          -> GaussianNoise(0.1) -> Dropout(0.3) -> GlobalAvgPool -> Dense(3) }""",
    "a block used twice": """
        block tower { input v output w = v -> Dense(4) -> Dropout(0.5) }
        model M { input x: f32[3] input z: f32[3] layer t = tower
          output y = (x -> t, z -> t) -> concat -> Dense(3) }""",
    "blocks in a row": """
        block part(rate) { input v output w = v -> Dense(4) -> Dropout(rate) -> relu }
        model M { input x: f32[4] output y = x -> part(0.2) -> part(0.2) -> part(0.5) }""",
    "a transformer": """
        model M { input x: f32[5, 4] output y = x -> TransformerEncoder(2, 7, dropout=0.3)
          -> TransformerEncoder(2, 7, dropout=0.3) }""",
}


def given(program: Program, batch: int) -> Arrays:
    rng = np.random.default_rng(4)
    sizes = {"H": 6, "W": 5}
    made: Arrays = {}
    for value in program.graph.inputs:
        shape = (d if isinstance(d, int) else sizes[str(d)] for d in value.type.shape)
        made[value.name] = single_precision(rng.normal(size=(batch, *shape)))
    return made


@BOTH
@pytest.mark.parametrize("name", MODELS)
def test_training_draws_the_same_in_any_network(name: str, backend: str) -> None:
    program = replace(of_text(MODELS[name]), seed=12)
    weights = random_weights(program.graph, np.random.default_rng(1))
    pair = Pair(backend, "float64", program, weights)
    inputs = given(program, 7)
    first = pair.check_outputs(inputs, training=True)["y"]
    second = pair.check_outputs(inputs, training=True, step=1)["y"]
    assert (first != second).any()
    pair.check_pullback(inputs, np.random.default_rng(2), training=True, step=3)
