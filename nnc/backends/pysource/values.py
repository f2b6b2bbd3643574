"""Python expressions as values. Whatever comes from a spec enters as a `Literal` or as a checked
identifier, so that nothing from a spec is ever read as code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

Scalar: TypeAlias = bool | int | float | str | None


class Hexadecimal(int):
    """A whole number of 32 bits that is written as `0x5D3F21AA`."""


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier. Raises ValueError for what is not one."""

    text: str

    def __post_init__(self) -> None:
        if not self.text.isidentifier():
            raise ValueError(f"{self.text!r} is not a Python identifier")


@dataclass(frozen=True, slots=True)
class Literal:
    """None, a boolean, a number or a string."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Attribute:
    """value.attribute. Raises ValueError when `attribute` is not an identifier."""

    value: Expr
    attribute: str

    def __post_init__(self) -> None:
        if not self.attribute.isidentifier():
            raise ValueError(f"{self.attribute!r} is not a Python identifier")


@dataclass(frozen=True, slots=True)
class Subscript:
    """value[index]; a tuple index is written without its brackets."""

    value: Expr
    index: Expr


@dataclass(frozen=True, slots=True)
class Slice:
    """lower:upper:step inside a subscript; None leaves a part out."""

    lower: Expr | None = None
    upper: Expr | None = None
    step: Expr | None = None


@dataclass(frozen=True, slots=True)
class Starred:
    """*value (or **value, with two stars) among arguments."""

    value: Expr
    stars: int = 1


@dataclass(frozen=True, slots=True)
class Call:
    """function(arguments, keyword=value, …)."""

    function: Expr
    arguments: tuple[Expr, ...] = ()
    keywords: tuple[tuple[str, Expr], ...] = ()

    def __post_init__(self) -> None:
        for key, _ in self.keywords:
            if not key.isidentifier():
                raise ValueError(f"{key!r} is not a Python identifier")


@dataclass(frozen=True, slots=True)
class Unary:
    """operator operand: `-x`, `~x`, `not x`."""

    operator: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class Binary:
    """left operator right: arithmetic, comparisons, `and`, `or`. Brackets stand where precedence
    needs them."""

    operator: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Conditional:
    """then if test else otherwise."""

    test: Expr
    then: Expr
    otherwise: Expr


@dataclass(frozen=True, slots=True)
class Lambda:
    """lambda parameters: body."""

    parameters: tuple[str, ...]
    body: Expr


@dataclass(frozen=True, slots=True)
class Tuple:
    """(a, b)."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class List:
    """[a, b]."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Dict:
    """{key: value, …}."""

    items: tuple[tuple[Expr, Expr], ...]


Expr: TypeAlias = (
    Name
    | Literal
    | Attribute
    | Subscript
    | Slice
    | Starred
    | Call
    | Unary
    | Binary
    | Conditional
    | Lambda
    | Tuple
    | List
    | Dict
)
EXPRESSIONS = (
    Name,
    Literal,
    Attribute,
    Subscript,
    Slice,
    Starred,
    Call,
    Unary,
    Binary,
    Conditional,
    Lambda,
    Tuple,
    List,
    Dict,
)


def name(text: str) -> Name:
    """An identifier."""
    return Name(text)


def dotted(path: str) -> Expr:
    """`torch.nn.Linear` as attributes of attributes."""
    first, *rest = path.split(".")
    made: Expr = Name(first)
    for part in rest:
        made = Attribute(made, part)
    return made


def literal(scalar: Scalar) -> Literal:
    """A number, a string, a boolean or None."""
    return Literal(scalar)


def value(thing: object) -> Expr:
    """A Python value as an expression: scalars, tuples, lists and mappings of them; expressions
    stay.

    Raises TypeError for anything else.
    """
    if isinstance(thing, EXPRESSIONS):
        return thing
    if thing is None or isinstance(thing, bool | int | float | str):
        return Literal(thing)
    if isinstance(thing, tuple):
        return Tuple(tuple(map(value, thing)))
    if isinstance(thing, list):
        return List(tuple(map(value, thing)))
    if isinstance(thing, Mapping):
        return Dict(tuple((value(k), value(v)) for k, v in thing.items()))
    raise TypeError(f"{type(thing).__name__} has no form in Python source")


def call(function: Expr | str, *arguments: object, **named: object) -> Call:
    """A call; a function given as text is a dotted path, arguments are made by `value`."""
    target = dotted(function) if isinstance(function, str) else function
    return Call(target, tuple(map(value, arguments)), keywords(**named))


def method(owner: Expr | str, attribute_: str, *arguments: object, **named: object) -> Call:
    """owner.attribute(arguments…); an owner given as text is a dotted path."""
    return call(attribute(owner, attribute_), *arguments, **named)


def keywords(**named: object) -> tuple[tuple[str, Expr], ...]:
    """Keyword arguments for a `Call`."""
    return tuple((key, value(thing)) for key, thing in named.items())


def attribute(owner: Expr | str, *parts: str) -> Expr:
    """owner.part.part; an owner given as text is a dotted path."""
    made = dotted(owner) if isinstance(owner, str) else owner
    for part in parts:
        made = Attribute(made, part)
    return made


def subscript(owner: Expr | str, index: object) -> Subscript:
    """owner[index]; an owner given as text is a dotted path."""
    return Subscript(dotted(owner) if isinstance(owner, str) else owner, value(index))


def binary(operator: str, left: object, right: object) -> Binary:
    """left operator right."""
    return Binary(operator, value(left), value(right))
