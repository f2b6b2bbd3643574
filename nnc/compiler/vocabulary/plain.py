"""Values that plainly fit an annotation, told without pydantic.

A reader gives the value as pydantic's strict mode would take it, or UNSURE. It may be unsure of
anything, and pydantic is asked then; of what it is sure of, a test asks pydantic as well.
"""

from __future__ import annotations

import math
import operator
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, TypeAlias, Union, get_args, get_origin

UNSURE: Final = object()
Reader: TypeAlias = Callable[[Any], Any]

_EXACT: Final = 2**53
"""Whole numbers up to this are float64 numbers."""


def reader(annotation: Any, marks: Iterable[Any] = ()) -> Reader:
    """The reader of an annotation: numbers, text, options, words, lists and choices of these.
    `marks` are what `Annotated` adds; those with `limits` bound the values."""
    limits: dict[str, Any] = {}
    for mark in marks:
        limits |= getattr(mark, "limits", {})
    origin, parts = get_origin(annotation), get_args(annotation)
    if limits:
        return _limited(reader(annotation), origin or annotation, limits)
    if origin is Annotated:
        return reader(parts[0], parts[1:])
    if origin in (Union, types.UnionType):
        return _either([reader(part) for part in parts])
    if origin is Literal:
        return _option(parts)
    if origin is tuple:
        return _list(parts)
    return _PLAIN.get(annotation) or _instance(annotation)


def _same(kind: type) -> Reader:
    return lambda value: value if type(value) is kind else UNSURE


def _real(value: Any) -> Any:
    if type(value) is int and -_EXACT <= value <= _EXACT:
        return float(value)
    return value if type(value) is float else UNSURE


_PLAIN: Final[Mapping[Any, Reader]] = {
    bool: _same(bool),
    int: _same(int),
    float: _real,
    str: _same(str),
    types.NoneType: _same(types.NoneType),
    Any: lambda value: value,
}


def _instance(annotation: Any) -> Reader:
    """Words. Python's own classes have rules at pydantic's, and are left to it."""
    if not isinstance(annotation, type) or not hasattr(annotation, "model_fields"):
        return lambda value: UNSURE
    return lambda value: value if isinstance(value, annotation) else UNSURE


def _option(options: Sequence[Any]) -> Reader:
    known = {(type(option), option) for option in options}

    def read(value: Any) -> Any:
        if type(value) is not str and type(value) is not int:
            return UNSURE
        return value if (type(value), value) in known else UNSURE

    return read


def _list(parts: Sequence[Any]) -> Reader:
    """A tuple: of any length as `(X, ...)`, else with one annotation for each item."""
    endless = len(parts) == 2 and parts[1] is Ellipsis
    readers = [reader(part) for part in (parts[:1] if endless else parts)]

    def read(value: Any) -> Any:
        if type(value) is not tuple or not (endless or len(value) == len(readers)):
            return UNSURE
        each = readers * len(value) if endless else readers
        items = tuple(one(item) for one, item in zip(each, value, strict=True))
        if any(item is UNSURE for item in items):
            return UNSURE
        return value if all(map(operator.is_, items, value)) else items

    return read


def _either(readers: Sequence[Reader]) -> Reader:
    """The first that takes the value as it is, or else with whole numbers as other numbers."""

    def read(value: Any) -> Any:
        found = [taken for one in readers if (taken := one(value)) is not UNSURE]
        exact = (taken for taken in found if taken is value)
        return next(exact, found[0] if found else UNSURE)

    return read


_BOUNDS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "gt": lambda value, bound: value > bound,
    "ge": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "le": lambda value, bound: value <= bound,
    "allow_inf_nan": lambda value, allowed: allowed or math.isfinite(value),
}
_LENGTHS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "min_length": lambda value, bound: len(value) >= bound,
    "max_length": lambda value, bound: len(value) <= bound,
}
_LIMITS: Final[Mapping[Any, Mapping[str, Callable[[Any, Any], bool]]]] = {
    int: _BOUNDS,
    float: _BOUNDS,
    str: _LENGTHS,
    tuple: _LENGTHS,
}


def _limited(read: Reader, kind: Any, limits: Mapping[str, Any]) -> Reader:
    """A reader that is sure only within limits, and of none that it doesn't know."""
    known = _LIMITS.get(kind, {})
    if not limits.keys() <= known.keys():
        return lambda value: UNSURE

    def within(value: Any) -> Any:
        taken = read(value)
        if taken is UNSURE:
            return UNSURE
        return taken if all(known[name](taken, bound) for name, bound in limits.items()) else UNSURE

    return within
