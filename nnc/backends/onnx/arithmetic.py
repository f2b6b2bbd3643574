"""Formulas written as Python's arithmetic: each operator becomes a node of the model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nnc.backends.onnx.assembly import Handle, Scope
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.compiler.types import DType


@dataclass(frozen=True, eq=False)
class Term:
    """A value in a formula. Numbers beside it take its element type."""

    scope: Scope
    handle: Handle
    dtype: DType
    """As the model has it."""
    number: Callable[[float, DType], Handle]
    """Where numbers come from: the same one twice is stored once."""

    def _with(self, operator: str, *others: Term | float, swap: bool = False) -> Term:
        handles = [self.handle, *(self._handle(other) for other in others)]
        if swap:
            handles.reverse()
        return self._made(self.scope.add(operator, *handles))

    def _handle(self, other: Term | float) -> Handle:
        return other.handle if isinstance(other, Term) else self.number(other, self.dtype)

    def _made(self, handle: Handle, dtype: DType | None = None) -> Term:
        return Term(self.scope, handle, dtype or self.dtype, self.number)

    def __add__(self, other: Term | float) -> Term:
        return self._with("Add", other)

    def __radd__(self, other: float) -> Term:
        return self._with("Add", other)

    def __sub__(self, other: Term | float) -> Term:
        return self._with("Sub", other)

    def __rsub__(self, other: float) -> Term:
        return self._with("Sub", other, swap=True)

    def __mul__(self, other: Term | float) -> Term:
        return self._with("Mul", other)

    def __rmul__(self, other: float) -> Term:
        return self._with("Mul", other)

    def __truediv__(self, other: Term | float) -> Term:
        return self._with("Div", other)

    def __rtruediv__(self, other: float) -> Term:
        return self._with("Div", other, swap=True)

    def __rpow__(self, base: float) -> Term:
        return self._with("Pow", base, swap=True)

    def root(self) -> Term:
        return self._with("Sqrt")

    def size(self) -> Term:
        return self._with("Abs")

    def sign(self) -> Term:
        return self._with("Sign")

    def at_least(self, other: Term | float) -> Term:
        return self._with("Max", other)

    def at_most(self, other: Term | float) -> Term:
        return self._with("Min", other)

    def norm(self) -> Term:
        """The Euclidean norm of all elements, a scalar."""
        return self._made(self.scope.add("ReduceSumSquare", self.handle, keepdims=0)).root()

    def or_where_zero(self, other: float) -> Term:
        """Where it is 0: another number."""
        zero = self.scope.add("Equal", self.handle, self.number(0.0, self.dtype))
        return self._made(
            self.scope.add("Where", zero, self.number(other, self.dtype), self.handle)
        )

    def cast(self, dtype: DType) -> Term:
        """The same as another element type of the model."""
        if dtype == self.dtype:
            return self
        return self._made(self.scope.add("Cast", self.handle, to=ELEMENT_TYPES[dtype]), dtype)
