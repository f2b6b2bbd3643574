"""Parts along an axis: what they are called, and axes that turn out too short."""

from __future__ import annotations

import numpy as np
import pytest

import nnc
from nnc.backends.registry import BACKENDS, REFERENCE
from nnc.compiler.ir import Program

ALL = [*BACKENDS, REFERENCE.name]


def program_of(text: str) -> Program:
    program, diagnostics = nnc.compile_text(text)
    assert program is not None, diagnostics
    return program


@pytest.mark.parametrize("backend", ALL)
@pytest.mark.parametrize("part", ["Slice(0, 0, 3)", "Slice(0, -3)"])
def test_an_axis_that_is_too_short_is_an_error(backend: str, part: str) -> None:
    program = program_of(f"model M {{ input x: f32[T, 2]\noutput y = x -> {part}\n}}")
    chosen = REFERENCE if backend == REFERENCE.name else BACKENDS[backend]
    runner = chosen.load_runner()(program, {})
    x = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    np.testing.assert_array_equal(runner.outputs({"x": x})["y"], x)
    with pytest.raises(Exception, match=r"(?i)range|bounds|elements|indices|exceed"):
        runner.outputs({"x": x[:, :2]})


@pytest.mark.parametrize("backend", ALL)
def test_parts_have_names(backend: str) -> None:
    program = program_of(
        """
        model M {
          input x: f32[5]
          a, b = x -> Split(sizes=[2, 3])
          _, c = x -> Slice(0, 1) -> Split(2) as half
          output y = (b, a) -> concat
          output z = c
          output w = half.part0
        }
        """
    )
    chosen = REFERENCE if backend == REFERENCE.name else BACKENDS[backend]
    x = np.arange(10, dtype=np.float32).reshape(2, 5)
    found = chosen.load_runner()(program, {}).outputs({"x": x})
    np.testing.assert_array_equal(found["y"], x[:, [2, 3, 4, 0, 1]])
    np.testing.assert_array_equal(found["z"], x[:, 3:])
    np.testing.assert_array_equal(found["w"], x[:, 1:3])


@pytest.mark.parametrize("backend", ALL)
def test_a_slice_of_channels_last_is_the_spec_s(backend: str) -> None:
    program = program_of(
        """
        model M {
          layout channels_last
          input x: f32[4, 5, 2]
          output y = x -> MaxPool2D(2, stride=1) -> Slice(1, 1, 3) -> Repeat(2, axis=0)
          output z = x -> MaxPool2D(2, stride=1) -> Slice(-1, 1) -> Squeeze(2)
        }
        """
    )
    chosen = REFERENCE if backend == REFERENCE.name else BACKENDS[backend]
    x = np.random.default_rng(0).normal(size=(3, 4, 5, 2)).astype(np.float32)
    pooled = np.max([x[:, i : i + 3, j : j + 4] for i in (0, 1) for j in (0, 1)], axis=0)
    found = chosen.load_runner()(program, {}).outputs({"x": x})
    np.testing.assert_array_equal(found["y"], np.tile(pooled[:, :, 1:3], (1, 2, 1, 1)))
    np.testing.assert_array_equal(found["z"], pooled[..., 1])
