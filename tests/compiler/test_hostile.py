"""Whatever a spec holds, diagnostics come out: soon, and nothing else."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nnc
from nnc.compiler.diagnostics import Diagnostic

SPECS = sorted((Path(__file__).parents[2] / "specs").rglob("*.nn"))
TEXTS = [path.read_text(encoding="utf-8") for path in SPECS]
PIECES = [
    *("{", "}", "(", ")", "[", "]", ",", "->", "=", ":", "..", "as", "if", "else", "for", "in"),
    *("layer", "output", "input", "block", "model", "Dense", "relu", "x", "0", "-1", "1e400", "T"),
    *('"', "\\", "\0", "\u202e", "λ", "true", "@", "**", "%", "10**18", "_"),
]

ENDLESS = {
    "a long loop": "for i in 0..1_000_000_000 { relu }",
    "loops in loops": "for i in 0..9999 { for j in 0..9999 { for k in 0..9999 { relu } } }",
    "loops that add nothing": "for i in 0..9999 { for j in 0..9999 { if i < 0 { relu } } }",
    "a block that uses itself": "Again",
    "two blocks that use each other": "Ping",
    "doubling": "Double(60)",
}
BLOCKS = """
block Again { input x output y = x -> relu -> Again }
block Ping { input x output y = x -> Pong }
block Pong { input x output y = x -> Ping }
block Double(n) { input x output y = if n > 0 { x -> Double(n - 1) } else { x } }
"""


def check(text: str) -> list[Diagnostic]:
    """The diagnostics of a text; the program must be there exactly when none is an error."""
    program, diagnostics = nnc.compile_text(text)
    assert (program is None) == any(d.severity == "error" for d in diagnostics)
    return diagnostics


@pytest.mark.parametrize("what", ENDLESS)
def test_expansion_always_ends(what: str) -> None:
    found = check(f"{BLOCKS} model M {{ input x: f32[4] output y = x -> {ENDLESS[what]} }}")
    assert [d.code for d in found if d.severity == "error"] in (["E405"], ["E106"])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("param n = 10 ** 10 ** 10", "E404"),
        ("param n = 1 / 0", "E404"),
        ("param n = 1e308 * 10", "E404"),
        ("param n = (0 - 1) ** 0.5", "E404"),
        ("param n = 9 ** 99999999", "E404"),
        ("param n = true + 1", "E404"),
        ("param n = [1, 2] - 1", "E404"),
        ("param n = Dense", None),
        ("param n = Dense(3)", "E105"),
        ("param n = m", None),
    ],
)
def test_arithmetic_always_ends(text: str, code: str | None) -> None:
    found = check(f"{text} model M {{ input x: f32[4] output y = x -> relu }}")
    assert [d.code for d in found if d.severity == "error"] == ([code] if code else [])


@pytest.mark.parametrize(
    "layer",
    [
        "Dense(2147483647)",
        "Dense(99999999999999999999)",
        "Dense(1e10)",
        "Embedding(2147483647, 2147483647)",
        "Dense(65536) -> Dense(65536)",
        "Reshape([4611686018427387904, -1])",
        "MultiHeadAttention(0)",
        "Dense(weight=3)",
        "Dense(2, weight=[[1, 2, 3, 4], [1]])",
        'Dense(2, weight=[["a"]])',
        "Dense(2, activation=Dense)",
        "Dense(2, activation=Dense(3))",
        "Dense(2, activation=leaky_relu(slope=true))",
        "Dense(2, bias=[1])",
        "Dense(2, layout=channels_last)",
        "M",
        "x",
        "(Dense(2))",
        "concat(7)",
    ],
)
def test_odd_layers_give_at_most_one_error(layer: str) -> None:
    found = check(f"model M {{ input x: f32[4] output y = x -> {layer} }}")
    assert len([d for d in found if d.severity == "error"]) <= 1
    assert all(d.span is not None for d in found)


@given(st.integers(0, 2**32), st.integers(1, 6))
def test_random_damage_gives_diagnostics(seed: int, changes: int) -> None:
    chance = random.Random(seed)
    text = chance.choice(TEXTS)
    for _ in range(changes):
        place = chance.randrange(len(text) + 1)
        match chance.randrange(4):
            case 0:
                text = text[:place] + text[place + chance.randrange(1, 12) :]
            case 1:
                text = text[:place] + chance.choice(PIECES) + text[place:]
            case 2:
                words = text.split(" ")
                i, j = (chance.randrange(len(words)) for _ in range(2))
                words[i], words[j] = words[j], words[i]
                text = " ".join(words)
            case _:
                end = min(len(text), place + chance.randrange(1, 80))
                text = text[:end] + text[place:]
    check(text)
