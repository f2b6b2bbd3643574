"""Element types, dimensions and tensor types. A shape is that of ONE example: the batch is never
written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Final, Literal, TypeAlias, TypeGuard, get_args

DType: TypeAlias = Literal["f16", "bf16", "f32", "f64", "i32", "i64", "u8", "bool"]
DTYPES: Final[tuple[DType, ...]] = get_args(DType)
FLOATS: Final[frozenset[DType]] = frozenset({"f16", "bf16", "f32", "f64"})
INTEGERS: Final[frozenset[DType]] = frozenset({"i32", "i64", "u8"})

MAXIMUM_SIZE: Final = 2**31 - 1
"""The largest dimension and the largest number of elements of a tensor that nnc accepts."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """A dimension that is free at run time. The same name means the same size.

    A derived one is named by its formula, `(T - 1) // 2 + 1`.
    """

    name: str

    def __str__(self) -> str:
        return self.name


Dim: TypeAlias = int | Symbol
Shape: TypeAlias = tuple[Dim, ...]


@dataclass(frozen=True, slots=True)
class TensorType:
    """Element type and the shape of one example."""

    dtype: DType
    shape: Shape

    def __str__(self) -> str:
        if not self.shape:
            return self.dtype
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"

    @property
    def rank(self) -> int:
        """Axes of one example: the batch is not counted."""
        return len(self.shape)

    def with_shape(self, shape: Sequence[Dim]) -> TensorType:
        return TensorType(self.dtype, tuple(shape))


def is_static(shape: Sequence[Dim]) -> TypeGuard[tuple[int, ...]]:
    """Whether every dimension is a whole number."""
    return all(isinstance(d, int) for d in shape)


def elements(shape: Sequence[Dim]) -> int | None:
    """The number of elements of one example; None when a dimension is symbolic."""
    return prod(shape) if is_static(shape) else None


_ENDING: Final = re.compile(r" ([+-]) (\d+)$")
"""The number that was added to a dimension last."""


def multiply(a: Dim, b: Dim) -> Dim:
    """The product of two dimensions, by name when one is symbolic."""
    if isinstance(a, int) and isinstance(b, int):
        return a * b
    if a == 1:
        return b
    if b == 1:
        return a
    return Symbol(f"{_factor(a)} * {_factor(b)}")


def add(a: Dim, b: int) -> Dim:
    """A dimension and a whole number, by name when the dimension is symbolic: `T - 3` and 3 give
    `T`."""
    if isinstance(a, int):
        return a + b
    ending = _ENDING.search(a.name)
    if ending is not None:
        a = Symbol(a.name[: ending.start()])
        b += int(ending[1] + ending[2])
    return Symbol(f"{a} {'+' if b > 0 else '-'} {abs(b)}") if b else a


def floor_divide(a: Dim, b: int) -> Dim:
    if isinstance(a, int):
        return a // b
    return a if b == 1 else Symbol(f"{_factor(a)} // {b}")


def _factor(dim: Dim) -> str:
    text = str(dim)
    return f"({text})" if " " in text else text


def broadcast(a: Shape, b: Shape) -> Shape | None:
    """NumPy's broadcasting of two example shapes, aligned at the last axis; None when they don't
    fit."""
    rank = max(len(a), len(b))
    left = (1,) * (rank - len(a)) + a
    right = (1,) * (rank - len(b)) + b
    joined: list[Dim] = []
    for x, y in zip(left, right, strict=True):
        if x == y or y == 1:
            joined.append(x)
        elif x == 1:
            joined.append(y)
        else:
            return None
    return tuple(joined)
