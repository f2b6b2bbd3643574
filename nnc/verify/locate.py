"""Finding the first layer that differs: the program again with every inner value as an output, and
single layers on the reference's own values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from nnc.backends.base import Arrays, Precision, Runner
from nnc.backends.reference.run import ReferenceRunner
from nnc.compiler.ir import Graph, Node, Output, Program, Value
from nnc.verify import compare
from nnc.verify.hints import Run, hint
from nnc.verify.tolerances import TOLERANCES
from nnc.verify.verdict import Comparison, Divergence, Way

MakeRunner = Callable[[Program, Arrays], Runner]
"""(program, weights) -> the backend under suspicion, running it."""


@dataclass(frozen=True)
class Scene:
    """What every search needs."""

    program: Program
    weights: Arrays
    inputs: Arrays
    precision: Precision
    make: MakeRunner
    training: bool = False
    """Whether everything is as in training: dropout, statistics of the batch."""
    step: int = 0
    """The update whose numbers are drawn in training."""

    @property
    def graph(self) -> Graph:
        return self.program.graph

    def reference_values(self) -> Arrays:
        """Every value of the model, by name."""
        runner = ReferenceRunner(self.alone(self.graph), self.weights)
        return runner.values(self.inputs, training=self.training, step=self.step)

    def alone(self, graph: Graph) -> Program:
        """A program of this graph that draws the same numbers."""
        return Program(graph, seed=self.program.seed)


def forward(scene: Scene) -> Divergence | None:
    """The first node in the order of computation whose result differs; None when none does."""
    exposed, names = expose(scene.graph)
    expected = scene.reference_values()
    runner = scene.make(scene.alone(exposed), scene.weights)
    found = runner.outputs(scene.inputs, training=scene.training, step=scene.step)
    tolerance = TOLERANCES[scene.precision].outputs
    for node in scene.graph.nodes:
        for value in node.outputs:
            comparison = compare.array(
                "output",
                value.name,
                expected[value.name],
                found.get(names[value.name]),
                scene.precision,
                tolerance,
            )
            if not comparison.agrees:
                run = Run(scene.training, scene.step, scene.program.seed)
                own = found.get(names[value.name])
                guess = hint(node, scene.weights, expected, own, value, run)
                return _divergence(node, "forward", comparison, guess)
    return None


def expose(graph: Graph) -> tuple[Graph, dict[str, str]]:
    """The graph with every node's results as outputs, and the output's name of each."""
    taken = {value.name for value in graph.values()}
    names: dict[str, str] = {}
    for node in graph.nodes:
        for value in node.outputs:
            names[value.name] = _fresh("inner", taken)
    values = {v.name: v for node in graph.nodes for v in node.outputs}
    outputs = tuple(Output(names[name], value) for name, value in values.items())
    return replace(graph, outputs=outputs), names


def backward(scene: Scene, wrong: Iterable[str]) -> Divergence | None:
    """The layer whose gradient differs, the nearest to the outputs first.

    A gradient that is wrong at a weight may come from any layer behind it. So each is run alone, on
    the reference's values, from the last of the model back to the last with a wrong weight.
    """
    owners = _owners(scene.graph)
    order = {node.name: number for number, node in enumerate(scene.graph.nodes)}
    suspects = [owners[name] for name in wrong if name in owners]
    if not suspects:
        return None
    last = max(order[node.name] for node in suspects)
    values = scene.reference_values()
    for node in reversed(scene.graph.nodes[last:]):
        worst = _alone(scene, node, values)
        if worst is not None:
            return _divergence(node, "backward", worst)
    return None


def owner(graph: Graph, comparison: Comparison) -> Divergence | None:
    """The layer to which a wrong output or gradient belongs."""
    made = {o.name: graph.makers.get(o.value.name) for o in graph.outputs}
    node = (made if comparison.what == "output" else _owners(graph)).get(comparison.name)
    if node is None:
        return None
    way: Way = "forward" if comparison.what == "output" else "backward"
    return _divergence(node, way, comparison)


def _owners(graph: Graph) -> dict[str, Node]:
    """The node whose layer has each weight."""
    return {f"{node.layer}.{w.name}": node for node in graph.nodes for w in node.weights}


def _alone(scene: Scene, node: Node, values: Arrays) -> Comparison | None:
    """The worst gradient of a single node on the reference's values; None when all agree."""
    program = scene.alone(single(node))
    own = {n: scene.weights[f"{node.layer}.{n}"] for n in (w.name for w in node.weights)}
    weights = {f"{node.name}.{name}": array for name, array in own.items()}
    inputs = {f"x{i}": rounded(values[value.name]) for i, value in enumerate(node.inputs)}
    rng = np.random.default_rng(0)
    cotangents = {
        f"y{i}": rng.normal(size=values[value.name].shape).astype(np.float32)
        for i, value in enumerate(node.outputs)
    }
    runners = ReferenceRunner(program, weights), scene.make(program, weights)
    expected, found = (
        runner.pullback(inputs, cotangents, training=scene.training, step=scene.step)
        for runner in runners
    )
    layers = dict.fromkeys({**expected[0], **expected[1]}, node.name)
    both = [{**of_inputs, **of_weights} for of_inputs, of_weights in (expected, found)]
    wrong = [
        c for c in compare.gradients(both[0], both[1], layers, scene.precision) if not c.agrees
    ]
    return max(wrong, key=lambda c: c.difference or float("inf"), default=None)


def single(node: Node) -> Graph:
    """A model of one node of another: inputs `x0`, …, outputs `y0`, …"""
    inputs = tuple(Value(f"x{i}", value.type) for i, value in enumerate(node.inputs))
    alone = replace(node, layer=node.name, inputs=inputs)
    outputs = tuple(Output(f"y{i}", value) for i, value in enumerate(node.outputs))
    return Graph("Layer", inputs, (alone,), outputs)


def rounded(array: np.ndarray) -> np.ndarray:
    """Floats as float32, so that every backend begins from the same numbers."""
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def _divergence(
    node: Node, way: Way, comparison: Comparison, guess: str | None = None
) -> Divergence:
    return Divergence(node.name, node.op.word, way, comparison, node.span, guess)


def _fresh(name: str, taken: set[str]) -> str:
    number = len(taken)
    while f"{name}{number}" in taken:
        number += 1
    taken.add(f"{name}{number}")
    return f"{name}{number}"
