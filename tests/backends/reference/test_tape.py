"""The tape itself, and parts of it that the tables reach only now and then."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from nnc.backends.reference import tape
from nnc.backends.reference.tape import Tensor


def gradient(y: Tensor, x: Tensor) -> np.ndarray:
    return tape.gradients([(y, np.ones(y.shape))], [x])[0]


def test_a_value_used_twice_gets_both_gradients() -> None:
    x = tape.variable([2.0, 3.0])
    assert gradient(x * x + x, x).tolist() == [5.0, 7.0]


def test_what_is_not_reached_has_a_gradient_of_zero() -> None:
    x, y = tape.variable([1.0]), tape.variable([[1.0, 2.0]])
    found = tape.gradients([(x * 2.0, np.ones(1))], [x, y])
    assert [g.tolist() for g in found] == [[2.0], [[0.0, 0.0]]]


def test_constants_remember_nothing() -> None:
    made = tape.exp(tape.constant([1.0]) * 2.0)
    assert not made.tracked
    assert made.sources == ()


def test_ten_thousand_operations_in_a_row_need_no_deep_stack() -> None:
    x = y = tape.variable([1.0])
    for _ in range(10 * sys.getrecursionlimit()):
        y = y + 0.0
    assert gradient(y, x).tolist() == [1.0]


def test_broadcast_gradients_are_summed() -> None:
    x = tape.variable(np.ones((3, 1)))
    y = tape.variable(np.ones(4))
    assert gradient(x * y, x).tolist() == [[4.0]] * 3
    assert gradient(x * y, y).tolist() == [3.0] * 4


@pytest.mark.parametrize(
    ("power", "expected"), [(0.0, [0.0, 0.0]), (1.0, [1.0, 1.0]), (2.0, [0.0, 6.0])]
)
def test_powers_at_zero(power: float, expected: list[float]) -> None:
    x = tape.variable([0.0, 3.0])
    assert gradient(x**power, x).tolist() == expected


def test_padding_and_cutting() -> None:
    x = tape.variable([[1.0, 2.0, 3.0]])
    y = tape.pad(x, ((0, 0), (-1, 2)), 9.0)
    assert y.value.tolist() == [[2.0, 3.0, 9.0, 9.0]]
    assert gradient(y, x).tolist() == [[0.0, 1.0, 1.0]]


def test_softplus_has_no_kink() -> None:
    x = tape.variable([0.0, -800.0, 800.0])
    assert gradient(tape.softplus(x), x).tolist() == [0.5, 0.0, 1.0]


def test_clip_lets_the_gradient_through_at_its_bounds() -> None:
    x = tape.variable([0.0, 0.5, 1.0, 1.5])
    assert gradient(tape.clip(x, 0.0, 1.0), x).tolist() == [1.0, 1.0, 1.0, 0.0]
