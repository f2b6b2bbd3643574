"""Which elements of weights are told not to be compared, because rounding alone moves them."""

from __future__ import annotations

import numpy as np

from nnc.verify.idle import Idle


def found(**gradients: list[float]) -> dict[str, list[bool]]:
    idle = Idle(dict.fromkeys(gradients, "layer"))
    idle.watch({name: np.array(gradient) for name, gradient in gradients.items()})
    return {name: mask.tolist() for name, mask in idle.elements().items()}


def test_what_rounding_leaves_is_idle_also_where_it_leaves_0() -> None:
    assert found(weight=[1.0, 0.5], bias=[3e-17, 0.0, -1e-16]) == {"bias": [True, True, True]}


def test_a_gradient_is_compared() -> None:
    assert found(weight=[1.0, 0.5], bias=[3e-5, 0.0]) == {}


def test_a_weight_of_which_nothing_but_0_was_seen_is_compared() -> None:
    assert found(weight=[1.0, 0.5], bias=[0.0, 0.0]) == {}


def test_one_larger_gradient_is_enough() -> None:
    idle = Idle({"weight": "layer", "bias": "layer"})
    for bias in ([1e-17, 1e-17], [1e-17, 0.1]):
        idle.watch({"weight": np.array([1.0]), "bias": np.array(bias)})
    assert {n: m.tolist() for n, m in idle.elements().items()} == {"bias": [True, False]}
