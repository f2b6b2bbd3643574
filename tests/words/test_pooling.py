"""Pooling and resizing against NumPy, SciPy and PyTorch, at sizes that the examples don't have."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from scipy import ndimage

from nnc.backends.interpolation import averages, linear, nearest, window_places
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.registry import BACKENDS
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary.ops.base import Op, parse_type
from nnc.compiler.vocabulary.ops.pooling import AvgPool3D, GlobalMaxPool, MaxPool3D
from nnc.compiler.vocabulary.ops.resize import Upsample

Array = NDArray[Any]
SIZES = [(n, o) for n in range(1, 20) for o in range(1, 24)]


def runner_of(op: Op, type_: str) -> ReferenceRunner:
    return ReferenceRunner(Program(single(op, (parse_type(type_),))), {})


def test_a_window_that_moves_by_1_is_a_filter_of_an_image() -> None:
    x = np.random.default_rng(0).normal(size=(1, 1, 6, 7, 8))
    for op, judge in (
        (MaxPool3D(kernel=3, stride=1, padding="same"), ndimage.maximum_filter),
        (AvgPool3D(kernel=3, stride=1, padding=1), ndimage.uniform_filter),
    ):
        found = runner_of(op, "f32[1, 6, 7, 8]").outputs({"x0": x})["y0"]
        expected = judge(x[0, 0], 3, mode="constant", cval=0.0 if "Avg" in op.word else -np.inf)
        np.testing.assert_allclose(found[0, 0], expected, rtol=0, atol=1e-13)


def test_equal_largest_elements_share_the_gradient() -> None:
    x = np.array([[[1.0, 3.0, 3.0, 2.0, 3.0]]])
    runner = runner_of(GlobalMaxPool(), "f32[1, 5]")
    gradients, _ = runner.pullback({"x0": x}, {"y0": np.array([[6.0]])})
    np.testing.assert_allclose(gradients["x0"], [[[0, 2, 2, 0, 2]]], rtol=1e-15)


def test_adaptive_windows_are_pytorchs() -> None:
    for before, after in SIZES:
        x = torch.eye(before, dtype=torch.float64)
        expected = F.adaptive_avg_pool1d(x[None], after)[0].T
        np.testing.assert_allclose(averages(before, after), expected, rtol=0, atol=1e-15)
        y = torch.randn(before, dtype=torch.float64)
        largest = y.numpy()[window_places(before, after)].max(1)
        np.testing.assert_array_equal(largest, F.adaptive_max_pool1d(y[None], after)[0])


@pytest.mark.parametrize("align_corners", [False, True])
def test_linear_interpolation_is_pytorchs(align_corners: bool) -> None:
    for before, after in SIZES:
        x = torch.eye(before, dtype=torch.float64)
        expected = F.interpolate(x[None], size=after, mode="linear", align_corners=align_corners)[
            0
        ].T
        found = linear(before, after, align_corners)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


def test_the_nearest_element_is_pytorchs() -> None:
    for before in range(1, 70):
        for after in range(1, 70):
            x = torch.arange(before, dtype=torch.float64)
            expected = F.interpolate(x[None, None], size=after, mode="nearest")[0, 0]
            np.testing.assert_array_equal(nearest(before, after), expected)


@pytest.mark.parametrize("backend", ["torch", "onnx"])
@pytest.mark.parametrize(("before", "after"), [(28, 2), (28, 4), (2, 166), (50, 60), (3, 246)])
def test_the_nearest_element_is_not_a_rounded_one(backend: str, before: int, after: int) -> None:
    """Sizes at which PyTorch or onnxruntime by themselves take a neighbour."""
    x = np.arange(before, dtype=np.float32)[None, None]
    program = Program(single(Upsample(output_size=after), (parse_type(f"f32[1, {before}]"),)))
    found = BACKENDS[backend].load_runner()(program, {}).outputs({"x0": x})["y0"]
    np.testing.assert_array_equal(found[0, 0], np.arange(after) * before // after)
