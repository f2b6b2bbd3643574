"""What names mean at a place of a spec, and the names that layers are given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from nnc.compiler import syntax
from nnc.compiler.ir import Value
from nnc.compiler.source import Span

Flow = tuple[Value, ...]
"""What flows along a chain: one value, or several."""


@dataclass(slots=True)
class Binding:
    """A name given to a flow or to a compile-time value."""

    content: Any
    span: Span
    what: str
    """`input`, `value`, `parameter`, `variable`, `layer name`."""
    used: bool = False


@dataclass(slots=True)
class SharedLayer:
    """`layer tower = …`: stages whose weights are made at the first application."""

    statement: syntax.Layer
    scope: Scope
    path: str
    applied: Span | None = None
    used: bool = False


@dataclass(slots=True)
class Scope:
    """The names of a model, a block in use, or a loop's body. `prefix` stands before the names of
    layers."""

    prefix: str = ""
    parent: Scope | None = None
    bindings: dict[str, Binding] = field(default_factory=dict)
    layers: dict[str, SharedLayer] = field(default_factory=dict)
    replaced: list[tuple[str, Binding]] = field(default_factory=list)
    """Bindings that a later one of the same name has hidden."""
    announced: dict[str, Span] = field(default_factory=dict)
    """Names that a statement of the body, perhaps one further down, gives to values."""

    def announce(self, body: Iterable[syntax.Statement]) -> None:
        """Note the names that the statements of a body give to values."""
        for statement in body:
            names = statement.names if isinstance(statement, syntax.Bind) else ()
            if isinstance(statement, syntax.Output):
                names = (statement.name,)
            for name in names:
                self.announced.setdefault(name.text, name.span)

    def lookup(self, name: str) -> Binding | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bindings:
                return scope.bindings[name]
            scope = scope.parent
        return None

    def layer(self, name: str) -> SharedLayer | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.layers:
                return scope.layers[name]
            scope = scope.parent
        return None

    def bind(self, name: str, content: Any, span: Span, what: str) -> Binding:
        if name in self.bindings:
            self.replaced.append((name, self.bindings[name]))
        self.bindings[name] = Binding(content, span, what)
        return self.bindings[name]

    def names(self) -> Iterator[str]:
        """Every name that can be used here."""
        scope: Scope | None = self
        while scope is not None:
            yield from scope.bindings
            scope = scope.parent

    def path(self, name: str) -> str:
        """The full path of a layer called `name` here."""
        return f"{self.prefix}.{name}" if self.prefix else name


class Paths:
    """The paths given to layers: each once, and none inside another."""

    def __init__(self) -> None:
        self._taken: dict[str, Span] = {}
        self._groups: dict[str, Span] = {}
        self._counts: dict[str, int] = {}

    def owner(self, path: str) -> Span | None:
        """Where the path, or one that excludes it, was given; None when it is free."""
        if path in self._taken or path in self._groups:
            return self._taken.get(path) or self._groups[path]
        for parent in _parents(path):
            if parent in self._taken:
                return self._taken[parent]
            if parent in self._groups:  # nothing around a group is taken
                return None
        return None

    def take(self, path: str, span: Span) -> None:
        self._taken[path] = span
        for parent in _parents(path):
            if parent in self._groups:  # and so are those around it
                break
            self._groups[parent] = span

    def fresh(self, path: str) -> str:
        """The path itself, or the first of `path_2`, `path_3`, … that is free."""
        if self.owner(path) is None:
            return path
        number = self._counts.get(path, 2)
        while self.owner(f"{path}_{number}") is not None:
            number += 1
        self._counts[path] = number
        return f"{path}_{number}"


def _parents(path: str) -> Iterator[str]:
    place = path.rfind(".")
    while place > 0:
        yield path[:place]
        place = path.rfind(".", 0, place)


@cache
def snake(name: str) -> str:
    """`TransformerEncoder` -> `transformer_encoder`, `Conv2D` -> `conv2d`, `LSTM` -> `lstm`."""
    parted = re.sub(r"([a-z0-9])([A-Z][a-z])", r"\1_\2", name)
    parted = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", parted)
    return parted.lower()
