"""Plain numbers are read to the bits of Python's `float`; of all else nothing is said."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnc.training.data import decimals

PLAIN = st.from_regex(r"-?[0-9]{0,8}(\.[0-9]{0,7})?", fullmatch=True).filter(
    lambda text: any(sign.isdigit() for sign in text)
)
ANY = st.one_of(
    PLAIN,
    st.text("0123456789.-+eE na_x", max_size=8),
    st.floats().map(repr),
    st.integers().map(str),
)


def bits(numbers: np.ndarray) -> bytes:
    return np.asarray(numbers, np.float64).tobytes()


@given(st.lists(st.tuples(PLAIN, PLAIN, PLAIN), min_size=1, max_size=20), st.booleans())
def test_plain_numbers_are_those_of_float(rows: list[tuple[str, ...]], carriage: bool) -> None:
    end = "\r\n" if carriage else "\n"
    text = end.join(",".join(row) for row in rows)
    found = decimals.read(text, ",", 3, [2, 0])
    assert found is not None
    assert bits(found) == bits(np.array([[float(row[2]), float(row[0])] for row in rows]))


@given(ANY)
def test_whatever_is_read_is_what_float_says(cell: str) -> None:
    found = decimals.read(f"{cell};1\n", ";", 2, [0])
    if found is not None:
        assert bits(found) == bits(np.array([[float(cell)]]))


@pytest.mark.parametrize(
    "cell",
    [
        *("", " 1", "1 ", "-", ".", "--1", "1.2.3", "+1", "1e3", "nan", "inf", "1_0", "0x1"),
        *("9007199254740993", "9" * 19, "1.0000000000000000001", "１"),
    ],
)
def test_other_forms_are_left_to_others(cell: str) -> None:
    assert decimals.read(f"{cell},1\n", ",", 2, [0]) is None


def test_a_few_others_are_read_one_by_one() -> None:
    cells = [
        "1e-05",
        "+2.5E3",
        "9007199254740993",
        "0.1234567890123456789012",
        "-1e400",
        *["7"] * 200,
    ]
    found = decimals.read("\n".join(cells), ",", 1, [0])
    assert found is not None
    assert bits(found) == bits(np.array([[float(cell)] for cell in cells]))
    for cell in ("", "-", ".", "e5", "1e", "nan", "1_0", " 1", "１", "0x1"):
        assert decimals.read("\n".join([*cells, cell, "1"]), ",", 1, [0]) is None


@pytest.mark.parametrize(
    "cell", ["-0", "-0.0", "0.1", "007", "5.", ".5", "-.5", "9007199254740991", "0.30000000000000"]
)
def test_corners(cell: str) -> None:
    found = decimals.read(f"a,{cell}\nä,{cell}", ",", 2, [1])
    assert found is not None
    assert bits(found) == bits(np.array([[float(cell)]] * 2))


@pytest.mark.parametrize("text", ["1,2\n3\n", "1\n2,3,4\n", "1,2,3,4\n", "1,2\n\n3,4\n"])
def test_lines_of_another_width_are_left_to_others(text: str) -> None:
    assert decimals.read(text, ",", 2, [0, 1]) is None


def test_many_are_read_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decimals, "_TOGETHER", 7)
    rows = np.random.default_rng(0).normal(size=(50, 4)).round(6)
    text = "".join(",".join(map(str, row)) + "\n" for row in rows.tolist())
    found = decimals.read(text, ",", 4, [3, 1, 0])
    assert found is not None
    assert bits(found) == bits(rows[:, [3, 1, 0]])
