"""Mistakes in the form of a JSON spec: each is told with code, line, column, pointer and cure."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nnc
from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.document.read import read
from nnc.compiler.source import Source
from tests.document.specs import program

SPEC: dict[str, Any] = {
    "nnc": 1,
    "name": "Example",
    "inputs": [{"name": "x", "type": "f32[2]"}],
    "nodes": [
        {"name": "dense", "op": "Dense", "inputs": ["x"], "attributes": {"units": 3}},
        {"name": "relu", "op": "relu", "inputs": ["dense"]},
    ],
    "outputs": [{"name": "y", "value": "relu"}],
    "data": {
        "source": {"word": "text", "path": "data.txt"},
        "fields": [
            {"name": "x", "columns": [0, 1], "preparations": ["standardize"]},
            {"name": "t", "columns": [2, 3, 4]},
        ],
    },
    "train": {
        "targets": [{"name": "t", "type": "f32[3]"}],
        "loss": [{"loss": "mse", "prediction": "y", "target": "t"}],
        "optimizer": {"word": "adam", "lr": 0.01},
    },
}
GONE = object()


def changed(pointer: str, value: Any) -> str:
    """The spec as text with one value changed, added or (GONE) taken away."""
    spec = json.loads(json.dumps(SPEC))
    *way, last = pointer.split("/")[1:]
    here = spec
    for part in way:
        here = here[int(part) if isinstance(here, list) else part]
    if value is GONE:
        del here[last]
    elif isinstance(here, list):
        here[int(last)] = value
    else:
        here[last] = value
    return json.dumps(spec, indent=1, ensure_ascii=False)


def said(text: str) -> list[Diagnostic]:
    return nnc.compile_text(text, "spec.json")[1]


def test_the_spec_itself_has_no_mistake() -> None:
    assert said(json.dumps(SPEC)) == []


NODE, FIELD = "/nodes/0", "/data/fields/0"
INIT = f"{NODE}/attributes/bias_init"
PENALTY = "/train/penalties/0/penalty"
MISSPELT = {"word": "constant", "valeu": 1}
METRICS = [{"metric": "acuracy", "prediction": "y", "target": "t"}]
SEARCH = {"ranges": {}, "goal": "best", "monitor": "loss"}
MISTAKES: list[tuple[str, Any, str, str, str, str | None]] = [
    # where, what is put there, code, pointer and text of the place, the cure
    ("/nnc", 2, "E028", "/nnc", "2", "a newer nnc"),
    ("/nnc", "1", "E028", "/nnc", '"1"', 'write `"nnc": 1`'),
    ("/nnc", True, "E028", "/nnc", "true", 'write `"nnc": 1`'),
    ("/nnc", GONE, "E026", "", "{", 'write `"nnc": …`'),
    ("/layuot", "x", "E027", "/layuot", "layuot", "did you mean `layout`?"),
    ("/name", 3, "E025", "/name", "3", 'write `"3"`'),
    ("/name", "my net", "E029", "/name", "my net", "write `my_net`"),
    ("/name", "a.b", "E029", "/name", "a.b", "write `a_b`"),
    ("/name", "1st", "E029", "/name", "1st", None),
    ("/name", "", "E029", "/name", '""', None),
    ("/name", "not", "E029", "/name", "not", "choose another name, such as `not_`"),
    ("/layout", 1, "E025", "/layout", "1", 'write `"1"`'),
    ("/layout", "first", "E112", "/layout", "first", "write"),
    ("/inputs", "x", "E025", "/inputs", '"x"', 'write `["x"]`'),
    ("/inputs/0", "x", "E025", "/inputs/0", '"x"', 'write `{"name": …, "type": …}`'),
    ("/inputs/0/type", GONE, "E026", "/inputs/0", "{", 'write `"type": …`'),
    ("/inputs/0/shape", [2], "E027", "/inputs/0/shape", "shape", None),
    ("/inputs/0/type", "f32(2)", "E029", "/inputs/0/type", "f32(2)", "`f32[3, 224, T]`"),
    ("/inputs/0/type", "f32[2,, 3]", "E029", "/inputs/0/type", ",", "write"),
    ("/inputs/0/type", "f32[3, 2.5]", "E029", "/inputs/0/type", " 2.5", "write"),
    ("/inputs/0/type", "f32[-2]", "E310", "/inputs/0/type", "-2", "the batch"),
    ("/inputs/0/type", "float[2]", "E309", "/inputs/0/type", "float", "write `f32`"),
    ("/nodes", {}, "E025", "/nodes", "{", None),
    (NODE + "/nmae", "dense", "E027", NODE + "/nmae", "nmae", "did you mean `name`?"),
    (NODE + "/units", 3, "E027", NODE + "/units", "units", None),
    (NODE + "/name", "a b", "E029", NODE + "/name", "a b", "write `a_b`"),
    (NODE + "/name", "a..b", "E029", NODE + "/name", "a..b", None),
    (NODE + "/name", "x", "E103", NODE + "/op", "Dense", "another name"),
    (NODE + "/inputs", "x", "E025", NODE + "/inputs", '"x"', 'write `["x"]`'),
    (NODE + "/inputs", [], "E025", NODE + "/inputs", "[", None),
    (NODE + "/inputs", ["y y"], "E029", NODE + "/inputs/0", "y y", "write `y_y`"),
    (NODE + "/inputs", ["z"], "E102", NODE + "/inputs/0", "z", "did you mean `x`?"),
    (NODE + "/op", "Dens", "E101", NODE + "/op", "Dens", "did you mean `Dense`?"),
    ("/nodes/1/op", "dense_", "E101", "/nodes/1/op", "dense_", "did you mean"),
    (NODE + "/attributes", [3], "E025", NODE + "/attributes", "[", None),
    (NODE + "/attributes/units", "3", "E203", NODE + "/attributes/units", '"3"', None),
    (NODE + "/attributes/units", None, "E025", NODE + "/attributes/units", "null", None),
    (NODE + "/attributes/units", {"a": 1}, "E025", NODE + "/attributes/units", "{", None),
    (NODE + "/attributes/unit", 3, "E201", NODE + "/attributes/unit", "unit", "`units`"),
    (INIT, "zero", "E203", INIT, "zero", "`zeros`"),
    (INIT, {"value": 1}, "E026", INIT, "{", '"word"'),
    (INIT, {"word": 1}, "E025", INIT + "/word", "1", "write"),
    (INIT, MISSPELT, "E201", INIT + "/valeu", "valeu", "`value`"),
    ("/outputs", [], "E110", "/name", "Example", "output"),
    ("/outputs/0/value", "rleu", "E102", "/outputs/0/value", "rleu", "did you mean `relu`?"),
    ("/train/optimiser", "sgd", "E027", "/train/optimiser", "optimiser", "`optimizer`?"),
    ("/train/optimizer", "adm", "E504", "/train/optimizer", "adm", "did you mean `adam`?"),
    ("/train/optimizer", 3, "E025", "/train/optimizer", "3", None),
    ("/train/loss", GONE, "E026", "/train", "{", 'write `"loss": …`'),
    ("/train/loss", [], "E025", "/train/loss", "[", None),
    ("/train/loss", "mse", "E025", "/train/loss", '"mse"', 'write `["mse"]`'),
    ("/train/loss/0/factor", "2", "E025", "/train/loss/0/factor", '"2"', None),
    ("/train/loss/0/target", "y", "E502", "/train/loss/0/target", "y", "the output comes first"),
    ("/train/batch", "al", "E403", "/train/batch", '"al"', None),
    ("/train/epochs", 0, "E505", "/train/epochs", "0", None),
    ("/train/metrics", METRICS, "E504", "/train/metrics/0/metric", "acuracy", "`accuracy`"),
    ("/train/penalties", [{"penalty": "l2"}], "E202", PENALTY, "l2", "l2(strength)"),
    (FIELD + "/columns", 3, "E025", FIELD + "/columns", "3", None),
    (FIELD + "/columns", [None], "E025", FIELD + "/columns/0", "null", None),
    (FIELD + "/name", "z", "E502", FIELD + "/name", "z", None),
    (FIELD + "/preparations", ["scale"], "E202", FIELD + "/preparations/0", "scale", "(factor)"),
    ("/search", {"ranges": {"lr": "choice"}}, "E502", "/search/ranges/lr", "lr", None),
    ("/search", SEARCH, "E025", "/search/goal", '"best"', None),
    ("/parameters", [1], "E025", "/parameters", "[", None),
    ("/parameters", {"a b": 1}, "E029", "/parameters/a b", "a b", "write `a_b`"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "value", "code", "pointer", "place", "cure"), MISTAKES)
def test_a_mistake_is_told_at_its_place_with_its_cure(
    where: str, value: Any, code: str, pointer: str, place: str, cure: str | None
) -> None:
    text = changed(where, value)
    found = next(d for d in said(text) if d.code == code)
    assert found.span is not None
    assert found.span.text == place
    assert found.span.source.pointer(found.span.start) == pointer
    line, column = found.span.source.position(found.span.start)
    assert text.split("\n")[line - 1][column - 1 :].startswith(place)
    assert cure is None or (found.help is not None and cure in found.help)


def test_several_mistakes_are_told_in_one_run() -> None:
    spec = json.dumps(SPEC | {"inputs": 3, "nodes": [{"op": 1}, {"name": "a b"}], "x": 1})
    told = [(d.code, d.span.source.pointer(d.span.start)) for d in said(spec) if d.span]
    assert told == [
        ("E027", "/x"),
        ("E025", "/inputs"),
        ("E026", "/nodes/0"),
        ("E025", "/nodes/0/op"),
        ("E026", "/nodes/1"),
        ("E029", "/nodes/1/name"),
    ]


def test_keys_that_are_missing_are_told_together() -> None:
    (found,) = said('{"nnc": 1, "name": "M"}')
    assert found.message == "the document has no `inputs`, `nodes` and `outputs`"
    assert found.help == 'write `"inputs": …, "nodes": …, "outputs": …`'


def test_a_misspelt_key_is_told_once() -> None:
    (found,) = said(changed("/train", {"losses": [], "optimizer": "adam"}))
    assert (found.code, found.help) == ("E027", "did you mean `loss`?")


def test_a_layer_is_applied_again_by_its_name_only() -> None:
    again = {"name": "b", "layer": "dense2", "inputs": ["x"]}
    nodes = [{**SPEC["nodes"][0], "name": "dense_"}, SPEC["nodes"][1] | {"inputs": ["dense_"]}]
    assert [d.code for d in said(changed("/nodes", [*nodes, again]))] == ["E101"]
    assert [d.code for d in said(changed("/nodes", [*nodes, again | {"layer": "dense_"}]))] == [
        "W104"
    ]
    as_op = {"name": "b", "op": "dense_", "inputs": ["x"]}
    (found,) = said(changed("/nodes", [*nodes, as_op]))
    assert (found.code, found.help) == (
        "E101",
        'to apply that node again write `"layer": "dense_"`',
    )
    relu = {"name": "b", "layer": "relu", "inputs": ["x"]}
    assert [d.code for d in said(changed("/nodes", [*nodes, relu]))] == ["E029"]


def test_null_is_a_default_and_a_setting_that_is_not_there() -> None:
    spec = changed("/train", SPEC["train"] | {"clip": None, "stop": None, "metrics": None})
    assert said(spec) == []
    assert said(changed("/nodes/0/attributes/weight", None)) == []
    assert said(changed("/search", None)) == []


def test_aliases_of_words_and_arguments_are_read() -> None:
    linear = {"name": "dense", "op": "Linear", "inputs": ["x"], "attributes": {"out_features": 3}}
    assert said(changed("/nodes/0", linear)) == []


def test_an_activation_may_be_written_as_an_attribute() -> None:
    made = program(changed("/nodes/0/attributes/activation", {"word": "softmax", "axis": 0}))
    assert [node.name for node in made.graph.nodes] == ["dense", "dense_softmax", "relu"]


def test_text_means_an_option_even_where_a_value_has_its_name() -> None:
    conv = {
        "name": "same",
        "op": "Conv2D",
        "inputs": ["valid"],
        "attributes": {"filters": 2, "kernel": 1, "padding": "same"},
    }
    again = conv | {"name": "b", "inputs": ["same"]}
    spec = {
        "nnc": 1,
        "name": "M",
        "inputs": [{"name": "valid", "type": "f32[1, 2, 2]"}],
        "nodes": [conv, again],
        "outputs": [{"name": "y", "value": "b"}],
    }
    assert [node.op.arguments()["padding"] for node in program(json.dumps(spec)).graph.nodes] == [
        "same",
        "same",
    ]


documents = [json.dumps(SPEC)]
keys = st.sampled_from(["name", "op", "layer", "word", "inputs", "attributes", "loss", "nnc", "x"])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | keys,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(keys | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=8,
)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """The spec with any value in the place of some of its values."""
    spec = json.loads(json.dumps(SPEC))
    for _ in range(draw(st.integers(1, 3))):
        here: Any = spec
        while True:
            places = range(len(here)) if isinstance(here, list) else sorted(here)
            if not places:
                break
            place = draw(st.sampled_from(places))
            if isinstance(here[place], list | dict) and here[place] and draw(st.booleans()):
                here = here[place]
                continue
            here[place] = draw(values)
            break
    return json.dumps(spec)


@given(damaged())
def test_any_values_give_diagnostics_only(text: str) -> None:
    made, found = nnc.compile_text(text, "spec.json")
    assert (made is None) == any(d.severity == "error" for d in found)


@given(st.data())
def test_damaged_bytes_give_diagnostics_only(data: st.DataObject) -> None:
    text = json.dumps(SPEC)
    place = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(place, min(place + 4, len(text))))
    with suppress(Failed):
        read(Source("spec.json", text[:place] + data.draw(st.text(max_size=3)) + text[stop:]))
