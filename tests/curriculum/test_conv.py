"""The lectures' convolutions, pooling and padding, with their numbers, on every backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from nnc.backends import initial
from nnc.backends.base import Arrays
from nnc.backends.registry import BACKENDS, REFERENCE
from nnc.loading import compile_file

SPECS = Path(__file__).parents[2] / "specs" / "curriculum"
everywhere = pytest.mark.parametrize("backend", [*BACKENDS, REFERENCE.name])

X = np.array([[2, 1, 2], [5, 0, 1], [1, 7, 3]], np.float32)
W = np.array([[0.5, 0.7, 0.4], [0.3, 0.4, 0.1], [0.5, 1, 0.5]])
X1 = [
    [10, 255, 125, 0, 170, 100],
    [70, 255, 105, 25, 25, 70],
    [255, 0, 150, 0, 10, 10],
    [0, 255, 10, 10, 150, 20],
    [70, 15, 200, 100, 95, 0],
    [25, 25, 100, 20, 0, 60],
]
X2 = [
    [100, 100, 100, 50, 100, 50],
    [95, 255, 100, 125, 125, 170],
    [80, 40, 10, 10, 125, 150],
    [255, 30, 150, 20, 120, 125],
    [30, 30, 150, 100, 70, 70],
    [70, 30, 100, 200, 70, 95],
]
BOTH = np.array([X1, X2], np.float32)


def outputs(spec: str, backend: str, **inputs: NDArray[Any]) -> Arrays:
    """The outputs for one example."""
    program, _ = compile_file(SPECS / f"{spec}.nn")
    assert program is not None
    chosen = REFERENCE if backend == REFERENCE.name else BACKENDS[backend]
    runner = chosen.load_runner()(program, initial.weights(program.graph, 0))
    found = runner.outputs({name: x[None].astype(np.float32) for name, x in inputs.items()})
    return {name: np.asarray(y)[0] for name, y in found.items()}


def equal(found: NDArray[Any], expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@everywhere
def test_in_one_dimension(backend: str) -> None:
    x, w = np.array([3, 1, 4, 1, 5, 9], np.float32), np.array([1, 2, -1], np.float32)
    found = outputs("conv1d", backend, x=x[None])
    equal(found["full"][0], np.convolve(x, w, "full"))
    equal(found["same"][0], signal.convolve(x, w, "same"))
    equal(found["valid"][0], signal.convolve(x, w, "valid"))
    equal(found["strided"][0], signal.convolve(x, w, "same")[::2])
    equal(found["correlated"][0], signal.correlate(x, w, "valid"))
    sizes = {name: y.shape[1] for name, y in found.items()}
    assert sizes == {"full": 8, "same": 6, "valid": 4, "strided": 3, "correlated": 4}


@everywhere
def test_in_two_dimensions(backend: str) -> None:
    found = outputs("conv2d", backend, x=X[None])
    equal(found["y"][0], [[4.6, 3.7, 1.6], [8.7, 10.6, 7.8], [7.5, 6.8, 2.9]])
    equal(found["y"][0], signal.convolve2d(X, W, "same"))
    equal(found["strided"][0], [[4.6, 1.6], [7.5, 2.9]])
    equal(found["correlated"][0], signal.correlate2d(X, W, "same"))


@everywhere
def test_a_cross_in_a_binary_image(backend: str) -> None:
    image = "11100 01110 00111 00110 01100"
    x = np.array([[int(pixel) for pixel in row] for row in image.split()])
    found = outputs("binary_image", backend, x=x[None])
    equal(found["y"][0], [[4, 3, 4], [2, 4, 3], [2, 3, 4]])
    equal(found["wide"][0], [[29]])


@everywhere
def test_pooling_of_two_matrices(backend: str) -> None:
    found = outputs("pooling", backend, x=BOTH)
    for channel in range(2):
        largest = [[255, 125, 170], [255, 150, 150], [70, 200, 95]]
        equal(found["max2"][channel], largest)
    for size in (2, 3):
        parts = 6 // size
        windows = BOTH.reshape(2, parts, size, parts, size)
        equal(found[f"max{size}"], windows.max((2, 4)))
        equal(found[f"mean{size}"], windows.mean((2, 4)))


@everywhere
def test_pooling_in_one_two_and_three_dimensions(backend: str) -> None:
    rng = np.random.default_rng(0)
    given = {
        "series": rng.normal(size=(2, 9)),
        "image": rng.normal(size=(2, 6, 8)),
        "volume": rng.normal(size=(2, 4, 6, 8)),
    }
    windows = {
        "series": ((2, 3, 3), (2,)),
        "image": ((2, 2, 3, 4, 2), (2, 4)),
        "volume": ((2, 2, 2, 3, 2, 4, 2), (2, 4, 6)),
    }
    found = outputs("pooling_axes", backend, **given)
    for axes, (name, x) in enumerate(given.items(), 1):
        shape, inside = windows[name]
        spatial = tuple(range(1, axes + 1))
        equal(found[f"max{axes}"], x.reshape(shape).max(inside))
        equal(found[f"mean{axes}"], x.reshape(shape).mean(inside))
        equal(found[f"all_max{axes}"], x.max(spatial))
        equal(found[f"all_mean{axes}"], x.mean(spatial))


@everywhere
def test_padding_of_a_row(backend: str) -> None:
    found = outputs("padding", backend, x=np.array([[1, 2, 3, 4]]))
    equal(found["zeros"][0], [0, 0, 1, 2, 3, 4, 0, 0])
    equal(found["constant"][0], [7, 7, 1, 2, 3, 4, 7, 7])
    equal(found["reflected"][0], [3, 2, 1, 2, 3, 4, 3, 2])
    equal(found["replicated"][0], [1, 1, 1, 2, 3, 4, 4, 4])
