"""What the catalogue says about accuracy was measured, for every word, and is still so."""

from __future__ import annotations

import json

import pytest

from nnc.compiler.vocabulary.base import words
from nnc.verify.tolerances import TOLERANCES
from tests.matrix.backends import PRECISIONS
from tests.matrix.measure import FILE, measured

RECORD: dict[str, dict[str, dict[str, list[str]]]] = json.loads(FILE.read_text("utf-8"))
WORDS = sorted(word.word for kind in ("op", "loss") for word in words(kind))


@pytest.mark.parametrize("word", WORDS)
def test_every_word_was_measured(word: str) -> None:
    assert word in RECORD, "run `make measure`"
    for backend, precision in PRECISIONS:
        figures = [float(figure) for figure in RECORD[word].get(backend, {}).get(precision, [])]
        tolerance = TOLERANCES[precision]
        assert all(0 <= figure <= tolerance.gradients for figure in figures)


def test_what_is_recorded_is_what_is_measured() -> None:
    """Another processor rounds in another way, but not by more than a digit."""
    found: dict[tuple[str, str, str], float] = {}
    for word, backend, precision, value, _ in measured({"Dense", "softmax", "mse", "LSTM"}):
        key = word, backend, precision
        found[key] = max(found.get(key, 0.0), value)
    assert found
    for (word, backend, precision), value in found.items():
        floor = 1e-15 if precision == "float64" else 1e-7
        assert value <= 10 * float(RECORD[word][backend][precision][0]) + floor
        assert float(RECORD[word][backend][precision][0]) <= 10 * value + floor
