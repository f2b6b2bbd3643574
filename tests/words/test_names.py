"""Names of words and arguments that people know from elsewhere are understood, and `nnc fmt` writes
the one name of this language."""

from __future__ import annotations

import re

import pytest

import nnc
from nnc.cli.naming import canonical
from nnc.compiler.source import Source
from nnc.compiler.vocabulary.base import find, words
from nnc.grammar.format import format_file
from nnc.loading import parse_source
from tests.words.names import LAYERS, SETTINGS

SPEC = """model M {{
  input x: f32[4]
  input s: f32[6, 2]
  h = x -> Dense(3{inside})
  output p = h
  output q = h * 2
  output v = h -> softplus
  output r = s -> Dense(4)
}}
train {{
  target y: f32[3]
  target c: i64
  target l: i64[2]
  loss = {loss}
  optimizer = {optimizer}
  {more}
}}
"""
PLAIN = {
    "inside": "",
    "loss": "mse(p, y) + cross_entropy(q, c) + mae(v, y)",
    "optimizer": "sgd(0.1)",
    "more": "",
}


def formatted(text: str) -> str:
    """The text with canonical names, in one line."""
    source = Source("names.nn", text)
    return re.sub(r"\s+", " ", format_file(canonical(parse_source(source))))


def understood(text: str, expected: str) -> None:
    """The spec compiles to the program that its canonical form gives, which `fmt` writes."""
    program, diagnostics = nnc.compile_text(text)
    assert program is not None, [d.message for d in diagnostics]
    source = Source("names.nn", text)
    again = format_file(canonical(parse_source(source)))
    bare = re.sub(r"\s+", "", again).replace(",)", ")")
    assert re.sub(r"\s+", "", expected) in bare, again
    same, _ = nnc.compile_text(again)
    assert same is not None
    assert nnc.to_json(same) == nnc.to_json(program)
    assert format_file(canonical(parse_source(Source("names.nn", again)))) == again


@pytest.mark.parametrize(("types", "written", "expected"), LAYERS)
def test_layers(types: str, written: str, expected: str) -> None:
    given = re.findall(r"[a-z]+\d*\[[^]]*\]", types)
    inputs = "\n".join(f"input x{i}: {text}" for i, text in enumerate(given))
    source = f"({', '.join(f'x{i}' for i in range(len(given)))})" if len(given) > 1 else "x0"
    outputs = "a, b = {} output y = a output z = b" if "plit" in expected else "output y = {}"
    body = outputs.format(f"{source} -> {written}")
    understood(f"model M {{ {inputs} {body} }}", f"-> {expected}")


@pytest.mark.parametrize(("setting", "written", "expected"), SETTINGS)
def test_settings_and_arguments(setting: str, written: str, expected: str) -> None:
    if setting in PLAIN:
        parts = {**PLAIN, setting: written}
    elif setting in ("weight_init", "regularize", "constraint"):
        parts = {**PLAIN, "inside": f", {setting}={written}"}
    else:
        parts = {**PLAIN, "more": f"{setting} = {written}"}
    understood(SPEC.format(**parts), f"{setting}={expected}")


def test_names_mean_words_where_they_stand() -> None:
    text = """
    data { source = csv("d.csv") x = columns(0, 1) -> reshape([2]) }
    model M {
      input x: f32[2]
      layer linear = dense(3, activation=ReLU)
      output y = x -> reshape([2]) -> linear -> (dense(2) -> exponential) as dense_2
    }
    train {
      target y: f32[2]
      loss = MSE(y, y)
      optimizer = SGD(learning_rate=max(0.1, 0.2))
      schedule = exponential(gamma=0.9)
      batch = all
    }
    """
    found = formatted(text)
    assert "x = columns(0, 1) -> reshape([2])" in found
    assert "layer linear = Dense(3, activation=relu)" in found
    assert "x -> Reshape([2]) -> linear -> (Dense(2) -> exp) as dense_2" in found
    assert "optimizer = sgd(lr=max(0.1, 0.2))" in found
    assert "schedule = exponential(factor=0.9)" in found


def test_a_name_that_the_spec_gives_to_something_stays() -> None:
    text = "block view(n) { input x output y = x -> Linear(n) } model Linear { input x: f32[2] "
    text += "a = x -> Linear(3) as dense output y = a -> view(2) -> dense }"
    found = formatted(text)
    assert "block view(n) { input x output y = x -> Linear(n) }" in found
    assert "a = x -> Linear(3) as dense output y = a -> view(2) -> dense" in found


@pytest.mark.parametrize("kind", ["op", "loss", "optimizer", "schedule", "initializer", "metric"])
def test_every_word_stands_in_the_table(kind: str) -> None:
    """A new word says which names people know it by."""
    rows = LAYERS if kind == "op" else SETTINGS
    table = " ".join(row[2] for row in rows)
    shown = set(re.findall(r"\w+", table))
    missing = [cls.word for cls in words(kind) if cls.word not in shown]  # type: ignore[arg-type]
    assert not missing


def test_every_alias_is_an_alias_of_one_word() -> None:
    for cls in words():
        for name in cls.aliases:
            assert find(cls.kind, name) is cls
