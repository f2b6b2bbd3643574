"""What holds for every text and every tree."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnc.compiler.syntax import Expression, File
from nnc.grammar.format import format_expression, format_file
from nnc.grammar.terminals import tables
from tests.grammar import random_trees
from tests.grammar.trees import SPECS, bare, expression, mistakes, read, same

specs = st.sampled_from(sorted(SPECS.values()))
_GAP = re.compile(r"[ \n]+(?=(?:[^\"\n]|\"(?:[^\"\\\n]|\\.)*\")*$)", re.MULTILINE)
_SIGNS = ("(", ")", "[", "]", "{", "}", "->", "=", "==", ",", ":", ".", "..", "#", '"', "'", "\\")
_OTHERS = ("/", "//", "**", "-", "0", "1.", "9e9", "x", "\n", "\0", "é", "\u200b")
_PIECES = (*_SIGNS, *_OTHERS, *sorted(tables().keywords))


@settings(max_examples=60)
@given(random_trees.files())
def test_what_is_written_is_read_as_the_same_tree(file: File) -> None:
    text = format_file(file)
    again = read(text)
    assert same(again, file)
    assert format_file(again) == text


@settings(max_examples=40)
@given(random_trees.expressions())
def test_an_expression_is_written_on_one_line(tree: Expression) -> None:
    text = format_expression(tree)
    assert "\n" not in text
    assert bare(expression(text)) == bare(tree)


@settings(max_examples=80)
@given(specs, st.data())
def test_no_comment_is_lost_and_the_layout_is_stable(spec: str, data: st.DataObject) -> None:
    gaps = [match.start() for match in _GAP.finditer(spec) if "#" not in _line(spec, match.start())]
    chosen = data.draw(st.lists(st.sampled_from(gaps), min_size=1, max_size=6, unique=True))
    for number, gap in enumerate(sorted(chosen, reverse=True)):
        before = data.draw(st.sampled_from([" ", "\n", "\n\n"]))
        spec = f"{spec[:gap]}{before}# note {number}\n{spec[gap:]}"
    file = read(spec)
    text = format_file(file)
    again = read(text)
    assert same(again, file)
    assert sorted(c.text for c in again.comments) == sorted(c.text for c in file.comments)
    assert format_file(again) == text


def _line(text: str, place: int) -> str:
    """The line of a place, up to it."""
    return text[text.rfind("\n", 0, place) + 1 : place]


@settings(max_examples=120)
@given(specs, st.data())
def test_damage_gives_diagnostics_and_nothing_else(spec: str, data: st.DataObject) -> None:
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(spec)))
        end = min(len(spec), start + data.draw(st.integers(0, 12)))
        piece = data.draw(st.sampled_from(_PIECES) | st.text(max_size=3))
        spec = spec[:start] + piece + spec[end:]
    _says_something(spec)


@settings(max_examples=60)
@given(st.lists(st.sampled_from(_PIECES) | st.text(max_size=2), max_size=40).map(" ".join))
def test_any_text_gives_a_tree_or_diagnostics(text: str) -> None:
    _says_something(text)


def _says_something(text: str) -> None:
    diagnostics = mistakes(text)
    for diagnostic in diagnostics:
        assert diagnostic.span is not None
        assert 0 <= diagnostic.span.start <= diagnostic.span.end <= len(text)
        said = re.sub(r"`[^`]*`|U\+.*", "", diagnostic.message)
        assert not re.search(r"_?[A-Z]{3,}", said), "the name of a terminal"
    if not diagnostics:
        file = read(text)
        assert same(read(format_file(file)), file)


@pytest.mark.parametrize("name", sorted(SPECS))
def test_the_specs_are_laid_out_as_they_are_written(name: str) -> None:
    assert format_file(read(SPECS[name])) == SPECS[name]
