"""The canonical names of words and arguments, for the formatter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from nnc.compiler import (
    syntax,
    vocabulary,  # noqa: F401  enters every word in the register
)
from nnc.compiler.vocabulary import base


def canonical(tree: syntax.File) -> tuple[Callable[[str], str], Callable[[str, str], str]]:
    """How to rename words, and arguments of words, in a file.

    A name that the file itself gives to something stays, and so does one that means different words
    in different places: the formatter must not change what a spec means.
    """
    own = set(_own_names(tree))
    known = _words()

    def rename(name: str) -> str:
        meant = {word.word for word in known.get(name, ())}
        return meant.pop() if name not in own and len(meant) == 1 else name

    def rename_argument(name: str, argument: str) -> str:
        found = known.get(name, []) if name not in own else []
        meant = {
            argument if argument in word.model_fields else word.argument_aliases.get(argument)
            for word in found
        }
        (only,) = meant if len(meant) == 1 else (None,)
        return only or argument

    return rename, rename_argument


def _words() -> dict[str, list[type[base.Word]]]:
    known: dict[str, list[type[base.Word]]] = {}
    for word in base.words():
        for name in (word.word, *word.aliases):
            known.setdefault(name, []).append(word)
    return known


def _own_names(part: Any) -> Iterator[str]:
    """Every name that a tree gives to something."""
    if isinstance(part, tuple):
        for item in part:
            yield from _own_names(item)
    elif isinstance(part, syntax.Name):
        yield part.text
    elif is_dataclass(part):
        for field in fields(part):
            if field.name != "source":
                yield from _own_names(getattr(part, field.name))
