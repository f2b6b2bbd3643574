"""Documents that may be laid out in one line or in several, and the one way in which they are.

The algorithm is Wadler's ("A prettier printer", 2003) with Oppen's bounded look-ahead: a group is
put on one line when it fits, together with what must follow it there. It keeps its own stack.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

WIDTH: Final = 100
INDENT: Final = 2


@dataclass(frozen=True, slots=True)
class Line:
    """A line's end in a broken group, `flat` in one that is on one line."""

    flat: str = " "


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment: it takes no width, and every group around it is broken."""

    text: str


@dataclass(frozen=True, slots=True)
class IfBroken:
    """Text that is there only in a broken group."""

    text: str


@dataclass(frozen=True, slots=True)
class Nest:
    """Lines one step further to the right."""

    parts: tuple[Doc, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """On one line when that fits; `broken` when it never may be."""

    parts: tuple[Doc, ...]
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Fill:
    """Items with lines between them, as many on each line as fit."""

    items: tuple[Doc, ...]


Doc: TypeAlias = str | Line | Remark | IfBroken | Nest | Group | Fill
_Command: TypeAlias = tuple[int, bool, Doc]


def group(*parts: Doc) -> Group:
    """A group, broken when a part of it must be."""
    return Group(parts, any(is_broken(part) for part in parts))


def is_broken(doc: Doc) -> bool:
    """Whether a document can't be on one line. Groups know; the rest is shallow."""
    match doc:
        case Remark():
            return True
        case Group():
            return doc.broken
        case Nest(parts) | Fill(parts):
            return any(is_broken(part) for part in parts)
    return False


def flat_width(docs: Sequence[Doc], most: int) -> int | None:
    """The width of documents on one line; None when it's more than `most` or can't be."""
    if any(is_broken(doc) for doc in docs):
        return None
    left = _remaining(most, [(0, False, doc) for doc in reversed(docs)], [])
    return None if left is None else most - int(left)


def render(docs: Sequence[Doc], indent: int = 0, width: float = WIDTH) -> str:
    """The text of documents that stand one after the other, from the column `indent`.

    The first line isn't indented, and no line ends in a space.
    """
    out: list[str] = []
    column = indent
    stack: list[_Command] = [(indent, True, doc) for doc in reversed(docs)]
    while stack:
        indent, broken, doc = stack.pop()
        match doc:
            case str():
                out.append(doc)
                column += len(doc)
            case Line(flat):
                if broken:
                    out.append("\n" + " " * indent)
                    column = indent
                else:
                    out.append(flat)
                    column += len(flat)
            case Remark(text):
                out.append(text)
            case IfBroken(text):
                out.append(text if broken else "")
                column += len(text) if broken else 0
            case Nest(parts):
                stack.extend((indent + INDENT, broken, part) for part in reversed(parts))
            case Group(parts):
                fits = not doc.broken and _fits(width - column, (indent, False, doc), stack)
                stack.extend((indent, not fits, part) for part in reversed(parts))
            case Fill(items):
                stack.extend(_filled(width - column, indent, broken, items))
    return "\n".join(line.rstrip() for line in "".join(out).split("\n"))


def _filled(left: float, indent: int, may_break: bool, items: Sequence[Doc]) -> list[_Command]:
    """The commands of a fill, last first: before each item a line that is broken or isn't."""
    commands: list[_Command] = []
    for index, item in enumerate(items):
        width = flat_width([item], WIDTH)
        needed = WIDTH if width is None else width
        if index:
            # Two more for the space before the item and the comma that may follow it.
            broken = may_break and needed + 2 > left
            commands.append((indent, broken, Line()))
            left = WIDTH - indent if broken else left - 1
        commands.append((indent, False, item))
        left -= needed
    return commands[::-1]


def _fits(room: float, command: _Command, rest: list[_Command]) -> bool:
    return _remaining(room, [command], rest) is not None


def _remaining(room: float, stack: list[_Command], rest: list[_Command]) -> float | None:
    """What is left of the room after the stack and what follows it up to a line's end; or None."""
    below = len(rest)
    while room >= 0:
        if not stack:
            if below == 0:
                return room
            below -= 1
            stack.append(rest[below])
        indent, broken, doc = stack.pop()
        match doc:
            case str():
                room -= len(doc)
            case Line(flat):
                if broken:
                    return room
                room -= len(flat)
            case IfBroken(text):
                room -= len(text) if broken else 0
            case Remark():
                return room
            case _:
                stack.extend(_opened(indent, broken, doc))
    return None


def _opened(indent: int, broken: bool, doc: Nest | Group | Fill) -> list[_Command]:
    """The commands for the parts of a document, last first."""
    if isinstance(doc, Fill):
        parts = [part for item in doc.items for part in (Line(), item)][1:]
        return [(indent, broken, part) for part in reversed(parts)]
    broken = broken or (isinstance(doc, Group) and doc.broken)
    return [(indent, broken, part) for part in reversed(doc.parts)]
