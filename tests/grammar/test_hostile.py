"""Input that was made to break a parser: one clear message, soon."""

from __future__ import annotations

import time

import pytest

from nnc.grammar.format import format_expression, format_file
from tests.grammar.trees import bare, expression, mistakes, read, same

HEAD = "model A { y = "
CASES = {
    "a line of 50 MB": ("x" * 50_000_000, "E031"),
    "10,000 brackets": (HEAD + "(" * 10_000, "E016"),
    "10,000 braces": (HEAD + "if a { " * 10_000, "E016"),
    "closed brackets": (HEAD + "[" * 10_000 + "]" * 10_000 + "}", "E016"),
    "calls": (HEAD + "f(" * 10_000, "E016"),
    "loops": (HEAD + "x -> for i in 0..1 {" * 10_000, "E016"),
    "a long sum": (HEAD + "1+" * 100_000 + "1 }", "E016"),
    "minus signs": (HEAD + "- " * 1_000_000 + "1 }", "E016"),
    "powers": (HEAD + "2 ** " * 100_000 + "1 }", "E016"),
    "not": (HEAD + "not " * 100_000 + "a }", "E016"),
    "else if": (HEAD + "if a {1} else " * 100_000, "E032"),
    "else": (HEAD + "if a { 1 } else { " * 10_000, "E016"),
    "a bracket and nothing else": ("(" * 1_000_000, "E010"),
    "closing brackets": ("}" * 1_000_000, "E012"),
    "open braces": ("model A {\n" + "{\n" * 1_000_000, "E010"),
    "arrows": (HEAD + "->" * 1_000_000, "E010"),
    "quotes": ('"' * 1_000_001, "E010"),
    "single quotes": ("'" * 1_000_000, "E013"),
    "backslashes": ('use "' + "\\" * 1_000_000, "E013"),
    "slashes": ("/" * 1_000_000, "E019"),
    "dots": (HEAD + "a." * 1_000_000, "E015"),
    "at signs": ("@" * 1_000_000, "E010"),
    "digits": (HEAD + "9" * 1_000_000, "E018"),
    "underscores": (HEAD + "9_" * 1_000_000, "E018"),
    "an exponent": (HEAD + "1e" + "9" * 300, "E018"),
    "NUL bytes": ("\0" * 1_000_000, "E015"),
    "two byte order marks": ("\ufeff\ufeffmodel A {}", "E015"),
    "a lone surrogate": ("model \ud800 {}", "E015"),
    "an escape sequence": ("\x1b[31m", "E015"),
    "words": ("model " * 1_000_000, "E017"),
    "unclosed declarations": ("model A {\n" + "data {\n" * 100_000, "E011"),
    "many comments": ("#\n" * 200_000, "E030"),
    "spaces": (" " * 7_000_000, "E030"),
    "nothing": ("", "E030"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_message_comes_soon(name: str) -> None:
    text, code = CASES[name]
    start = time.process_time()
    found = mistakes(text)
    assert time.process_time() - start < 6  # a tenth of it where nothing else runs
    assert found[0].code == code
    assert len(found) <= 20
    assert all(len(d.message) < 1000 for d in found)


def test_there_is_a_limit_to_what_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnc.grammar.terminals.MOST_TOKENS", 1000)
    (found,) = mistakes("model A { " + "a = 1\n" * 1000 + "}")
    assert found.code == "E031"
    assert found.span is not None
    assert 10 < found.span.start < 2000


def test_what_is_as_deep_as_it_may_be_is_read_and_written() -> None:
    brackets = "[" * 99 + "]" * 99
    total = " + ".join(["1"] * 101)
    signs = "-" * 100 + "1"
    calls = "f(" * 99 + ")" * 99
    for text in (brackets, total, signs, calls):
        tree = expression(text)
        assert format_expression(tree) == text
        assert bare(expression(format_expression(tree))) == bare(tree)
    nested = "x -> for i in 0..2 { " * 49 + "a" + " }" * 49
    file = read(f"model A {{ y = {nested} }}")
    assert same(read(format_file(file)), file)


def test_a_long_chain_is_not_deep() -> None:
    file = read(HEAD + "x" + " -> relu" * 20_000 + "}")
    assert same(read(format_file(file)), file)


def test_the_collector_is_left_as_it_was() -> None:
    import gc

    assert gc.isenabled()
    read("param a = 1")
    mistakes("param a = ")
    assert gc.isenabled()
