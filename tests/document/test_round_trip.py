"""`.nn` -> JSON -> `.nn` -> JSON: the same program, and the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnc.compiler.document import write
from nnc.compiler.document.arguments import names
from nnc.compiler.document.unparse import to_syntax
from nnc.compiler.document.write import to_document, to_json
from nnc.compiler.ir import Program, single
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary import base
from nnc.compiler.vocabulary.ops.base import Example, Op
from nnc.compiler.vocabulary.ops.dense import Dense
from nnc.grammar.format import format_file
from tests.document.specs import program, programs

PROGRAMS = programs()


def examples() -> list[Example]:
    """Every example of every op."""
    ops = [cls for cls in base.words("op") if issubclass(cls, Op)]
    return [example for op in ops for example in op.examples()]


def meaning(made: Program) -> Program:
    """A program without what a JSON spec leaves out: hints, and parameters without a search."""
    graph = replace(made.graph, hints={}, instances=())
    parameters: Mapping[str, object] = made.parameters if made.search else {}
    return replace(made, graph=graph, parameters=parameters)


def flat(made: Program) -> str:
    """The canonical flat `.nn` text."""
    return format_file(to_syntax(made))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_is_read_back_as_it_was_written(name: str) -> None:
    made = PROGRAMS[name]
    text = to_json(made)
    assert meaning(program(text, "spec.json")) == meaning(made)
    assert to_json(program(text, "spec.json")) == text


@pytest.mark.parametrize("name", PROGRAMS)
def test_flat_text_is_the_same_program_and_gives_the_same_bytes(name: str) -> None:
    made = PROGRAMS[name]
    again = program(flat(program(to_json(made), "spec.json")))
    assert meaning(again) == meaning(made)
    assert to_json(again) == to_json(made)
    assert flat(again) == flat(made)


@pytest.mark.parametrize("example", examples(), ids=lambda example: example.op.word)
def test_every_op_with_any_arguments_goes_round(example: Example) -> None:
    made = Program(single(example.op, example.inputs))
    text = to_json(made)
    assert meaning(program(text, "spec.json")) == meaning(made)
    assert to_json(program(flat(made))) == text


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_text_is_the_document(name: str) -> None:
    made = PROGRAMS[name]
    text = to_json(made)
    assert json.loads(text) == to_document(made)
    assert list(json.loads(text)) == list(to_document(made))
    assert text.endswith("}\n")
    assert all(len(line) <= write.WIDTH for line in text.split("\n"))


def test_what_is_written_has_every_argument_and_no_activation() -> None:
    made = program("model M { input x: f32[2] output y = x -> Dense(3, activation=relu) }")
    nodes = json.loads(to_json(made))["nodes"]
    assert [node["op"] for node in nodes] == ["Dense", "relu"]
    assert nodes[0]["attributes"] == {
        "units": 3,
        "bias": True,
        "weight": None,
        "weight_init": "glorot_uniform",
        "bias_init": "zeros",
        "regularize": None,
        "bias_regularize": None,
        "constraint": None,
        "bias_constraint": None,
        "trainable": True,
    }
    assert next(iter(nodes[0]["attributes"])) == "units"
    assert nodes[1]["attributes"] == {}


def test_flat_text_says_only_what_differs() -> None:
    made = PROGRAMS["resnet50"]
    lines = [line.strip() for line in flat(made).split("\n")]
    assert "image -> Conv2D(64, 7, stride=2, padding=3, bias=false) as conv1" in lines
    assert "(layer1.0.bn3, layer1.0.downsample.1) -> add as layer1.0.add" in lines


def test_a_long_list_is_broken_and_a_short_one_is_not() -> None:
    numbers = ", ".join(["0.125"] * 30)
    made = program(f"model M {{ input x: f32[30] output y = x -> Dense(1, weight=[[{numbers}]]) }}")
    text = to_json(made)
    assert text.count("0.125,\n") == 29
    assert '"inputs": ["x"],\n' in text
    assert meaning(program(text, "spec.json")) == meaning(made)


def test_letters_of_any_script_are_kept() -> None:
    assert '"größe"' in to_json(PROGRAMS["names in other scripts"])


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_numbers_are_kept_to_the_last_bit(numbers: list[float]) -> None:
    op = Dense(units=1, weight=(tuple(numbers),))
    made = Program(single(op, (TensorType("f32", (len(numbers),)),)))
    for again in (program(to_json(made), "spec.json"), program(flat(made))):
        weight = again.graph.nodes[0].op.arguments()["weight"][0]
        assert [number.hex() for number in map(float, weight)] == [n.hex() for n in numbers]


@pytest.mark.parametrize("cls", base.words(), ids=lambda cls: f"{cls.kind}-{cls.word}")
def test_every_argument_is_written_but_those_that_are_nodes(cls: type[base.Word]) -> None:
    assert set(names(cls)) == set(cls.model_fields) - {"activation", "activity_regularize"}
