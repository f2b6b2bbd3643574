"""Whatever is damaged, only messages come out: no traceback, no fault of nnc's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from nnc import templates
from nnc.cli.group import group

SPECS = [dict(templates.written(name, name))[".nn"] for name in templates.names()]
VERBS = [
    ["check"],
    ["check", "--format", "sarif"],
    ["fmt"],
    ["fmt", "--to", "json"],
    ["summary"],
    ["plot", "--format", "mermaid"],
    ["plot"],
    ["compile", "--backend", "keras"],
]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A template with a piece cut out, doubled, or replaced by a piece of another."""
    text, other = draw(st.sampled_from(SPECS)), draw(st.sampled_from(SPECS))
    start = draw(st.integers(0, len(text)))
    stop = min(len(text), start + draw(st.integers(0, 40)))
    from_ = draw(st.integers(0, len(other)))
    piece = other[from_ : from_ + draw(st.integers(0, 40))]
    return text[:start] + draw(st.sampled_from(["", piece, text[start:stop] * 2])) + text[stop:]


@given(text=damaged(), verb=st.sampled_from(VERBS))
def test_a_damaged_spec_gives_messages(text: str, verb: list[str]) -> None:
    result = CliRunner().invoke(group, [*verb, "-"], input=text)
    assert result.exit_code in (0, 1), result.stderr
    assert (result.exit_code == 0) or result.stderr or result.stdout


@given(data=st.binary(max_size=300), verb=st.sampled_from(VERBS))
def test_any_bytes_give_messages(data: bytes, verb: list[str]) -> None:
    result = CliRunner().invoke(group, [*verb, "-"], input=data)
    assert result.exit_code == 1, result.stderr


@given(
    arguments=st.lists(
        st.sampled_from(
            [
                *("new", "check", "fmt", "compile", "summary", "plot", "ops", "explain", "schema"),
                *("-", "--", "-o", "--backend", "torch", "onnx", "--set", "n=1", "=", "--format"),
                *("json", "relu", "E101", "--list", "--to", "nn", "", "\0", "é", "--help", "-W"),
            ]
        ),
        max_size=5,
    )
)
def test_any_arguments_give_messages(
    arguments: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("any"))
    try:
        result = CliRunner().invoke(group, arguments, input="")
    finally:
        os.chdir(here)
    assert result.exit_code in (0, 1, 2), result.stderr
