"""The arguments of a word as a document or a canonical text lists them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from inspect import get_annotations
from typing import Any, Final, Literal, get_args, get_origin

from nnc.compiler.vocabulary.base import Word

APART: Final = ("activation", "activity_regularize")
"""Arguments of an op that are nodes of their own in a program."""


@cache
def names(cls: type[Word]) -> tuple[str, ...]:
    """Arguments in their order: those that may be given without a name, then the class' own, then
    those that it shares with others. Those of `APART` are left out."""
    fields = cls.model_fields
    known = (name for base in cls.__mro__ for name in get_annotations(base))
    listed = dict.fromkeys((*cls.positional, *(name for name in known if name in fields)))
    return tuple(name for name in listed if name not in APART)


def ordered(word: Word) -> dict[str, Any]:
    """Every argument with its value, in the order of `names`."""
    return {name: getattr(word, name) for name in names(type(word))}


@cache
def defaults(cls: type[Word]) -> dict[str, Any]:
    """The arguments that need not be given, with what they are then."""
    fields = cls.model_fields
    return {name: fields[name].default for name in names(cls) if not fields[name].is_required()}


@cache
def options(cls: type[Word], name: str) -> frozenset[str]:
    """The options that an argument may be, `same` and `valid`; none where it takes other text."""
    return frozenset(_options(cls.model_fields[name].annotation))


def _options(annotation: Any) -> Iterator[str]:
    parts = get_args(annotation)
    if get_origin(annotation) is Literal:
        yield from (part for part in parts if isinstance(part, str))
        return
    for part in parts:
        yield from _options(part)
