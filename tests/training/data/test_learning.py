"""What is learnt in parts is what is learnt from the whole, bit by bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnc.backends.pieces import preparations
from nnc.training.data import learning

RNG = np.random.default_rng(2)
NUMBERS = RNG.normal(1e3, 7, (1003, 3))
HOLES = np.where(RNG.random((1003, 3)) < 0.2, np.nan, np.round(NUMBERS))
TEXTS = np.array([f"{'abc'[i % 3]} word{i % 7}!" for i in range(1003)])


@pytest.mark.parametrize(
    ("name", "x", "arguments"),
    [
        ("moments", NUMBERS, ()),
        ("extent", NUMBERS, ()),
        ("distinct", np.round(NUMBERS[:, 0]), ()),
        ("distinct", TEXTS, ()),
        ("filling", HOLES, ("mean",)),
        ("filling", HOLES, ("median",)),
        ("filling", HOLES[:1002] - 1e3, ("median",)),
        ("filling", HOLES, ("most_frequent",)),
        ("filling", np.where(TEXTS == "a word0!", "", TEXTS), ("most_frequent",)),
        ("vocabulary", TEXTS, (6, True)),
    ],
)
def test_parts_give_the_same(
    name: str, x: Any, arguments: tuple[Any, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    function = getattr(preparations, name)
    rows = RNG.permutation(len(x))
    whole = function(x, rows, *arguments)
    monkeypatch.setattr(learning, "_PART", 100 * x[:1].nbytes)
    parts = learning.learn(function, lambda some: x[some], rows, *arguments)
    for one, other in zip(np.atleast_1d(whole), np.atleast_1d(parts), strict=True):
        assert np.array_equal(one, other), (one, other)


def test_sums_by_pairs_are_sums() -> None:
    x = RNG.normal(size=(77, 2))
    np.testing.assert_allclose(preparations.total(x), x.sum(axis=0), rtol=1e-13)
    mean, deviation = preparations.moments(x, np.arange(77))
    np.testing.assert_allclose(mean, x.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(deviation, x.std(axis=0), rtol=1e-13)
