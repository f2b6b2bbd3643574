"""The code that stands for each word in generated programs, for people to read: golden files that
hold what a program with the word has and one without it has not. The matrix runs the same code."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator
from functools import cache

import pytest

from nnc.backends import initial
from nnc.backends.keras.emit import emit as keras
from nnc.backends.onnx.emit import emit as to_onnx
from nnc.backends.torch.emit import emit as torch
from nnc.catalogue import call_text
from nnc.compiler.ir import PenaltyTerm, Program, single
from nnc.compiler.vocabulary.base import Kind, Word, find, words
from nnc.compiler.vocabulary.ops.activation import Identity
from nnc.compiler.vocabulary.ops.base import Op, parse_type
from tests.conftest import Golden
from tests.matrix.test_losses import loss_cases
from tests.matrix.test_losses import program_of as with_loss
from tests.words.test_metrics import CASES
from tests.words.test_metrics import program_of as with_metric
from tests.words.test_optimizers import RULES
from tests.words.test_schedules import SCHEDULES
from tests.words.updates import network

EMITTERS = {"PyTorch": torch, "Keras": keras}
BOUNDS = {"value": "value(0.1)", "global_norm": "global_norm(1.0)", "weight_norm": "weight_norm(1)"}
CONSTRAINTS = {"max_norm": "max_norm(2)", "non_negative": "non_negative", "unit_norm": "unit_norm"}

Shown = tuple[str, Program]
"""What a program is an example of, and the program."""


def programs(word: type[Word]) -> Iterator[Shown]:
    """Programs with a word."""
    if issubclass(word, Op):
        for example in word.examples():
            types = ", ".join(map(str, example.inputs))
            yield (
                f"({types}) -> {call_text(example.op)}",
                Program(single(example.op, example.inputs)),
            )
        return
    yield from _settings(word.kind, word.word)


def _settings(kind: Kind, word: str) -> Iterator[Shown]:
    """Programs whose train block has a word."""
    if kind == "loss":
        for case in loss_cases():
            if case.loss.word == word:
                yield case.name, with_loss(case)
    elif kind == "metric":
        for text, prediction, target, _ in CASES:
            if text.partition("(")[0] == word:
                yield text, with_metric(text, prediction, target)
    elif kind == "penalty":
        for penalty in find(kind, word).examples():  # type: ignore[union-attr]
            term = PenaltyTerm(penalty, 1.0, "dense0.weight")
            yield call_text(penalty), with_loss(loss_cases()[0], (term,))
    else:
        for text in _texts(kind, word):
            yield text, _network(kind, text)


def _texts(kind: Kind, word: str) -> list[str]:
    known = {
        "optimizer": RULES,
        "schedule": SCHEDULES,
        "clip": list(BOUNDS.values()),
        "constraint": list(CONSTRAINTS.values()),
    }[kind]
    return [text for text in known if text.partition("(")[0] == word]


def _network(kind: Kind, text: str) -> Program:
    if kind == "optimizer":
        return network(f"optimizer = {text}")
    if kind == "constraint":
        return network("optimizer = sgd(0.1)", f", constraint={text}")
    return network(f"optimizer = sgd(0.1) {kind} = {text}")


def own(text: str, known: set[str], word: type[Word]) -> list[str]:
    """The functions and classes of a program that aren't known yet; a model is shown for ops
    alone."""
    lines = text.splitlines()
    models = set() if word.kind == "op" else {"Example", "M", "build_model", "objective"}
    return [
        "\n".join(lines[node.lineno - 1 : node.end_lineno])
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and node.name not in models
        and ast.unparse(node) not in known
    ]


def known_definitions(backend: str, word: str) -> set[str]:
    """What programs without the word define: one that only computes, and some that train."""
    names = ["plain", "sgd" if word != "sgd" else "adam"]
    names.append("accuracy" if word != "accuracy" else "auc")
    names.append("mse" if word != "mse" else "mae")
    return set[str]().union(*(definitions(backend, name) for name in names))


@cache
def definitions(backend: str, name: str) -> frozenset[str]:
    """What the program of the most plain use of a word defines."""
    if name == "plain":
        program = Program(single(Identity(), (parse_type("f32[3]"),), "Plain"))
    elif name in ("sgd", "adam"):
        program = network(f"optimizer = {name}(0.1)")
    else:
        kind: Kind = "loss" if name in ("mse", "mae") else "metric"
        program = next(_settings(kind, name))[1]
    text = EMITTERS[backend](program).text
    return frozenset(ast.unparse(node) for node in ast.parse(text).body)


def nodes(program: Program) -> str:
    """The nodes of the ONNX model, one a line."""
    import onnx

    weights = initial.weights(program.graph, program.seed)
    chunks = to_onnx(program, weights).chunks
    model = onnx.load_from_string(b"".join(map(bytes, chunks)))
    return "\n".join(
        f"{', '.join(node.output)} = {node.op_type}({', '.join(node.input)})"
        for node in model.graph.node
    )


def page(word: type[Word]) -> str:
    """What programs with a word have on each backend; what was shown is not shown again."""
    parts = [f"# {word.word}"]
    known = {name: known_definitions(name, word.word) for name in EMITTERS}
    for title, program in programs(word):
        made = {name: own(emit(program).text, known[name], word) for name, emit in EMITTERS.items()}
        if word.kind == "op":
            made["ONNX"] = [nodes(program)]
        if any(made.values()):
            parts.append(f"## {title}")
        for backend, pieces in made.items():
            if pieces:
                text = "\n\n".join(pieces)
                parts.append(f"{backend}:\n\n{textwrap.indent(text, '    ')}")
            if backend in known:
                known[backend].update(ast.unparse(ast.parse(piece)) for piece in pieces)
    return "\n\n".join(parts) + "\n"


KINDS: tuple[Kind, ...] = (
    *("op", "loss", "penalty", "metric", "optimizer"),
    *("schedule", "clip", "constraint"),
)


@pytest.mark.parametrize(
    "word", [word for kind in KINDS for word in words(kind)], ids=lambda w: f"{w.kind}-{w.word}"
)
def test_the_code_of_a_word(word: type[Word], golden: Golden) -> None:
    text = page(word)
    assert "PyTorch:" in text, "no program has this word: give it an example"
    golden(f"generated/{word.kind}/{word.word}.txt", text)
