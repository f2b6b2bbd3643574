"""Models that take texts, held against nnc's own reading of words."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from nnc.backends.onnx.assembly import Handle
from nnc.backends.onnx.graph import End, OnnxGraph, written
from nnc.backends.onnx.model import ELEMENT_TYPES, TEXT
from nnc.backends.onnx.preparation import Stage, preparations
from nnc.backends.onnx.words import MOST_SPELLINGS, hindrance, numbers_of
from nnc.backends.pieces import preparations as pieces
from nnc.compiler.diagnostics import Failed
from nnc.compiler.types import Symbol
from nnc.compiler.vocabulary.data import Tokens
from tests.deployment.test_around import expected, made, run

SPEC = """\
data {{
  source = csv("plants.csv")
  review = column("review") -> tokens({arguments})
  good   = column("good") -> category
}}

model Reviews {{
  input review: i64[6]
  output p = review -> Embedding(50, 4) -> GlobalAvgPool -> Dense(2)
}}

train {{
  target good: i64
  loss = cross_entropy(p, good)
  optimizer = sgd(lr=0.1)
}}
"""
TEXTS = [
    "A film, a GREAT film!",
    "Really bad; it's not even funny. I left after 20 minutes",
    "Äpfel und ÖL: schön",
    "été, ÉTÉ et Noël",
    "snake_case x² ½ 漢字",
    "ΑΣ και σοφός ΣΟΦΟΣ",
]


def table(texts: list[str]) -> str:
    rows = (f'"{text}",{number % 2}\n' for number, text in enumerate(texts))
    return "review,good\n" + "".join(rows)


@pytest.mark.parametrize("arguments", ["6", "6, lower=false", "6, 12", "length=6, vocabulary=9"])
@pytest.mark.parametrize("opset", [18, 20, 23])
def test_texts_give_what_their_words_give(tmp_path: Path, arguments: str, opset: int) -> None:
    text = SPEC.format(arguments=arguments)
    model, program, data = made(tmp_path, text, table(TEXTS), opset=opset)
    assert [v.type.tensor_type.elem_type for v in model.graph.input] == [onnx.TensorProto.STRING]
    found = run(model, {"review": np.array(TEXTS, object)})
    np.testing.assert_allclose(found["p"], expected(program, data), rtol=1e-5, atol=1e-6)


def numbers(texts: list[str], known: list[str], *, lower: bool = True, length: int = 8) -> Any:
    """What the nodes make of texts."""
    given, rows = Handle("x"), Symbol("rows")
    graph = OnnxGraph("texts", 20, (End(given, "x", TEXT, (rows,)),), (), [], {})
    stage = Stage(graph, "x/prepared")
    step = Tokens(length=length, lower=lower)
    result = preparations.find(step)(step, {"words": known}, stage, given)
    graph.nodes += stage.nodes
    graph.outputs = (End(result, "y", ELEMENT_TYPES["f32"], (rows, length)),)
    session = onnxruntime.InferenceSession(b"".join(written(graph, "test").whole))
    (found,) = session.run(None, {"x": np.array(texts, object)})
    return found


@pytest.mark.parametrize("lower", [True, False])
def test_every_letter_and_every_sign_is_read_as_nnc_reads_it(lower: bool) -> None:
    """But for İ, the signs for kelvin, and what Python's Unicode doesn't know yet."""
    letters = [
        chr(code)
        for code in range(1, sys.maxunicode + 1)
        if unicodedata.category(chr(code)) not in ("Cn", "Cs") and chr(code) not in "İ\u212a"
    ]
    texts = [f"a{letter}b{letter}" for letter in letters]
    known = sorted({word for text in texts[:3000] for word in pieces.words(text, lower)})
    found = numbers(texts, known, lower=lower, length=5)
    wanted = pieces.tokens(np.array(texts), known, 5, lower)
    wrong = [texts[row] for row in np.flatnonzero((found != wanted).any(axis=1))]
    assert not wrong, wrong[:20]


def test_no_text_and_no_word_are_zeros() -> None:
    assert numbers(["", "  ", "\t\n"], ["a"]).tolist() == [[0] * 8] * 3
    assert numbers(["a b"], [])[0].tolist() == [1, 1, *[0] * 6]


def test_words_are_known_in_every_spelling() -> None:
    spelled = numbers_of(["été", "k", "ας", "σοφός"], lower=True)
    assert {"été", "Été", "étÉ", "ÉtÉ"} <= spelled.keys()
    assert spelled["ÉtÉ"] == 2
    assert spelled["k"] == 3
    assert spelled["ΑΣ"] == spelled["αΣ"] == 4
    assert spelled["ΣΟΦΌΣ"] == 5
    assert "σοφόσ" not in spelled
    assert numbers_of(["Été"], lower=False) == {"": 0, "Été": 2}


def test_what_cannot_be_looked_up_is_named(tmp_path: Path) -> None:
    assert hindrance(["i", "\u0307"], lower=True)
    assert hindrance(["привет" * 4], lower=True)
    assert hindrance(["привет" * 4], lower=False) is None
    assert hindrance(["schön"] * (MOST_SPELLINGS // 2), lower=True) is None
    text = SPEC.format(arguments="6")
    with pytest.raises(Failed) as failed:
        made(tmp_path, text, table(["İstanbul", "Ankara"]))
    (diagnostic,) = failed.value.diagnostics
    assert (diagnostic.code, "lower=false" in diagnostic.message) == ("E718", True)
    with pytest.raises(Failed, match="the runtime has no texts"):
        made(tmp_path, text, table(TEXTS), target="openvino")
