"""The table of gradients: for every operator that the lowerings write, the nodes that carry a
gradient from its results back to its inputs, or nothing where there is none to carry.

A rule sees one node through `Back`. Formulas are derivatives of the operators' definitions in the
ONNX standard; at kinks and ties they choose what the reference chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from nnc.backends.onnx.assembly import NUMPY, Array, Assembly, Handle, OnnxNode, Scope
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.compiler.diagnostics import Diagnostic, Failed, Label
from nnc.compiler.types import DType

DTYPES: Mapping[int, DType] = {number: dtype for dtype, number in ELEMENT_TYPES.items()}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a value: its element type's number in the format and its shape with the
    batch, None for a size that is free."""

    element: int
    shape: tuple[int | None, ...]


@dataclass
class Derivatives:
    """Gradients under construction: what has arrived at each value so far."""

    assembly: Assembly
    known: dict[Handle, Known]
    values: Mapping[Handle, Array]
    """The tensors that the model stores."""
    active: set[Handle]
    """Values that depend on what is differentiated by."""
    parts: dict[Handle, list[Handle]] = field(default_factory=dict)
    rectified: set[Handle] = field(default_factory=set)
    """Gradients that are 0 wherever the value that they belong to is not above 0."""

    def give(self, handle: Handle, gradient: Handle) -> None:
        """One more use of a value has a gradient."""
        self.parts.setdefault(handle, []).append(gradient)

    def total(self, handle: Handle) -> Handle | None:
        """The gradient of a value over all its uses, or None when there is none."""
        parts = self.parts.get(handle, [])
        if len(parts) > 1:
            name = f"{handle.wish}/gradient"
            (whole,) = self.assembly.add("Sum", name, parts, [name], {})
            self.parts[handle] = parts = [whole]
        if not parts:
            return None
        self.known[parts[0]] = self.known[handle]
        return parts[0]


class Back(Scope):
    """One node whose results have gradients."""

    def __init__(self, derivatives: Derivatives, node: OnnxNode) -> None:
        super().__init__(derivatives.assembly, f"{node.name}/back")
        self._all = derivatives
        self.node = node
        self.gradients = tuple(derivatives.total(handle) for handle in node.outputs)

    # ---- the node ----------------------------------------------------------------------------

    @property
    def gradient(self) -> Handle:
        """The gradient of the first result."""
        found = self.gradients[0]
        assert found is not None
        return found

    @property
    def y(self) -> Handle:
        """The first result."""
        return self.node.outputs[0]

    def x(self, number: int = 0) -> Handle:
        """An input, or behind them a value that the body of a loop sees."""
        found = self.node.reads[number]
        assert found is not None
        return found

    def has(self, number: int) -> bool:
        """Whether an input is given."""
        return number < len(self.node.reads) and self.node.reads[number] is not None

    def needs(self, number: int = 0) -> bool:
        """Whether somebody asks for the gradient of an input."""
        return self.has(number) and self.x(number) in self._all.active

    def give(self, number: int, gradient: Handle) -> None:
        """The gradient of an input, in its shape."""
        if self.needs(number):
            self._all.give(self.x(number), gradient)

    @property
    def after_relu(self) -> bool:
        """Whether the first input is what a ReLU gives."""
        nodes = self._all.assembly.nodes
        return any(n.operator == "Relu" and self.x() in n.outputs for n in nodes)

    @property
    def is_rectified(self) -> bool:
        """Whether the gradient is 0 already where the first result is not above 0."""
        return self.gradient in self._all.rectified

    def rectified(self, gradient: Handle) -> Handle:
        """A gradient of the first input, which is 0 where that is not above 0."""
        self._all.rectified.add(gradient)
        return gradient

    def where_above_0(self, gradient: Handle, value: Handle) -> Handle:
        """The gradient where a value is above 0, else 0: a product with zeros and ones, as
        onnxruntime takes three times as long to choose."""
        above = self.add("Greater", value, self.scalar(0.0, value))
        return self.mul(gradient, self.add("Cast", above, to=ELEMENT_TYPES[self.dtype(value)]))

    def attribute(self, name: str, default: Any = None) -> Any:
        return self.node.attributes.get(name, default)

    # ---- what is known of values ---------------------------------------------------------------

    def shape(self, handle: Handle) -> tuple[int | None, ...]:
        """The shape of a value of the forward graph, with the batch."""
        return self._all.known[handle].shape

    def rank(self, handle: Handle) -> int:
        return len(self.shape(handle))

    def dtype(self, handle: Handle) -> DType:
        """The element type of a value of the forward graph."""
        return DTYPES[self._all.known[handle].element]

    def value(self, number: int) -> Array | None:
        """The numbers of an input that the model stores."""
        return self._all.values.get(self.x(number)) if self.has(number) else None

    def axes(self, number: int, rank: int) -> list[int] | None:
        """The axes that an input names, counted from the front; None when it names none."""
        found = self.value(number)
        return None if found is None else sorted(int(axis) % rank for axis in found.ravel())

    # ---- nodes that rules share ----------------------------------------------------------------

    def scalar(self, number: float, like: Handle) -> Handle:
        """A number of the element type of a value."""
        return self.constant(np.array(number, NUMPY[self.dtype(like)]), "number")

    def mul(self, a: Handle, b: Handle) -> Handle:
        return self.add("Mul", a, b)

    def times(self, a: Handle, number: float) -> Handle:
        """a · number."""
        return self.add("Mul", a, self.number(number, "factor"))

    def shape_of(self, handle: Handle) -> Handle:
        """The shape of a value at run time, stored where it is known."""
        known = self.shape(handle)
        if all(size is not None for size in known):
            return self.whole([size for size in known if size is not None], "shape")
        return self.add("Shape", handle, role="shape")

    def size_of(self, handle: Handle, axis: int) -> Handle:
        """How long an axis is, a vector of one number."""
        size = self.shape(handle)[axis]
        if size is not None:
            return self.whole([size], "size")
        return self.add("Shape", handle, role="size", start=axis, end=axis + 1)

    def reshaped_like(self, gradient: Handle, handle: Handle) -> Handle:
        """The same numbers in the shape of a value; of its free sizes one may be found out."""
        known = self.shape(handle)
        free = [axis for axis, size in enumerate(known) if size is None]
        if len(free) == 1 and 0 not in known:
            sizes = [-1 if size is None else size for size in known]
            return self.add("Reshape", gradient, self.whole(sizes, "shape"))
        return self.add("Reshape", gradient, self.shape_of(handle))

    def fitted(self, gradient: Handle, number: int, shape: Sequence[int | None]) -> Handle:
        """A gradient of some shape, summed over the axes along which an input was repeated."""
        own = self.shape(self.x(number))
        extra = len(shape) - len(own)
        inner = [
            axis
            for axis, size in enumerate(own, extra)
            if size == 1 and shape[axis] != 1
        ]  # fmt: skip
        if inner:
            gradient = self.add("ReduceSum", gradient, self.whole(inner, "axes"), keepdims=1)
        if extra:
            axes = self.whole(list(range(extra)), "axes")
            gradient = self.add("ReduceSum", gradient, axes, keepdims=0)
        return gradient

    def give_fitted(self, number: int, gradient: Handle) -> None:
        """The gradient of an input that was broadcast to the shape of the result."""
        if self.needs(number):
            self.give(number, self.fitted(gradient, number, self.shape(self.y)))

    def chosen(self, condition: Handle, gradient: Handle) -> Handle:
        """The gradient where a condition holds, else 0."""
        return self.add("Where", condition, gradient, self.number(0.0, "zero"))

    def swapped(self, handle: Handle, rank: int) -> Handle:
        """The last two axes exchanged."""
        order = [*range(rank - 2), rank - 1, rank - 2]
        return self.add("Transpose", handle, perm=order)


Rule: TypeAlias = Callable[[Back], None]


class GradientTable:
    """For every operator: a rule, or that it has no gradient, or a reason why it is refused."""

    def __init__(self) -> None:
        self._rules: dict[str, Rule | None] = {}
        self._refusals: dict[str, str] = {}

    def of(self, *operators: str) -> Callable[[Rule], Rule]:
        """Register a function as the rule of operators."""

        def register(rule: Rule) -> Rule:
            self._rules |= dict.fromkeys(operators, rule)
            return rule

        return register

    def constant(self, *operators: str) -> None:
        """Operators whose results don't change with their inputs, or by whole steps only."""
        self._rules |= dict.fromkeys(operators)

    def refuses(self, operator: str, reason: str) -> None:
        """An operator that can't be trained through; the user reads the reason."""
        self._refusals[operator] = reason

    def covers(self, operator: str) -> bool:
        return operator in self._rules or operator in self._refusals

    def apply(self, back: Back) -> None:
        """Carry the gradients of a node on. Raises Failed (E708) for a refused operator."""
        operator = back.node.operator
        if operator in self._refusals:
            raise Failed([_refused(back.node, self._refusals[operator])])
        rule = self._rules[operator]
        if rule is not None:
            rule(back)

    def carries(self, operator: str) -> bool:
        """Whether a result of the operator depends on its inputs in a way that has a gradient."""
        return operator in self._refusals or self._rules[operator] is not None


def _refused(node: OnnxNode, reason: str) -> Diagnostic:
    origin = node.origin
    labels = (Label(origin.span, "used here"),) if origin else ()
    name = origin.name if origin else node.name
    return Diagnostic(
        "E708",
        f"an ONNX model can't be trained through `{name}`: {reason}",
        labels,
        help="train with `--backend torch` or `--backend keras`",
    )


GRADIENTS = GradientTable()
