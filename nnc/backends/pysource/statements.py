"""Python statements as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from nnc.backends.pysource.values import Expr
from nnc.compiler.source import Span


@dataclass(frozen=True, slots=True)
class Assign:
    """target = value, or target: annotation = value. Several targets unpack.

    The comment stands at the end of the line, or above the statement when the line would be too
    long.
    """

    targets: tuple[Expr, ...]
    value: Expr
    comment: str = ""
    annotation: Expr | None = None
    span: Span | None = None
    """Where in the spec the line comes from."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A call for its effect."""

    value: Expr
    comment: str = ""
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Return:
    """return value; a tuple is written without brackets."""

    value: Expr | None = None


@dataclass(frozen=True, slots=True)
class Raise:
    """raise value."""

    value: Expr


@dataclass(frozen=True, slots=True)
class If:
    """if test: body, else: otherwise."""

    test: Expr
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class For:
    """for target in iterable: body."""

    targets: tuple[Expr, ...]
    iterable: Expr
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class While:
    """while test: body."""

    test: Expr
    body: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on lines of its own."""

    text: str


@dataclass(frozen=True, slots=True)
class Blank:
    """An empty line inside a body."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function. `kind` is "*" for *name, "**" for **name, "only" for what follows
    a `*`."""

    name: str
    annotation: Expr | None = None
    default: Expr | None = None
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """def name(parameters) -> returns: body."""

    name: str
    parameters: tuple[Parameter, ...]
    body: tuple[Statement, ...]
    returns: Expr | None = None
    docstring: str = ""
    decorators: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Class:
    """class name(bases): body."""

    name: str
    bases: tuple[Expr, ...]
    body: tuple[Statement, ...]
    docstring: str = ""
    decorators: tuple[Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """A function, a class or an assignment copied from a piece as it stands, formatted already."""

    text: str


Statement: TypeAlias = (
    Assign
    | Expression
    | Return
    | Raise
    | If
    | For
    | While
    | Comment
    | Blank
    | Function
    | Class
    | Segment
)


@dataclass(frozen=True, slots=True, order=True)
class Import:
    """import module, or import module as alias."""

    module: str
    alias: str = ""


@dataclass(frozen=True, slots=True, order=True)
class FromImport:
    """from module import name, or … import name as alias."""

    module: str
    name: str
    alias: str = ""


@dataclass(frozen=True, slots=True)
class Module:
    """A whole file."""

    docstring: str
    imports: frozenset[Import | FromImport]
    body: tuple[Statement, ...]
