"""The strict reader of JSON: what it reads, where it stands, what it refuses and how it says so."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnc.compiler.diagnostics import Diagnostic, Failed, Report
from nnc.compiler.document import positions
from nnc.compiler.document.positions import Value, parse
from nnc.compiler.source import Source


def plain(value: Value) -> Any:
    """A value without places."""
    content = value.content
    if isinstance(content, dict):
        return {key: plain(item) for key, item in content.items()}
    return [plain(item) for item in content] if isinstance(content, list) else content


def read(text: str) -> Any:
    report = Report()
    _, value = parse(Source("spec.json", text), report)
    report.raise_errors()
    return plain(value)


def refused(text: str) -> Diagnostic:
    """The one diagnostic of a text."""
    with pytest.raises(Failed) as failed:
        read(text)
    (found,) = failed.value.diagnostics
    return found


scalars: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.text(),
    st.floats(allow_nan=False, allow_infinity=False),
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30
)


@given(documents, st.sampled_from([None, 1]), st.booleans())
def test_what_other_programs_write_is_read(document: Any, indent: int | None, ascii: bool) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii)
    made = read(text)
    assert made == document
    assert json.dumps(made) == json.dumps(document)  # 1 is not 1.0, and -0.0 is not 0.0


def walk(value: Value, pointer: str = "") -> Iterator[tuple[Value, str]]:
    """Every value and its pointer, as RFC 6901 has it."""
    yield value, pointer
    content = value.content
    if isinstance(content, dict):
        for key, item in content.items():
            yield from walk(item, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(content, list):
        for place, item in enumerate(content):
            yield from walk(item, f"{pointer}/{place}")


@given(documents)
def test_every_value_and_every_key_has_its_place_and_its_pointer(document: Any) -> None:
    text = json.dumps({"": [document], "a~b/c": document}, indent=2)
    source, root = parse(Source("spec.json", text), Report())
    for value, pointer in walk(root):
        assert json.loads(text[value.start : value.end]) == plain(value)
        assert source.pointer(value.start) == source.pointer(value.end - 1) == pointer
        if value.key is not None:
            key = json.loads(text[slice(*value.key)])
            assert pointer.endswith("/" + key.replace("~", "~0").replace("/", "~1"))
            assert source.pointer(value.key[0]) == pointer


MISTAKES = {
    # text: code, line, column, pointer, a part of the message, help
    '{"a": 1,}': ("E020", 1, 8, "", "a comma before the closing bracket", "remove the comma"),
    '{"a": [1,\n 2,\n]}': ("E020", 2, 3, "/a", "a comma before the closing", "remove the comma"),
    "{'a': 1}": ("E020", 1, 2, "", "double quotes", 'write `"a"`'),
    '{"a": \'it"s\'}': ("E020", 1, 7, "", "double quotes", 'write `"it\\"s"`'),
    "{“a”: 1}": ("E020", 1, 2, "", "straight double quotes", 'write `"`'),
    "{a: 1}": ("E020", 1, 2, "", "the key `a` has no quotes", 'write `"a"`'),
    "{1: 1}": ("E020", 1, 2, "", "the key `1` has no quotes", 'write `"1"`'),
    '{"a" 1}': ("E020", 1, 2, "", "no value follows the key `a`", 'write `"a": …`'),
    '{"a" = 1}': ("E020", 1, 6, "", "not `=`", 'write `"a": …`'),
    '{"a": 1 "b": 2}': ("E020", 1, 9, "", "a comma is missing", "write `,`"),
    "[1 2]": ("E020", 1, 4, "", "a comma is missing", "write `,`"),
    '{"a": 1; "b": 2}': ("E020", 1, 8, "", "separated by commas", "write `,`"),
    "[1: 2]": ("E020", 1, 3, "", "a colon stands", "in `{ }`"),
    '{"a": 1 // one\n}': ("E020", 1, 9, "", "JSON has no comments", "`.nn`"),
    '{ # one\n"a": 1}': ("E020", 1, 3, "", "JSON has no comments", "`.nn`"),
    '{"a": /* one */ 1}': ("E020", 1, 7, "", "JSON has no comments", "`.nn`"),
    '{"a": 1}\n// one': ("E020", 2, 1, None, "JSON has no comments", "`.nn`"),
    '{"a": True}': ("E020", 1, 7, "", "`True` is not a value", "write `true`"),
    '{"a": None}': ("E020", 1, 7, "", "`None` is not a value", "write `null`"),
    '{"a": relu}': ("E020", 1, 7, "", "`relu` is not a value", 'write `"relu"`'),
    '{"a": .5}': ("E020", 1, 7, "", "`.5` is not a number", "write `0.5`"),
    '{"a": -.5}': ("E020", 1, 7, "", "`-.5` is not a number", "write `-0.5`"),
    '{"a": 5.}': ("E020", 1, 7, "", "`5.` is not a number", "write `5.0`"),
    '{"a": +1e3}': ("E020", 1, 7, "", "`+1e3` is not a number", "write `1e3`"),
    '{"a": 007}': ("E020", 1, 7, "", "`007` is not a number", "write `7`"),
    '{"a": 1_000}': ("E020", 1, 7, "", "`1_000` is not a number", "write `1000`"),
    '{"a": 0x10}': ("E020", 1, 7, "", "`0x10` is not a number", None),
    '{"a": 1.2.3}': ("E020", 1, 7, "", "`1.2.3` is not a number", None),
    '{"a": -}': ("E020", 1, 7, "", "a value is missing", None),
    '{"a": ,}': ("E020", 1, 7, "", "a comma without a value", "remove the comma"),
    "[,]": ("E020", 1, 2, "", "a comma without a value", "remove the comma"),
    '{"a":}': ("E020", 1, 6, "", "a value is missing", "write the value"),
    '{"a": "b\\d"}': ("E020", 1, 9, "", "unknown escape `\\d`", "`\\\\`"),
    '{"a": "\\u12"}': ("E020", 1, 8, "", "unknown escape", "four hexadecimal digits"),
    '{"a": "b\tc"}': ("E020", 1, 9, "", "control character U+0009", "write it as `\\u0009`"),
    '{"a": "b\n"}': ("E020", 1, 7, "", "not closed on its line", 'write `"`'),
    '{"a': ("E020", 1, 2, "", "not closed on its line", 'write `"`'),
    '{"a": [1, 2}': ("E020", 1, 12, "/a", "`[` is closed by `}`", "write `]`"),
    '{"a": [1, 2': ("E020", 1, 7, "/a", "before a `[` is closed", "write `]`"),
    '{"a": [1]': ("E020", 1, 1, "", "before a `{` is closed", "write `}`"),
    '{"a":': ("E020", 1, 1, "", "before a `{` is closed", "write `}`"),
    "{} {}": ("E020", 1, 4, None, "something follows", "one object"),
    "": ("E020", 1, 1, None, "the document is empty", 'write `{"nnc": 1, …}`'),
    "\ufeff \n": ("E020", 2, 1, None, "the document is empty", "write"),
    '{"a": 1, "b": 2, "a": 3}': ("E021", 1, 18, "", "the key `a` is given twice", "leave one"),
    '{"\\u0061": 1, "a": 3}': ("E021", 1, 15, "", "the key `a` is given twice", "leave one"),
    '{"a": NaN}': ("E022", 1, 7, "", "JSON has no number `NaN`", "`null`"),
    "[-Infinity]": ("E022", 1, 2, "", "JSON has no number `-Infinity`", "`null`"),
    "[1, -1e999]": ("E022", 1, 5, "/1", "`-1e999` is too large", None),
    f"[{'7' * 400}]": ("E022", 1, 2, "/0", "this number has 400 characters", "`1e12`"),
    '["a\\ud83d"]': ("E024", 1, 2, "/0", "half of a character", "both halves"),
    '["\udc00"]': ("E024", 1, 2, "/0", "half of a character", "both halves"),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_told_at_its_place_with_its_cure(text: str) -> None:
    code, line, column, pointer, message, cure = MISTAKES[text]
    found = refused(text)
    assert found.code == code
    assert message in found.message
    assert (cure is None) == (found.help is None)
    assert cure is None or (found.help is not None and cure in found.help)
    assert found.span is not None
    assert found.span.source.position(found.span.start) == (line, column)
    assert found.span.source.pointer(found.span.start) == pointer


def test_a_mistake_shows_where_the_other_half_stands() -> None:
    twice = refused('{"a": 1,\n"a": 2}')
    assert [label.span.text for label in twice.labels] == ['"a"', '"a"']
    assert twice.labels[1].span.start == 1
    bracket = refused('{"a": [1, 2}')
    assert bracket.labels[1].span.text == "["


def test_reading_goes_on_after_what_can_be_read() -> None:
    with pytest.raises(Failed) as failed:
        read('{"a": 1e999, "a": "\\ud800", "b": 1')
    assert [d.code for d in failed.value.diagnostics] == ["E022", "E024", "E021", "E020"]


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read('\ufeff{"a": 1}') == {"a": 1}


def test_halves_that_meet_are_one_character() -> None:
    assert read('["\\ud83d\\ude00", "\\u00e9\\n\\/\\""]') == ["\U0001f600", 'é\n/"']


@pytest.mark.parametrize("text", ["[" * 100 + "]" * 100, '{"a":' * 99 + "1" + "}" * 99])
def test_a_hundred_levels_are_read(text: str) -> None:
    assert read(text) == json.loads(text)


@pytest.mark.parametrize("bracket", ["[", '{"a":', '[{"a":'])
def test_more_levels_are_refused_at_once(bracket: str) -> None:
    found = refused(bracket * 1_000_000)
    assert found.code == "E023"
    assert "100 deep" in found.message


def test_a_document_has_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positions, "LONGEST", 20)
    assert read(" " * 18 + "[]") == []
    assert refused(" " * 19 + "[]").code == "E023"
    monkeypatch.setattr(positions, "MOST_VALUES", 5)
    assert read("[1,2,3,4]") == [1, 2, 3, 4]
    found = refused("[1,2,3,4,5]")
    assert (found.code, found.span and found.span.start) == ("E023", 9)


LONG = (
    '{"a":"' + "\\n" * 9,
    '["' + "\\d" * 9,
    "[" + " " * 9,
    "[/*" + "/*" * 9,
    "[" + "1" * 9,
    "['" + "'" * 9,
)


@pytest.mark.parametrize("text", LONG)
def test_long_damage_takes_no_long_time(text: str) -> None:
    start = time.process_time()
    with pytest.raises(Failed):
        read(text + text[2:] * 100_000)
    assert time.process_time() - start < 2


@given(documents, st.data())
def test_damage_gives_diagnostics_only(document: Any, data: st.DataObject) -> None:
    text = json.dumps(document)
    place = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(place, min(place + 3, len(text))))
    damaged = text[:place] + data.draw(st.text(max_size=3)) + text[stop:]
    with suppress(Failed):
        made = read(damaged)
        assert json.loads(damaged.removeprefix("\ufeff")) == made


@given(st.text(alphabet="{}[],:\"\\/*#'-+.0123eEtruefalsn uNI\n\t\ud800é"))
def test_noise_gives_diagnostics_only(text: str) -> None:
    with suppress(Failed):
        made = read(text)
        assert json.loads(text) == made
