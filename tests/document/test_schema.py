"""The JSON Schema: everything that is written fits it, typical mistakes don't."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from nnc.compiler.document.schema import schema
from nnc.compiler.document.write import to_document
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary import base
from nnc.compiler.vocabulary.ops.base import Op
from tests.document.specs import programs
from tests.document.test_read import GONE, SPEC, changed

SCHEMA = schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
PROGRAMS = programs()


def fits(document: Any) -> bool:
    return bool(VALIDATOR.is_valid(document))


def as_json(document: Any) -> Any:
    return json.loads(json.dumps(document))


def test_it_is_a_schema_with_a_version() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"] == "urn:nnc:spec:1"
    assert as_json(SCHEMA) == schema() or json.dumps(SCHEMA) == json.dumps(schema())


def test_every_word_stands_in_it_with_its_description() -> None:
    for cls in base.words():
        if cls.kind == "columns":
            continue
        definition = SCHEMA["$defs"][f"{cls.kind}.{cls.word}"]
        assert definition["description"]
        assert set(cls.model_fields) <= set(definition["properties"])
        for name, field in cls.model_fields.items():
            assert field.is_required() == (name in definition.get("required", []))
            assert definition["properties"][name]["description"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_document_that_is_written_fits(name: str) -> None:
    VALIDATOR.validate(as_json(to_document(PROGRAMS[name])))


def test_every_op_with_any_arguments_fits() -> None:
    for cls in base.words("op"):
        assert issubclass(cls, Op)
        for example in cls.examples():
            VALIDATOR.validate(as_json(to_document(Program(single(example.op, example.inputs)))))


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("/nnc", 2),
        ("/nnc", GONE),
        ("/layuot", "channels_last"),
        ("/layout", "first"),
        ("/name", "my net"),
        ("/name", "1st"),
        ("/inputs/0/type", GONE),
        ("/inputs/0/type", "float[2]"),
        ("/inputs/0/type", [2]),
        ("/nodes/0/name", "a b"),
        ("/nodes/0/op", "Dens"),
        ("/nodes/0/op", GONE),
        ("/nodes/0/layer", "dense"),
        ("/nodes/0/units", 3),
        ("/nodes/0/inputs", "x"),
        ("/nodes/0/inputs", []),
        ("/nodes/0/attributes", GONE),
        ("/nodes/0/attributes/units", 0),
        ("/nodes/0/attributes/units", "3"),
        ("/nodes/0/attributes/units", 2.5),
        ("/nodes/0/attributes/unit", 3),
        ("/nodes/0/attributes/weight", [["a"]]),
        ("/nodes/0/attributes/weight_init", "he_norml"),
        ("/nodes/0/attributes/weight_init", {"word": "normal", "sdt": 1}),
        ("/nodes/0/attributes/bias_init", "constant"),
        ("/nodes/0/attributes/regularize", {"word": "l2", "strength": -1}),
        ("/nodes/0/attributes/activation", "rleu"),
        ("/outputs", []),
        ("/outputs/0", "relu"),
        ("/train/loss", GONE),
        ("/train/loss", []),
        ("/train/loss", "mse"),
        ("/train/optimizer", {"word": "adam", "lr": 0}),
        ("/train/batch", 0),
        ("/train/batch", "al"),
        ("/data/source", "csv"),
        ("/data/fields/0/columns", 1),
        ("/search", {"ranges": {"lr": {"word": "choice", "values": []}}}),
        ("/search", {"ranges": {}, "goal": "best"}),
    ],
)
def test_a_typical_mistake_does_not_fit(where: str, value: Any) -> None:
    assert not fits(json.loads(changed(where, value)))


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("/name", "größe"),
        ("/nodes/0/name", "layer1.0.conv1"),
        ("/nodes/0/attributes/bias", [1, -0.5, 2e3]),
        ("/nodes/0/attributes/weight", [[1, 2], [3, 4], [5, 6.5]]),
        ("/nodes/0/attributes/activation", {"word": "leaky_relu", "slope": 0.1}),
        ("/nodes/0", {"name": "b", "layer": "a", "inputs": ["x"]}),
        ("/inputs/0/type", "bf16[T, 20]"),
        ("/train/batch", "all"),
        ("/train/stop", None),
    ],
)
def test_what_may_be_written_fits(where: str, value: Any) -> None:
    assert fits(json.loads(changed(where, value)))


def test_the_spec_of_these_tests_fits() -> None:
    assert fits(SPEC)
