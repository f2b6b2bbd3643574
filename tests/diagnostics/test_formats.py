"""Diagnostics for programs: JSON, SARIF, GitHub."""

from __future__ import annotations

import json
import time
from typing import Any

import jsonschema
import pytest

from nnc.compiler.diagnostics import Diagnostic, Label
from nnc.compiler.explain import codes, title
from nnc.compiler.render import render_github, render_json, render_sarif
from nnc.compiler.source import Source, Span
from tests.conftest import Golden
from tests.diagnostics.examples import EXAMPLES


def thing(required: str, **properties: Any) -> dict[str, Any]:
    """A JSON schema of an object with these properties and no others."""
    return {
        "type": "object",
        "required": required.split(),
        "properties": properties,
        "additionalProperties": False,
    }


def several(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


TEXT = {"type": "string"}
NUMBER = {"type": "integer", "minimum": 1}
MESSAGE = thing("text", text=TEXT)
LEVEL = {"enum": ["none", "note", "warning", "error"]}
REGION = thing("startLine", startLine=NUMBER, startColumn=NUMBER, endLine=NUMBER, endColumn=NUMBER)
PHYSICAL = thing("artifactLocation", artifactLocation=thing("uri", uri=TEXT), region=REGION)
LOGICAL = thing("", fullyQualifiedName=TEXT, kind=TEXT)
LOCATION = thing(
    "",
    id={"type": "integer", "minimum": -1},
    physicalLocation=PHYSICAL,
    logicalLocations=several(LOGICAL),
    message=MESSAGE,
)
RESULT = thing(
    "message",
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": -1},
    level=LEVEL,
    message=MESSAGE,
    locations=several(LOCATION),
    relatedLocations=several(LOCATION),
)
RULE = thing(
    "id",
    id=TEXT,
    shortDescription=MESSAGE,
    help=thing("text", text=TEXT, markdown=TEXT),
    defaultConfiguration=thing("", level=LEVEL),
)
DRIVER = thing("name", name=TEXT, version=TEXT, rules=several(RULE))
RUN = thing(
    "tool",
    tool=thing("driver", driver=DRIVER),
    columnKind={"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
    results=several(RESULT),
)
SARIF = thing("version runs", version={"const": "2.1.0"}, runs=several(RUN)) | {
    "patternProperties": {r"^\$schema$": TEXT}
}
"""The part of SARIF 2.1.0 (OASIS, section 3) that nnc writes."""


def test_json(golden: Golden) -> None:
    golden("diagnostics.json", render_json(EXAMPLES.values()))
    assert json.loads(render_json([])) == []


def test_json_says_all_there_is() -> None:
    (found,) = json.loads(render_json([EXAMPLES["conflict"]]))
    diagnostic = EXAMPLES["conflict"]
    assert found["message"] == diagnostic.message
    assert found["help"] == diagnostic.help
    assert [label["text"] for label in found["labels"]] == [x.text for x in diagnostic.labels]
    first = found["labels"][0]
    assert (first["line"], first["column"], first["end_line"], first["end_column"]) == (
        4,
        19,
        4,
        38,
    )


def test_json_has_the_pointer() -> None:
    (found,) = json.loads(render_json([EXAMPLES["json"]]))
    assert found["labels"][0]["pointer"] == "/nodes/1/units"


def test_sarif(golden: Golden) -> None:
    examples = [Diagnostic("E999", d.message, d.labels, d.help, d.notes) for d in EXAMPLES.values()]
    text = render_sarif(examples, version="1.2.3")
    golden("diagnostics.sarif", text)
    jsonschema.validate(json.loads(text), SARIF)
    jsonschema.validate(json.loads(render_sarif([])), SARIF)


def test_sarif_has_the_explanation_of_every_rule() -> None:
    run = json.loads(render_sarif(Diagnostic(code, "x") for code in reversed(codes())))["runs"][0]
    jsonschema.validate(run, RUN)
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == codes()
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["shortDescription"]["text"] == title(rule["id"])
        assert rule["defaultConfiguration"]["level"] == result["level"]


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("a b/ü.nn", "a%20b/%C3%BC.nn"),
        ("/specs/a#b.nn", "file:///specs/a%23b.nn"),
        ("\udcff.nn", "%FF.nn"),
    ],
)
def test_sarif_names_files_by_uri(name: str, uri: str) -> None:
    found = Diagnostic("E999", "x", (Label(Span(Source(name, "x"), 0, 1)),))
    (result,) = json.loads(render_sarif([found]))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_github(golden: Golden) -> None:
    golden("diagnostics.github", render_github(EXAMPLES.values()))


def test_github_commands_can_not_be_forged() -> None:
    text = "100%\n::error file=x::forged\r::set-output name=a::b"
    source = Source("a,line=7:b\n::warning::.nn", "x")
    found = Diagnostic("E999", text, (Label(Span(source, 0, 1), text),), help=text, notes=(text,))
    rendered = render_github([found])
    assert rendered.count("\n") == 1
    assert rendered.startswith("::error file=a%2Cline=7%3Ab\\n%3A%3Awarning%3A%3A.nn,line=1,")
    assert "100%25%0A" in rendered


def test_10000_diagnostics_in_a_large_json_spec_take_less_than_five_seconds() -> None:
    text = "[" + ",".join("1" for _ in range(100_000)) + "]"
    values = ((i * 2 + 1, i * 2 + 2, f"/{i}") for i in range(100_000))
    source = Source("spec.json", text, ((0, len(text), ""), *values))
    found = [
        Diagnostic("E999", "x", (Label(Span(source, i * 20 + 1, i * 20 + 2)),))
        for i in range(10_000)
    ]
    start = time.perf_counter()
    assert '"/99990"' in render_json(found)
    render_sarif(found)
    render_github(found)
    assert time.perf_counter() - start < 5
