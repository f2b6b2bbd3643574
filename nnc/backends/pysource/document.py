"""Text with places where a line may be broken, and the rule that breaks as few of them as possible.

A group is written on one line when everything up to the next possible break fits; otherwise all
breaks that belong to the group itself are taken (Oppen 1980; Wadler 2003).
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TypeAlias

WIDTH = 88


@dataclass(frozen=True, slots=True)
class Line:
    """A place for a line break; `flat` stands there when it is not taken."""

    flat: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Breaks its own lines all together or not at all."""

    parts: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Indent:
    """Lines broken inside begin four columns further right."""

    parts: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class IfBroken:
    """Text that stands only in a broken group."""

    text: str


Document: TypeAlias = "str | Line | Group | Indent | IfBroken | tuple[Document, ...]"
_Command: TypeAlias = "tuple[int, bool, Document]"

SOFT = Line()
SPACE = Line(" ")


def width(text: str) -> int:
    """Columns of a text: wide characters of East Asian scripts take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def flat(document: Document) -> str:
    """The document on one line."""
    match document:
        case str():
            return document
        case Line():
            return document.flat
        case Group() | Indent():
            return "".join(map(flat, document.parts))
        case IfBroken():
            return ""
        case _:
            return "".join(map(flat, document))


def render(document: Document, indent: int = 0, limit: int = WIDTH) -> str:
    """The document as text; its first line begins at column `indent`, without the spaces in
    front."""
    return _Renderer(limit).render(document, indent)


class _Renderer:
    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._column = 0
        self._written: list[str] = []
        self._rest: list[_Command] = []

    def render(self, document: Document, indent: int) -> str:
        self._column = indent
        self._rest = [(indent, False, document)]
        while self._rest:
            self._step(*self._rest.pop())
        return "".join(self._written)

    def _step(self, indent: int, is_flat: bool, document: Document) -> None:
        match document:
            case str():
                self._write(document)
            case Line():
                if is_flat:
                    self._write(document.flat)
                else:
                    self._written.append("\n" + " " * indent)
                    self._column = indent
            case Group(parts):
                fits = is_flat or self._fits((indent, True, parts))
                self._push(indent, fits, parts)
            case Indent(parts):
                self._push(indent + 4, is_flat, parts)
            case IfBroken(text):
                self._write("" if is_flat else text)
            case _:
                self._push(indent, is_flat, document)

    def _write(self, text: str) -> None:
        self._written.append(text)
        self._column += width(text)

    def _push(self, indent: int, is_flat: bool, parts: tuple[Document, ...]) -> None:
        self._rest.extend((indent, is_flat, part) for part in reversed(parts))

    def _fits(self, command: _Command) -> bool:
        left = self._limit - self._column
        rest = len(self._rest)
        stack: list[_Command] = [command]
        while left >= 0:
            if not stack:
                if rest == 0:
                    return True
                rest -= 1
                stack.append(self._rest[rest])
            indent, is_flat, document = stack.pop()
            match document:
                case str():
                    left -= width(document)
                case Line():
                    if not is_flat:
                        return True
                    left -= width(document.flat)
                case IfBroken(text):
                    left -= 0 if is_flat else width(text)
                case Group(parts) | Indent(parts):
                    stack.extend((indent, is_flat, part) for part in reversed(parts))
                case _:
                    stack.extend((indent, is_flat, part) for part in reversed(document))
        return False
