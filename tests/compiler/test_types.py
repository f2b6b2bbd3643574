"""Dimensions that are free at run time: equal formulas are equal dimensions."""

from __future__ import annotations

import pytest

import nnc
from nnc.compiler.types import Dim, Symbol, add, broadcast, floor_divide, multiply

T = Symbol("T")


@pytest.mark.parametrize(
    ("dim", "name"),
    [
        (add(T, 0), "T"),
        (add(add(T, -3), 3), "T"),
        (add(add(T, 2), 1), "T + 3"),
        (add(add(T, 2), -3), "T - 1"),
        (add(floor_divide(add(T, -3), 2), 1), "(T - 3) // 2 + 1"),
        (multiply(add(T, -1), 2), "(T - 1) * 2"),
        (multiply(1, T), "T"),
        (add(multiply(T, 2), 1), "T * 2 + 1"),
        (multiply(3, 4), "12"),
    ],
)
def test_formulas(dim: Dim, name: str) -> None:
    assert str(dim) == name


def test_broadcasting_joins_equal_names_only() -> None:
    assert broadcast((T, 3), (1, 3)) == (T, 3)
    assert broadcast((T, 3), (Symbol("S"), 3)) is None
    assert broadcast((4, 1), (5,)) == (4, 5)


def test_a_free_size_survives_a_padded_convolution() -> None:
    text = """
    model M {
      input  image: f32[3, H, W]
      output y = image + (image -> Conv2D(3, 3, padding=same) -> Conv2D(3, 5, padding=2))
    }
    """
    program, diagnostics = nnc.compile_text(text)
    assert not diagnostics
    assert program is not None
    assert str(program.graph.outputs[0].value.type) == "f32[3, H, W]"


@pytest.mark.parametrize("dtype", ["f16", "bf16", "f64"])
def test_only_f32_is_computed_in(dtype: str) -> None:
    _, found = nnc.compile_text(f"model M {{ input x: {dtype}[3] output y = x -> Dense(2) }}")
    assert [d.code for d in found] == ["E311"]
