"""The reference of the JSON form and the pages of its mistakes show what is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from nnc.compiler.diagnostics import Failed
from nnc.compiler.document.read import read
from nnc.compiler.document.schema import schema
from nnc.compiler.document.write import to_json
from nnc.compiler.explain import explanation
from nnc.compiler.source import Source
from tests.document.specs import program

CODES = tuple(f"E{number:03}" for number in range(20, 30))


def fences(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture
def page(root: Path) -> str:
    return (root / "docs" / "json.md").read_text("utf-8")


def test_the_example_of_the_reference_is_what_is_written(page: str) -> None:
    (spec,), (document,) = fences(page, "nn"), fences(page, "json")
    assert document == to_json(program(spec))


def test_the_reference_has_every_key(page: str) -> None:
    definitions = schema()["$defs"]
    keys = {*schema()["properties"], *definitions["node"]["properties"]}
    for section in ("train", "data", "search"):
        keys |= set(definitions[section]["properties"])
    assert {key for key in keys if f"`{key}`" not in page} == set()


@pytest.mark.parametrize("code", CODES)
def test_the_example_of_a_page_makes_the_mistake(code: str) -> None:
    (example,) = fences(explanation(code) or "", "json")
    with pytest.raises(Failed) as failed:
        read(Source("spec.json", example))
    assert {d.code for d in failed.value.diagnostics} == {code}
