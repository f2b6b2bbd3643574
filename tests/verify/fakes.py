"""Backends that lie: the reference itself in single precision, with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

import numpy as np

from nnc.backends.base import Arrays, Engine, Precision, Runner
from nnc.backends.reference.engine import ReferenceEngine
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.registry import Backend
from nnc.compiler.ir import Graph, Node, Program
from nnc.compiler.vocabulary.ops.base import Op

T = TypeVar("T")


def same(value: T) -> T:
    return value


@dataclass(frozen=True)
class Lie:
    """What is wrong, each as a change of what is right."""

    program: Callable[[Program], Program] = same
    weights: Callable[[Arrays], Arrays] = same
    outputs: Callable[[Arrays], Arrays] = same
    loss: Callable[[float], float] = same
    gradients: Callable[[Arrays], Arrays] = same
    differentiates: bool = True
    single: Callable[[Arrays], Arrays] = same
    """What becomes of the weights in float32 alone, while training."""
    drawn: int = 0
    """By how many steps the numbers that are drawn are ahead, while training."""
    rated: int = 0
    """By how many steps the learning rates are ahead."""


def fake(lie: Lie, *, missing: str | None = None) -> Backend:
    """A backend that tells this lie; `missing` is a module that it needs and nobody has."""

    class Liar(Runner):
        backend: ClassVar[str] = "fake"
        differentiates: ClassVar[bool] = lie.differentiates

        def __init__(
            self, program: Program, weights: Arrays, precision: Precision = "float32"
        ) -> None:
            self._precision = precision
            self._inner = ReferenceRunner(lie.program(program), lie.weights(dict(weights)))

        def outputs(self, inputs: Arrays, *, training: bool = False, step: int = 0) -> Arrays:
            found = self._inner.outputs(inputs, training=training, step=step)
            return lie.outputs(self._cast(found))

        def gradients(self, inputs: Arrays, targets: Arrays) -> tuple[float, Arrays]:
            loss, found = self._inner.gradients(inputs, targets)
            return lie.loss(loss), lie.gradients(self._cast(found))

        def pullback(
            self, inputs: Arrays, cotangents: Arrays, *, training: bool = False, step: int = 0
        ) -> tuple[Arrays, Arrays]:
            first, second = self._inner.pullback(inputs, cotangents, training=training, step=step)
            return self._cast(first), lie.gradients(self._cast(second))

        def weights(self) -> Arrays:
            return self._inner.weights()

        def _cast(self, arrays: Arrays) -> Arrays:
            return {name: array.astype(self._precision) for name, array in arrays.items()}

    modules = () if missing is None else (missing,)
    return Backend("fake", "Fake", modules, "fake", lambda: Liar, None, tuple, lambda: lying(lie))


def lying(lie: Lie) -> type[Engine]:
    """An engine that tells this lie: the reference's in any precision."""

    class LyingEngine(ReferenceEngine):
        backend: ClassVar[str] = "fake"

        def __init__(
            self,
            program: Program,
            weights: Arrays,
            precision: Precision = "float32",
            device: str = "cpu",
        ) -> None:
            given = lie.weights(dict(weights))
            if precision == "float32":
                given = lie.single(given)
            super().__init__(lie.program(program), given)

        def step(self, parts: Sequence[Arrays], step: int, rate: float) -> float:
            return lie.loss(super().step(parts, step + lie.drawn, rate))

        def _descend(self, gradients: Arrays, step: int, rate: float) -> None:
            super()._descend(lie.gradients(gradients), step - lie.drawn, rate)

        def rate(self, step: int, steps: int) -> float:
            return super().rate(step + lie.rated, steps)

    return LyingEngine


def change_op(layer: str, change: Callable[[Op], Op]) -> Callable[[Program], Program]:
    """Another op in one layer, whatever program it stands in."""

    def changed(program: Program) -> Program:
        return replace(program, graph=_with_nodes(program.graph, node_of))

    def node_of(node: Node) -> Node:
        return replace(node, op=change(node.op)) if node.name == layer else node

    return changed


def _with_nodes(graph: Graph, change: Callable[[Node], Node]) -> Graph:
    return replace(graph, nodes=tuple(change(node) for node in graph.nodes))


def change_array(
    name: str, change: Callable[[np.ndarray], np.ndarray]
) -> Callable[[Arrays], Arrays]:
    """Another array for a name, where it occurs."""

    def changed(arrays: Arrays) -> Arrays:
        return {n: change(array) if n == name else array for n, array in arrays.items()}

    return changed


def without(name: str) -> Callable[[Arrays], Arrays]:
    """One array less."""

    def changed(arrays: Arrays) -> Arrays:
        return {n: array for n, array in arrays.items() if n != name}

    return changed
