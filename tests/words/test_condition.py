"""Comparisons written as operators, and choosing between values."""

from __future__ import annotations

import numpy as np
import pytest

import nnc
from nnc.backends.registry import BACKENDS, REFERENCE

ALL = [*BACKENDS, REFERENCE.name]
X = np.array([[-1.0, 0.0, 2.0], [3.0, 0.5, 0.5]], np.float32)
Z = np.array([[0.5], [0.5]], np.float32)


def run(backend: str, *outputs: str) -> list[np.ndarray]:
    """What these outputs of x: f32[3] and z: f32[1] are."""
    lines = "\n".join(f"output y{i} = {text}" for i, text in enumerate(outputs))
    text = f"model M {{ input x: f32[3]\ninput z: f32[1]\n{lines}\n}}"
    program, diagnostics = nnc.compile_text(text)
    assert program is not None, diagnostics
    chosen = REFERENCE if backend == REFERENCE.name else BACKENDS[backend]
    found = chosen.load_runner()(program, {}).outputs({"x": X, "z": Z})
    return [found[f"y{i}"] for i in range(len(outputs))]


@pytest.mark.parametrize("backend", ALL)
def test_operators_compare_values(backend: str) -> None:
    found = run(backend, "x < z", "x <= z", "x > z", "x >= 0.5", "0.5 == x", "x != z", "z < x")
    expected = [X < Z, X <= Z, X > Z, X >= 0.5, X == 0.5, X != Z, Z < X]
    for made, wanted in zip(found, expected, strict=True):
        assert made.dtype == np.bool_
        assert (made == wanted).all()


@pytest.mark.parametrize("backend", ALL)
def test_conditions_are_joined_and_choose(backend: str) -> None:
    both, either, neither, chosen = run(
        backend, "x > 0 and x < 1", "x < 0 or x > 1", "not (x > 0)", "(x > z, x, z) -> where"
    )
    assert (both == ((X > 0) & (X < 1))).all()
    assert (either == ((X < 0) | (X > 1))).all()
    assert (neither == ~(X > 0)).all()
    np.testing.assert_array_equal(chosen, np.maximum(X, Z))


@pytest.mark.parametrize("backend", ALL)
def test_ranks_of_a_choice_are_made_equal(backend: str) -> None:
    text = """
    model M {
      input m: bool[3]
      input a: f32[2, 3]
      input b: f32
      output y = (m, a, b) -> where
    }
    """
    program, _ = nnc.compile_text(text)
    assert program is not None
    chosen = REFERENCE if backend == REFERENCE.name else BACKENDS[backend]
    m = np.array([[True, False, True], [False, False, True]])
    a = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    b = np.array([-1, -2], np.float32)
    found = chosen.load_runner()(program, {}).outputs({"m": m, "a": a, "b": b})["y"]
    np.testing.assert_array_equal(found, np.where(m[:, None], a, b[:, None, None]))


def test_constants_are_compared_at_compile_time() -> None:
    text = """
    param deep = true
    model M {
      input x: f32[3]
      output y = if deep and channels(x) == 3 { x -> relu } else { x }
    }
    """
    program, diagnostics = nnc.compile_text(text)
    assert program is not None, diagnostics
    assert [node.op.word for node in program.graph.nodes] == ["relu"]


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("if x > 0 { x } else { x }", "E401"),
        ("x > 0 and true", "E407"),
        ("not x", "E302"),
        ("x and x", "E302"),
        ("x == true", "E407"),
        ("x % 2", "E407"),
        ('x == "a"', "E407"),
        ("x < same", "E102"),
    ],
)
def test_what_is_refused(expression: str, code: str) -> None:
    text = f"model M {{ input x: f32[3]\noutput y = {expression}\n}}"
    program, diagnostics = nnc.compile_text(text)
    assert program is None
    assert [d.code for d in diagnostics if d.severity == "error"] == [code]
