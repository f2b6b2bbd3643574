"""The checked-in tables are those of the grammar, and the machine reads what Lark would read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark import Lark
from lark.exceptions import LarkError

from nnc.grammar import generate
from nnc.grammar.terminals import tables
from tests.grammar.trees import SPECS, mistakes

_PIECES = ("", "(", ")", "{", "}", " ", "\n", "->", ",", "=", "if ", "as ", "data", "1", "x ", "..")
_MEANING = {"E014", "E016", "E018", "E032", "E035", "E038"}
"""What the tree says of a text that the grammar lets through."""


@pytest.fixture(scope="module")
def lark() -> Lark:
    return generate.load_grammar()


def test_the_tables_are_up_to_date(lark: Lark) -> None:
    expected = generate.to_json(generate.tables(lark))
    current = generate.TABLES.read_text(encoding="utf-8")
    assert current == expected, "run `python -m nnc.grammar.generate`"


def test_an_ambiguous_grammar_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    grammar = tmp_path / "nn.lark"
    grammar.write_text('file: sum\nsum: sum "+" sum | "1"\n', encoding="utf-8")
    monkeypatch.setattr(generate, "GRAMMAR", grammar)
    with pytest.raises(generate.Ambiguous, match="Shift/Reduce"):
        generate.load_grammar()


def test_reading_a_spec_imports_no_lark() -> None:
    code = (
        "import sys; from nnc.grammar.parse import parse; from nnc.compiler.source import Source;"
        "parse(Source('a', 'param a = 1')); assert 'lark' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_tables_are_read_once() -> None:
    assert tables() is tables()


@pytest.mark.parametrize("name", sorted(SPECS))
def test_lark_reads_the_specs(lark: Lark, name: str) -> None:
    lark.parse(SPECS[name])


@settings(max_examples=60)
@given(st.sampled_from(sorted(SPECS.values())), st.data())
def test_the_machine_agrees_with_lark(lark: Lark, spec: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(spec)))
    end = start + data.draw(st.integers(0, 6))
    spec = spec[:start] + data.draw(st.sampled_from(_PIECES)) + spec[end:]
    try:
        lark.parse(spec)
    except LarkError:
        assert mistakes(spec)
    else:
        assert {diagnostic.code for diagnostic in mistakes(spec)} <= _MEANING | {"E010", "E030"}
