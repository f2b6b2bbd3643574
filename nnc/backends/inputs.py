"""What a model takes, whether it comes from a spec or from somebody else's file."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

from nnc.compiler.ir import Program
from nnc.compiler.types import DType, Shape, is_static
from nnc.compiler.vocabulary.data import Columns

Element: TypeAlias = DType | Literal["text"]
"""What an array is made of. Texts are there in models with their preparations alone: the language
has none."""


@dataclass(frozen=True)
class Input:
    """An input by its name; its shape is that of one example."""

    name: str
    element: Element
    shape: Shape
    columns: tuple[str, ...] = ()
    """What its columns in a table are called, where the data have names for them."""
    gaps: bool = False
    """Whether numbers may be missing: they are NaN."""

    @property
    def is_text(self) -> bool:
        return self.element == "text"

    def __str__(self) -> str:
        sizes = f"[{', '.join(map(str, self.shape))}]" if self.shape else ""
        return f"{self.name}: {self.element}{sizes}"


def inputs_of(program: Program) -> tuple[Input, ...]:
    """The inputs of a program, with the names that its data block has for columns."""
    return tuple(
        Input(
            value.name,
            value.type.dtype,
            value.type.shape,
            _columns(program, value.name, value.type.shape),
        )
        for value in program.graph.inputs
    )


def _columns(program: Program, name: str, shape: Shape) -> tuple[str, ...]:
    fields = program.data.fields if program.data else ()
    field = next((field for field in fields if name in field.names), None)
    if field is None or field.preparations or not isinstance(field.columns, Columns):
        return ()
    names = tuple(column for column in field.columns.names if isinstance(column, str))
    return names if is_static(shape) and len(names) == prod(shape) else ()
