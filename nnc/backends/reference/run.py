"""A program evaluated node by node in NumPy float64, straight from the tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nnc.backends import draws
from nnc.backends.base import Arrays, Precision, Runner
from nnc.backends.reference import table, tape
from nnc.backends.reference.table import Call, Draw
from nnc.backends.reference.tape import Array, Tensor
from nnc.compiler.ir import Node, Program, Training, Value
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.ops.base import Op, Types, Weight


class ReferenceRunner(Runner):
    """Every word by its formula. Raises ValueError for data outside of what a word takes."""

    backend = "reference"

    def __init__(self, program: Program, weights: Arrays, precision: Precision = "float64") -> None:
        if precision != "float64":
            raise ValueError(f"the reference computes in float64, not in {precision}")
        stored = program.graph.weights
        if set(stored) != set(weights):
            raise ValueError(f"weights must be exactly {sorted(stored)}, not {sorted(weights)}")
        for name, weight in stored.items():
            if np.shape(weights[name]) != weight.shape:
                given = list(np.shape(weights[name]))
                raise ValueError(f"weight `{name}` must be {list(weight.shape)}, not {given}")
        self._program = program
        self._stored = stored
        self._weights = {name: np.array(weights[name], np.float64) for name in stored}

    def outputs(self, inputs: Arrays, *, training: bool = False, step: int = 0) -> Arrays:
        found = _Evaluation(self, inputs, training=training, step=step).values
        return {o.name: found[o.value.name].value for o in self._program.graph.outputs}

    def values(self, inputs: Arrays, *, training: bool = False, step: int = 0) -> Arrays:
        """Every input and every node's results by the value's name."""
        found = _Evaluation(self, inputs, training=training, step=step).values
        return {name: tensor.value for name, tensor in found.items()}

    def judged(self, batch: Arrays) -> tuple[float, Arrays]:
        """The loss in evaluation, and every value by its name."""
        run = _Evaluation(self, batch)
        with np.errstate(all="ignore"):
            loss = _loss(self._judging(), run, batch)
        return float(loss.value), {name: tensor.value for name, tensor in run.values.items()}

    def _judging(self) -> Training:
        if self._program.training is None:
            raise ValueError("the program has no train block, so there is no loss")
        return self._program.training

    def gradients(
        self,
        inputs: Arrays,
        targets: Arrays,
        *,
        training: bool = False,
        step: int = 0,
        row: int = 0,
    ) -> tuple[float, Arrays]:
        """As every runner's. With `training`: dropout on, as in update number `step` for examples
        from number `row` of the batch on, statistics of the batch used and the running ones
        updated."""
        judging = self._judging()
        run = _Evaluation(self, inputs, training=training, step=step, row=row, tracked=True)
        with np.errstate(all="ignore"):
            loss = _loss(judging, run, targets)
            names = list(run.trained)
            found = tape.gradients([(loss, np.ones(()))], list(run.trained.values()))
        return float(loss.value), dict(zip(names, found, strict=True))

    def pullback(
        self, inputs: Arrays, cotangents: Arrays, *, training: bool = False, step: int = 0
    ) -> tuple[Arrays, Arrays]:
        run = _Evaluation(self, inputs, training=training, step=step, tracked=True)
        graph = self._program.graph
        seeds = [
            (run.values[o.value.name], np.asarray(cotangents[o.name]))
            for o in graph.outputs
            if o.name in cotangents
        ]
        inner = {v.name: run.values[v.name] for v in graph.inputs if run.values[v.name].tracked}
        leaves = {**inner, **run.trained}
        with np.errstate(all="ignore"):
            found = dict(zip(leaves, tape.gradients(seeds, list(leaves.values())), strict=True))
        return {n: found[n] for n in inner}, {n: found[n] for n in run.trained}

    def weights(self) -> Arrays:
        return dict(self._weights)

    def assign(self, weights: Arrays) -> None:
        """Go on with other weights, which have the same names and shapes."""
        self._weights = dict(weights)

    def _leaf(self, name: str, *, tracked: bool) -> Tensor:
        array = self._weights[name]
        trained = tracked and is_trained(self._stored[name])
        return tape.variable(array) if trained else tape.constant(array)


def is_trained(weight: Weight) -> bool:
    """Whether training asks for a gradient of this weight."""
    return weight.role == "parameter" and weight.trainable


class _Evaluation:
    """One run forward: every value by name; trained weights are variables when `tracked`. In
    training `step` is that of the numbers drawn, and `row` the first example's place in the
    batch."""

    def __init__(
        self,
        runner: ReferenceRunner,
        inputs: Arrays,
        *,
        training: bool = False,
        tracked: bool = False,
        step: int = 0,
        row: int = 0,
    ) -> None:
        self._runner = runner
        self._training = training
        self._step = step
        self._row = row
        self._leaves = {name: runner._leaf(name, tracked=tracked) for name in runner._stored}
        graph = runner._program.graph
        self.values = {value.name: _input(value, inputs, tracked) for value in graph.inputs}
        with np.errstate(all="ignore"):
            for node in graph.nodes:
                self._apply(node)

    @property
    def trained(self) -> dict[str, Tensor]:
        """The trained weights by their full names."""
        stored = self._runner._stored
        return {n: leaf for n, leaf in self._leaves.items() if is_trained(stored[n])}

    def weight(self, name: str) -> Tensor:
        """A weight by its full name."""
        return self._leaves[name]

    def _apply(self, node: Node) -> None:
        weights = {w.name: self._leaves[f"{node.layer}.{w.name}"] for w in node.weights}
        made, statistics = apply(
            node.op,
            tuple(self.values[value.name] for value in node.inputs),
            node.input_types,
            weights,
            training=self._training,
            draw=self._draw(node),
        )
        for name, array in statistics.items():
            full = f"{node.layer}.{name}"
            self._runner._weights[full] = array
            self._leaves[full] = tape.constant(array)
        for value, tensor in zip(node.outputs, made, strict=True):
            self.values[value.name] = tensor

    def _draw(self, node: Node) -> Draw:
        def key(name: str) -> int:
            return draws.key_at(draws.key_of(self._runner._program.seed, name), self._step)

        def behind(level: int) -> int:
            return key(draws.part_of(node.name, level))

        return Draw(key(node.name), self._row, node.axes, behind)


def apply(
    op: Op,
    inputs: tuple[Tensor, ...],
    types: Types,
    weights: Mapping[str, Tensor],
    *,
    training: bool = False,
    draw: Draw | None = None,
) -> tuple[tuple[Tensor, ...], dict[str, Array]]:
    """The results of one op, and new values of its running statistics."""
    sized = tuple(TensorType(t.dtype, x.shape[1:]) for t, x in zip(types, inputs, strict=True))
    call = Call(inputs, sized, weights, training, draw=draw or Draw(0))
    made = table.ops.find(op)(op, call)
    return (made if isinstance(made, tuple) else (made,)), call.statistics


def _input(value: Value, inputs: Arrays, tracked: bool) -> Tensor:
    if value.name not in inputs:
        raise ValueError(f"input `{value.name}` is missing")
    array = np.asarray(inputs[value.name])
    shape = value.type.shape
    fits = array.ndim == len(shape) + 1 and all(
        n == dim or not isinstance(dim, int) for n, dim in zip(array.shape[1:], shape, strict=True)
    )
    if not fits:
        given = list(array.shape[1:])
        raise ValueError(f"input `{value.name}` is {value.type}, but the examples are {given}")
    if array.dtype.kind in "iub":
        return tape.constant(array)
    return tape.variable(array) if tracked else tape.constant(array)


def _loss(training: Training, run: _Evaluation, targets: Arrays) -> Tensor:
    """Σ factor · loss + Σ factor · penalty + Σ penalty of values / batch."""
    loss = tape.constant(0.0)
    for term in training.losses:
        formula = table.losses.find(term.loss)
        predictions = tuple(run.values[value.name] for value in term.predictions)
        given = np.zeros(()) if term.target is None else np.asarray(targets[term.target.name])
        at = table.Judged(predictions, given, term.logits)
        loss = loss + term.factor * formula(term.loss, at)
    for penalty in training.penalties:
        value = table.penalties.find(penalty.penalty)(penalty.penalty, run.weight(penalty.weight))
        loss = loss + penalty.factor * value
    for activity in training.activities:
        x = run.values[activity.value.name]
        total = table.penalties.find(activity.penalty)(activity.penalty, x)
        loss = loss + total * (1 / len(x.value))
    return loss
