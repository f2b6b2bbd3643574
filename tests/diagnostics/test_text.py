"""Diagnostics as text for a terminal."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnc.compiler.diagnostics import Diagnostic, Label
from nnc.compiler.render import SHOWN, counts, render_text
from nnc.compiler.source import Source, Span
from tests.conftest import Golden
from tests.diagnostics.examples import EXAMPLES, SPEC, label

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.mark.parametrize("name", EXAMPLES)
def test_text(name: str, golden: Golden) -> None:
    golden(f"text/{name}.txt", render_text([EXAMPLES[name]], color=False, width=80))


def test_all_together(golden: Golden) -> None:
    golden("text/all_narrow.txt", render_text(EXAMPLES.values(), color=False, width=48))


def test_colour_changes_nothing_but_the_colour(golden: Golden) -> None:
    for diagnostic in EXAMPLES.values():
        coloured = render_text([diagnostic], color=True, width=80)
        plain = render_text([diagnostic], color=False, width=80)
        stripped = "\n".join(line.rstrip() for line in _ANSI.sub("", coloured).split("\n"))
        assert stripped == plain
    golden("text/colour.txt", render_text([EXAMPLES["conflict"]], color=True, width=80))


def test_nothing_found_is_nothing_said() -> None:
    assert render_text([], color=True, width=80) == ""


@pytest.mark.parametrize(
    ("errors", "warnings", "words"),
    [(1, 0, "1 error"), (0, 1, "1 warning"), (2, 1, "2 errors, 1 warning"), (0, 0, "")],
)
def test_counts(errors: int, warnings: int, words: str) -> None:
    assert counts([Diagnostic("E1", "")] * errors + [Diagnostic("W1", "")] * warnings) == words


def test_of_many_the_errors_are_shown_first() -> None:
    warnings = [Diagnostic("W100", f"warning {i}") for i in range(SHOWN)]
    text = render_text([*warnings, Diagnostic("E100", "the error")], color=False, width=80)
    assert "the error" in text
    assert text.count("warning[") == SHOWN - 1
    assert text.endswith("\n1 error, 50 warnings (1 not shown)\n")


def test_a_message_that_quotes_too_much_is_cut() -> None:
    found = Diagnostic("E100", "a" * 10**6, (Label(label("relu").span, "b" * 10**6),), "c" * 10**6)
    assert len(render_text([found], color=False, width=80)) < 10_000


def test_a_line_of_50_megabytes_and_10000_diagnostics_take_less_than_two_seconds() -> None:
    huge = Source("huge.nn", "x" * 50_000_000)
    found = [
        Diagnostic("E100", "wrong", (Label(Span(huge, i * 5000, i * 5000 + 3), "here"),))
        for i in range(10_000)
    ]
    start = time.perf_counter()
    text = render_text(found, color=True, width=100)
    assert time.perf_counter() - start < 2
    assert len(text) < 40_000


# ---- whatever the text, whatever the span ----------------------------------------------------

LETTERS = st.sampled_from("ab \t\n\r\x1b\x00é\u0301日\u200d\u202e\ud800\U0001f600")


@st.composite
def marked(draw: st.DrawFn) -> Diagnostic:
    """A diagnostic with any labels in a text of difficult characters."""
    source = Source("x.nn", draw(st.text(LETTERS, max_size=60)) * draw(st.sampled_from([1, 1, 9])))
    offset = st.integers(0, len(source.text))
    spans = draw(st.lists(st.tuples(offset, offset), min_size=1, max_size=4))
    said = st.sampled_from(["", "said", "two\nlines", "\x1b[1m"])
    labels = [Label(Span(source, min(span), max(span)), draw(said)) for span in spans]
    return Diagnostic("E100", draw(said), tuple(labels))


@given(marked(), st.integers(1, 120))
def test_any_text_is_shown_without_a_character_that_a_terminal_obeys(
    diagnostic: Diagnostic, width: int
) -> None:
    text = render_text([diagnostic], color=False, width=width)
    assert all(character.isprintable() or character == "\n" for character in text)
    text.encode("utf-8")


@given(st.text(st.sampled_from("ab\t日e\u0301"), max_size=300), st.data())
def test_the_caret_stands_below_its_letter(filler: str, data: st.DataObject) -> None:
    """Wherever a line is cut, the one `#` in it has the one caret below it."""
    at = data.draw(st.integers(0, len(filler)))
    source = Source("x.nn", f"{filler[:at]}#{filler[at:]}")
    found = Diagnostic("E100", "wrong", (Label(Span(source, at, at + 1), "here"),))
    _, _, _, line, caret, *_ = render_text([found], color=False, width=60).split("\n")
    assert caret.count("^") == 1
    assert _width(line[: line.index("#")]) == caret.index("^")
    assert _width(line) <= 60


def _width(text: str) -> int:
    """Columns of a text made of the letters above."""
    return sum({"日": 2, "\u0301": 0}.get(character, 1) for character in text)


def test_spans_beyond_the_text_are_shown_at_its_end() -> None:
    beyond = Span(SPEC, len(SPEC.text) + 5, len(SPEC.text) + 9)
    assert "^ here" in render_text(
        [Diagnostic("E1", "x", (Label(beyond, "here"),))], color=False, width=80
    )
