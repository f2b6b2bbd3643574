"""Strict JSON with the place of every value, read by a machine that has a stack of its own."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NoReturn, TypeAlias, overload

from nnc.compiler.diagnostics import Failed, Label, Report
from nnc.compiler.document import mistakes
from nnc.compiler.source import Source, Span

DEEPEST: Final = 100
LONGEST: Final = 64 * 2**20
"""Characters of a document."""
MOST_VALUES: Final = 2_000_000
LONGEST_NUMBER: Final = 310
"""Characters of a number: as many as the largest float written out needs."""

Content: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"

_SPACE: Final = r"[ \t\r\n]*"
_END: Final = r"(?=[ \t\r\n,\]}]|\Z)"
_PLAIN: Final = r'"[^"\\\x00-\x1f\ud800-\udfff]*"'
_VALUE: Final = re.compile(
    rf"{_SPACE}(?:({_PLAIN})|(-?(?:0|[1-9][0-9]*){_END})"
    rf"|(-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?{_END})"
    rf"|((?:true|false|null){_END})|([\[{{]))"
)
_KEY: Final = re.compile(rf"{_SPACE}({_PLAIN}){_SPACE}:")
_NEXT: Final = re.compile(rf"{_SPACE}([,\]}}])")
_STRING: Final = re.compile(f'{mistakes.BODY}"')
_COLON: Final = re.compile(rf"{_SPACE}:")
_SPACES: Final = re.compile(_SPACE)
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)")
_HALF: Final = re.compile(r"[\ud800-\udfff]")
_ESCAPES: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: Final = {"true": True, "false": False, "null": None}


@dataclass(slots=True, eq=False)
class Value:
    """A value of the document. `key` is the place of its key, with quotes, in an object."""

    content: Content
    start: int
    end: int
    key: tuple[int, int] | None = None


class Pointers(Sequence[tuple[int, int, str]]):
    """(start, end, pointer) of every value by their starts; a key belongs to its value.

    They are worked out when a message first asks for one.
    """

    def __init__(self) -> None:
        self.root: Value | None = None

    @cached_property
    def _all(self) -> list[tuple[int, int, str]]:
        found: list[tuple[int, int, str]] = []
        waiting = [(self.root, "")] if self.root else []
        while waiting:
            value, pointer = waiting.pop()
            start = value.key[0] if value.key else value.start
            found.append((start, value.end, pointer))
            content = value.content
            if isinstance(content, dict):
                inner = [(v, f"{pointer}/{_escaped(k)}") for k, v in content.items()]
            elif isinstance(content, list):
                inner = [(v, f"{pointer}/{place}") for place, v in enumerate(content)]
            else:
                continue
            waiting.extend(reversed(inner))
        return found

    def __len__(self) -> int:
        return len(self._all)

    @overload
    def __getitem__(self, place: int) -> tuple[int, int, str]: ...
    @overload
    def __getitem__(self, place: slice) -> list[tuple[int, int, str]]: ...
    def __getitem__(self, place: int | slice) -> tuple[int, int, str] | list[tuple[int, int, str]]:
        return self._all[place]


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def parse(source: Source, report: Report) -> tuple[Source, Value]:
    """The source with the pointers of its values, and the document.

    Raises Failed for text that isn't JSON, with what was found before it; numbers that can't be
    held, keys given twice and halves of characters are reported and read on.
    """
    if len(source.text) > LONGEST:
        mistakes.too_long(report, source, LONGEST)
        raise Failed(report)
    pointers = Pointers()
    located = Source(source.name, source.text, pointers)
    return located, _Machine(located, pointers, report).document()


class _Machine:
    def __init__(self, source: Source, pointers: Pointers, report: Report) -> None:
        self._source = source
        self._pointers = pointers
        self._text = source.text
        self._report = report
        self._place = 1 if source.text.startswith("\ufeff") else 0
        self._open: list[Value] = []
        self._count = 0

    def document(self) -> Value:
        root = self._pointers.root = self._value()
        while self._open:
            self._step(self._open[-1])
        self._place = self._skip()
        if self._place < len(self._text):
            self._stop(mistakes.after_the_end(self._text, self._place))
        return root

    def _step(self, around: Value) -> None:
        """Read what follows in the innermost open list or object: its end or a value."""
        content = around.content
        found = _NEXT.match(self._text, self._place)
        if found is None and content:
            self._stop(mistakes.between(self._text, self._skip(), around.start))
        if found is not None:
            if found[1] != ",":
                self._close(around, found.start(1))
                return
            if not content:
                self._stop(mistakes.stray_comma(found.start(1)))
            self._place = found.end()
        if isinstance(content, dict):
            self._member(content)
        elif isinstance(content, list):
            content.append(self._value())

    def _close(self, around: Value, place: int) -> None:
        expected = "}" if isinstance(around.content, dict) else "]"
        if self._text[place] != expected:
            self._stop(mistakes.wrong_bracket(self._text, place, around.start))
        self._open.pop()
        self._place = around.end = place + 1

    def _member(self, content: dict[str, Value]) -> None:
        found = _KEY.match(self._text, self._place)
        if found is not None:
            start, end = found.span(1)
            key = self._text[start + 1 : end - 1]
            self._place = found.end()
        else:
            start, end, key = self._unusual_key()
        value = self._value()
        value.key = (start, end)
        if key not in content:
            content[key] = value
            return
        first = content[key].key or (start, end)
        label = Label(Span(self._source, *first), "first given here")
        self._report.error(
            "E021", f"the key `{key}` is given twice", Span(self._source, start, end),
            "given again here", also=[label], help="leave one of them out",
        )  # fmt: skip

    def _value(self) -> Value:
        self._count += 1
        if self._count > MOST_VALUES:
            self._stop(mistakes.too_many(self._place, MOST_VALUES))
        found = _VALUE.match(self._text, self._place)
        if found is None:
            return self._unusual_value()
        kind = found.lastindex or 0
        start, end = found.span(kind)
        self._place = end
        if kind == 1:
            return Value(self._text[start + 1 : end - 1], start, end)
        if kind == 5:
            return self._opened(start)
        if kind == 4:
            return Value(_WORDS[found[4]], start, end)
        return Value(self._number(found[kind], start, end), start, end)

    def _opened(self, start: int) -> Value:
        value = Value({} if self._text[start] == "{" else [], start, start + 1)
        self._open.append(value)
        if len(self._open) > DEEPEST:
            self._stop(mistakes.too_deep(start, DEEPEST))
        return value

    def _number(self, text: str, start: int, end: int) -> int | float:
        if len(text) > LONGEST_NUMBER:
            mistakes.long_number(self._report, Span(self._source, start, end), LONGEST_NUMBER)
            return 0
        if text.lstrip("-").isdigit():
            return int(text)
        value = float(text)
        if math.isinf(value):
            mistakes.overflow(self._report, Span(self._source, start, end))
        return value

    # ---- what is rare ---------------------------------------------------------------------

    def _skip(self) -> int:
        """The place of the next character that isn't white space."""
        found = _SPACES.match(self._text, self._place)
        return found.end() if found else self._place

    def _unusual_value(self) -> Value:
        """A string with escapes; anything else is a mistake."""
        start = self._skip()
        found = _STRING.match(self._text, start)
        if found is None:
            around = self._open[-1].start if self._open else None
            self._stop(mistakes.value(self._text, start, around))
        self._place = found.end()
        return Value(self._decoded(start, found.end()), start, found.end())

    def _unusual_key(self) -> tuple[int, int, str]:
        start = self._skip()
        found = _STRING.match(self._text, start)
        if found is None:
            self._stop(mistakes.key(self._text, start, self._open[-1].start))
        self._place = found.end()
        colon = _COLON.match(self._text, self._place)
        if colon is None:
            self._stop(mistakes.colon(self._text, self._skip(), found.span()))
        self._place = colon.end()
        return start, found.end(), self._decoded(start, found.end())

    def _decoded(self, start: int, end: int) -> str:
        body = self._text[start + 1 : end - 1]
        plain = _ESCAPE.sub(_character, body)
        joined = plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        if not _HALF.search(joined):
            return joined
        mistakes.half_character(self._report, Span(self._source, start, end))
        return _HALF.sub("_", joined)  # a name stays one: this is the only message

    def _stop(self, mistake: mistakes.Mistake) -> NoReturn:
        """Report what can't be read on from, and raise Failed."""
        for value in self._open:
            value.end = len(self._text)
        code, message, (start, end), label, cure, second = mistake
        also = [Label(Span(self._source, place, place + 1), text) for place, text in second]
        self._report.error(
            code, message, Span(self._source, start, end), label, also=also, help=cure
        )
        raise Failed(self._report)


def _character(escape: re.Match[str]) -> str:
    text = escape[1]
    return chr(int(text[1:], 16)) if len(text) > 1 else _ESCAPES.get(text, text)
