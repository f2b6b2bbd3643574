"""Trees without their spans, to be compared; and the specs that the tests of the grammar share."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.source import Source, Span
from nnc.compiler.syntax import Bind, Chain, Expression, File, Model, Stage, Statement
from nnc.grammar.parse import parse

_T = TypeVar("_T")
SPECS = {path.stem: path.read_text("utf-8") for path in Path(__file__).parent.glob("specs/*.nn")}


def read(text: str) -> File:
    return parse(Source("spec.nn", text))


def mistakes(text: str) -> list[Diagnostic]:
    """The diagnostics that a text gives; none for a good one."""
    try:
        read(text)
    except Failed as failed:
        return list(failed.diagnostics)
    return []


def bare(node: Any) -> Any:
    """A tree as tuples, without spans."""
    if isinstance(node, Span | Source):
        return None
    if is_dataclass(node):
        parts = (bare(getattr(node, field.name)) for field in fields(node))
        return (type(node).__name__, *parts)
    if isinstance(node, tuple):
        return tuple(map(bare, node))
    return (type(node).__name__, node)


def same(one: File, other: File) -> bool:
    """Whether two files say the same; comments and places aside."""
    return bool(bare(one.declarations) == bare(other.declarations))


def expression(text: str) -> Expression:
    """The expression or chain that a text is."""
    (statement,) = body(f"y = {text}")
    return a(Bind, statement).value


def body(text: str) -> tuple[Statement, ...]:
    """The statements that a text is."""
    (model,) = read(f"model M {{ {text} }}").declarations
    return a(Model, model).body


def stages(text: str) -> tuple[Stage, ...]:
    """The stages of a chain without its source."""
    return a(Chain, expression(f"x -> {text}")).stages


def a(kind: type[_T], node: object) -> _T:
    """A node, which must be of a kind."""
    assert isinstance(node, kind)
    return node
