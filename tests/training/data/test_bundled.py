"""Data sets of scikit-learn, read without it."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from nnc.backends.pieces.tables import read_sklearn
from nnc.training.data import bundled

NAMES = ("iris", "digits", "wine", "breast_cancer", "diabetes", "linnerud")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_read_is_what_scikit_learn_gives(name: str) -> None:
    found, expected = bundled.table(name), read_sklearn(name)
    assert list(found) == list(expected)
    for column, values in expected.items():
        assert found[column].dtype == values.dtype
        np.testing.assert_array_equal(found[column], values)


def test_the_sets_of_first_lessons_need_no_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "read_sklearn", _never)
    for name in ("iris", "digits", "breast_cancer"):
        assert len(bundled.table(name)["target"])


def test_a_file_of_another_size_is_left_to_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "_SIZES", {"iris": 151})
    monkeypatch.setattr(bundled, "read_sklearn", lambda name: {"asked": name})
    assert bundled.table("iris") == {"asked": "iris"}


def test_without_scikit_learn_there_are_no_data_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundled, "find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match="sklearn"):
        bundled.table("iris")


def _never(name: str) -> None:
    raise AssertionError(name)
