"""The factors of the terms of a loss."""

from __future__ import annotations

import pytest

import nnc

SPEC = """
model M {{ input x: f32[4] output p = x -> Dense(3) }}
train {{ target y: f32[3] loss = {} optimizer = sgd(0.1) }}
"""


@pytest.mark.parametrize(
    ("loss", "factors"),
    [
        ("mse(p, y) / 2", [0.5]),
        ("(mse(p, y) + 3 * mae(p, y)) / 4", [0.25, 0.75]),
        ("2 * (mse(p, y) / 4) + mae(p, y)", [0.5, 1.0]),
        ("mse(p, y) * (1 / 4)", [0.25]),
    ],
)
def test_factors(loss: str, factors: list[float]) -> None:
    program, diagnostics = nnc.compile_text(SPEC.format(loss))
    assert program is not None, diagnostics
    assert program.training is not None
    assert [term.factor for term in program.training.losses] == factors


@pytest.mark.parametrize("loss", ["mse(p, y) / 0", "mse(p, y) / mae(p, y)", "2 / mse(p, y)"])
def test_what_is_no_factor(loss: str) -> None:
    program, diagnostics = nnc.compile_text(SPEC.format(loss))
    assert program is None
    assert len(diagnostics) == 1
