"""Convolutions against SciPy and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from nnc.backends.reference.run import ReferenceRunner
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary.ops.base import Op, parse_type
from nnc.compiler.vocabulary.ops.conv import Conv1D, Conv2D, Conv3D
from nnc.compiler.vocabulary.ops.conv_transpose import ConvTranspose2D
from nnc.compiler.vocabulary.ops.depthwise import DepthwiseConv2D, SeparableConv2D

Array = NDArray[Any]
RNG = np.random.default_rng(0)


def applied(op: Op, type_: str, x: Array, *weights: Array) -> Array:
    """The op on one example, with its weights in their order."""
    graph = single(op, (parse_type(type_),))
    named = dict(zip(graph.weights, weights, strict=True))
    return np.asarray(ReferenceRunner(Program(graph), named).outputs({"x0": x[None]})["y0"][0])


@pytest.mark.parametrize("mode", ["valid", "same", "full"])
def test_in_one_dimension(mode: Any) -> None:
    x, w = RNG.normal(size=11), RNG.normal(size=4)
    for flip, judge in ((True, np.convolve), (False, np.correlate)):
        op = Conv1D(filters=1, kernel=4, padding=mode, flip=flip, bias=False)
        found = applied(op, "f32[1, 11]", x[None], w[None, None])[0]
        expected = judge(x, w, "full")
        if mode == "valid":
            expected = judge(x, w, "valid")
        elif mode == "same":  # NumPy centres an even kernel one place further left
            expected = expected[2 : 2 + 11]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


def test_causal_looks_back_alone() -> None:
    x, w = RNG.normal(size=9), RNG.normal(size=3)
    op = Conv1D(filters=1, kernel=3, padding="causal", flip=True, bias=False)
    found = applied(op, "f32[1, 9]", x[None], w[None, None])[0]
    np.testing.assert_allclose(found, signal.lfilter(w, 1.0, x), rtol=0, atol=1e-14)


@pytest.mark.parametrize("mode", ["valid", "full"])
def test_in_two_and_three_dimensions(mode: Any) -> None:
    for op_type, sizes, kernel in (
        (Conv2D, (6, 7), (3, 2)),
        (Conv3D, (4, 5, 6), (2, 3, 2)),
    ):
        x, w = RNG.normal(size=sizes), RNG.normal(size=kernel)
        for flip, judge in ((True, signal.convolve), (False, signal.correlate)):
            op = op_type(filters=1, kernel=kernel, padding=mode, flip=flip, bias=False)
            found = applied(op, f"f32[{', '.join(map(str, (1, *sizes)))}]", x[None], w[None, None])
            expected = judge(x, w, mode, "direct")
            np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-13)


def test_depthwise_gives_channel_times_multiplier_plus_number() -> None:
    x, w = RNG.normal(size=(3, 6, 7)), RNG.normal(size=(6, 1, 2, 3))
    op = DepthwiseConv2D(kernel=(2, 3), multiplier=2, bias=False)
    found = applied(op, "f32[3, 6, 7]", x, w)
    for c in range(3):
        for m in range(2):
            expected = signal.correlate(x[c], w[2 * c + m, 0], "valid", "direct")
            np.testing.assert_allclose(found[2 * c + m], expected, rtol=0, atol=1e-14)


def test_separable_is_depthwise_and_then_a_mixture_of_channels() -> None:
    x, by_channel = RNG.normal(size=(3, 6, 7)), RNG.normal(size=(6, 1, 2, 3))
    mixing, bias = RNG.normal(size=(4, 6, 1, 1)), RNG.normal(size=4)
    middle = applied(
        DepthwiseConv2D(kernel=(2, 3), multiplier=2, bias=False), "f32[3, 6, 7]", x, by_channel
    )
    op = SeparableConv2D(filters=4, kernel=(2, 3), multiplier=2)
    found = applied(op, "f32[3, 6, 7]", x, by_channel, mixing, bias)
    expected = np.einsum("fc,chw->fhw", mixing[:, :, 0, 0], middle) + bias[:, None, None]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


def test_transposed_with_stride_1_is_the_full_true_convolution() -> None:
    x, w = RNG.normal(size=(1, 5, 6)), RNG.normal(size=(1, 1, 3, 2))
    found = applied(ConvTranspose2D(filters=1, kernel=(3, 2), bias=False), "f32[1, 5, 6]", x, w)
    expected = signal.convolve2d(x[0], w[0, 0])
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-14)
