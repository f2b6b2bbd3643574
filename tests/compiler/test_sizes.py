"""How many layers a spec has at the least is told before they are made."""

from __future__ import annotations

import pytest

import nnc
from nnc.compiler.passes import build

MODEL = "model M {{ input x: f32[2]  output y = x -> {} }}"


@pytest.mark.parametrize(
    "spec",
    [
        MODEL.format("for i in 0..200 { for j in 0..200 { relu } }"),
        "block B { input x  output y = x -> for i in 0..200 { relu } }"
        + MODEL.format("for i in 0..200 { B }"),
        "block B { input x  a = x -> for i in 0..20_000 { relu }  output y = a + x -> B2 }"
        "block B2 { input x  output y = x -> for i in 0..20_000 { relu } }" + MODEL.format("B"),
        MODEL.format("for i in 0..200 { for j in 0..200 { if i < 5 { relu } else { tanh } } }"),
    ],
)
def test_a_spec_that_is_too_large_is_refused_before_it_is_expanded(
    spec: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    original = build.Builder._add

    def counted(self: build.Builder, node: object, named: bool) -> object:
        made.append(str(node))
        return original(self, node, named)  # type: ignore[arg-type]

    monkeypatch.setattr(build.Builder, "_add", counted)
    program, diagnostics = nnc.compile_text(spec)
    assert program is None
    assert [d.code for d in diagnostics] == ["E405"]
    assert made == []


@pytest.mark.parametrize(
    "spec",
    [
        # What isn't written as a number, or may not be taken, counts as the smallest it can be.
        "param n = 3 block B(k) { input x  output y = x -> for i in 0..k { relu } }"
        + MODEL.format("B(n) -> B(n)"),
        MODEL.format("for i in 0..3 { if i > 5 { for j in 0..29_999 { relu } } else { relu } }"),
        "block B { input x  output y = x -> relu }" + MODEL.format("for i in 5..2 { B } -> B"),
    ],
)
def test_a_spec_that_is_small_enough_is_expanded(spec: str) -> None:
    program, diagnostics = nnc.compile_text(spec)
    assert program is not None, [d.message for d in diagnostics]
