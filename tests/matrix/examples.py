"""Every example of every op as a program with data: what the generic tests walk over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnc.backends.base import Arrays
from nnc.backends.layout import to_layout
from nnc.compiler.ir import Graph, Program, single
from nnc.compiler.types import FLOATS, Dim, DType, TensorType
from nnc.compiler.vocabulary.base import Rejected, words
from nnc.compiler.vocabulary.ops.base import Channelled, Example, Layout, Op, Weight

Array: TypeAlias = NDArray[Any]
BATCH = 3
WHOLE: dict[DType, type[np.integer[Any]]] = {"u8": np.uint8, "i32": np.int32, "i64": np.int64}
SIZES = (1, 2, 7)
"""What symbolic dimensions become; all of an example's are the same."""


@dataclass(frozen=True)
class Case:
    """An example with the name it has in test reports."""

    name: str
    example: Example

    @property
    def op(self) -> Op:
        return self.example.op

    @property
    def graph(self) -> Graph:
        return single(self.example.op, self.example.inputs)

    @property
    def program(self) -> Program:
        return Program(self.graph)

    @property
    def is_symbolic(self) -> bool:
        return any(not isinstance(d, int) for x in self.example.inputs for d in x.shape)

    def sizes(self) -> tuple[int, ...]:
        """The sizes at which the op accepts the input; one of no meaning without a symbol."""
        if not self.is_symbolic:
            return (1,)
        return tuple(size for size in SIZES if self._fits(size))

    def _fits(self, size: int) -> bool:
        inputs = tuple(x.with_shape(sized(x.shape, size)) for x in self.example.inputs)
        try:
            self.op.infer(inputs)
        except Rejected:
            return False
        return True

    def inputs(self, size: int, rng: np.random.Generator) -> Arrays:
        """Random inputs away from kinks: floats are rarely close to 0 or to each other."""
        return {value.name: self._array(value.type, size, rng) for value in self.graph.inputs}

    def _array(self, type_: TensorType, size: int, rng: np.random.Generator) -> Array:
        shape = (BATCH, *sized(type_.shape, size))
        if type_.dtype == "bool":
            return rng.random(shape) < 0.6
        if type_.dtype not in FLOATS:
            return rng.integers(0, self.example.highest, shape, WHOLE[type_.dtype])
        drawn = rng.normal(size=shape)
        return single_precision(np.abs(drawn) + 0.2 if self.example.positive else drawn)

    def integral_inputs(self, size: int, rng: np.random.Generator) -> Arrays:
        """Floats that are whole numbers, -1 to 1 or 1 to 2, or where the example says that there
        are kinks: they meet every kink and tie."""
        drawn = self.inputs(size, rng)
        numbers = [1, 2] if self.example.positive else [-1, 0, 1, *self.example.kinks]
        return {
            name: rng.choice(numbers, x.shape).astype(np.float64) if x.dtype.kind == "f" else x
            for name, x in drawn.items()
        }


def sized(shape: tuple[Dim, ...], size: int) -> tuple[int, ...]:
    """The shape with `size` for every symbol."""
    return tuple(d if isinstance(d, int) else size for d in shape)


def single_precision(array: Array) -> Array:
    """Numbers that float32 has too, as float64: every backend then begins from the same ones."""
    return array.astype(np.float32).astype(np.float64)


def random_weights(graph: Graph, rng: np.random.Generator) -> Arrays:
    """A random array for each weight; statistics are positive, what is fixed stays 0."""
    return {name: _weight(weight, rng) for name, weight in graph.weights.items()}


def _weight(weight: Weight, rng: np.random.Generator) -> Array:
    drawn = rng.normal(size=weight.shape)
    if weight.role == "statistic":
        drawn = np.exp(0.5 * drawn)
    if weight.role == "fixed":
        drawn = np.zeros(weight.shape)
    return single_precision(drawn)


def cases() -> list[Case]:
    """Every example of every op, and each one that asks for a layout in the other layout too."""
    return [case for word in words("op") if issubclass(word, Op) for case in _cases_of(word)]


def _cases_of(word: type[Op]) -> Iterator[Case]:
    for number, example in enumerate(word.examples()):
        case = Case(f"{word.word}-{number}", example)
        yield case
        turned = other_layout(example)
        if turned is not None:
            yield Case(f"{case.name}-{turned.op.arguments()['layout']}", turned)


def other_layout(example: Example) -> Example | None:
    """The same in the other layout; None where the op doesn't ask for one."""
    op, (x, *_) = example.op, example.inputs
    if not isinstance(op, Channelled) or x.rank < 2:
        return None
    other: Layout = "channels_last" if op.layout == "channels_first" else "channels_first"
    axes = to_layout(x.rank, other)
    turned = x.with_shape([x.shape[axis] for axis in axes])
    return replace(example, op=op.replace(layout=other), inputs=(turned,))


def by_name(case: Case) -> str:
    return case.name
