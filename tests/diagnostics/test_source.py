"""Offsets, lines, columns and pointers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnc.compiler.source import Source
from tests.diagnostics.examples import JSON


@given(st.text(st.sampled_from("ab\n\r\u2028日"), max_size=50))
def test_position_is_where_the_line_says(text: str) -> None:
    source = Source("x.nn", text)
    for offset in range(len(text) + 1):
        line, column = source.position(offset)
        assert line == text.count("\n", 0, offset) + 1
        assert source.line_start(line) + column - 1 == offset
        assert source.line(line) == text.split("\n")[line - 1].rstrip("\r")


@pytest.mark.parametrize(
    ("offset", "pointer"),
    [
        (0, ""),
        (9, ""),
        (10, "/nodes"),
        (11, "/nodes/0"),
        (12, "/nodes"),
        (14, "/nodes/1"),
        (24, "/nodes/1/units"),
        (26, "/nodes/1"),
        (27, "/nodes"),
        (28, ""),
        (29, None),
    ],
)
def test_pointer_is_that_of_the_innermost_value(offset: int, pointer: str | None) -> None:
    assert JSON.pointer(offset) == pointer


def test_a_spec_that_is_not_json_has_no_pointers() -> None:
    assert Source("x.nn", "model").pointer(2) is None
