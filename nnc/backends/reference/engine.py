"""A program trained by the formulas of the reference: gradients from the tape, updates from the
table of optimisers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nnc.backends.base import Arithmetic, Arrays, Engine, Result, shares, size
from nnc.backends.reference import table
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.reference.schedules import rate
from nnc.backends.reference.table import Step
from nnc.backends.reference.tape import Array
from nnc.compiler.ir import Program

_WEIGHT, _MEMORY = "weight/", "optimizer/"


class ReferenceEngine(Engine):
    """Every step by its formula, in NumPy float64.

    The state is every weight below `weight/`, and what the optimiser remembers of each below
    `optimizer/WEIGHT/`.
    """

    backend = "reference"

    def __init__(
        self,
        program: Program,
        weights: Arrays,
        precision: Arithmetic = "float64",
        device: str = "cpu",
    ) -> None:
        if program.training is None:
            raise ValueError("the program has no train block")
        if device != "cpu":
            raise ValueError(f"the reference computes on `cpu` alone, not on `{device}`")
        if precision == "mixed":
            raise ValueError(
                "the reference computes in float64: "
                "`--backend torch` and `keras` have mixed precision"
            )
        self._training = program.training
        self._constraints = program.graph.constraints
        self._runner = ReferenceRunner(program, weights, precision)
        self._memory: dict[str, dict[str, Array]] = {}
        self._gradients: dict[str, Array] = {}

    def step(self, parts: Sequence[Arrays], step: int, rate: float) -> float:
        total, row = 0.0, 0
        summed: dict[str, Array] = {}
        for part, share in zip(parts, shares(parts), strict=True):
            loss, found = self._runner.gradients(part, part, training=True, step=step, row=row)
            row += size(part)
            for name, gradient in found.items():
                summed[name] = summed.get(name, 0.0) + share * gradient
            total += share * loss
        if math.isfinite(total):
            with np.errstate(all="ignore"):
                self._descend(summed, step, rate)
        return total

    def _descend(self, gradients: dict[str, Array], step: int, rate: float) -> None:
        """Clip, one update of every weight, constraints."""
        training = self._training
        if training.clip is not None:
            gradients = table.clips.find(training.clip)(training.clip, gradients)
        self._gradients = gradients
        rule = table.optimizers.find(training.optimizer)
        current = self._runner.weights()
        for name, gradient in gradients.items():
            memory = self._memory.setdefault(name, {})
            seen = Step(current[name], gradient, rate, step + 1, memory)
            current[name] = rule(training.optimizer, seen)
        for name, constraint in self._constraints.items():
            current[name] = table.constraints.find(constraint)(constraint, current[name])
        self._runner.assign(current)

    def rate(self, step: int, steps: int) -> float:
        return rate(self._training.schedule, self._training.optimizer.lr, step, steps)

    @property
    def gradients(self) -> Arrays:
        """The gradient of each trained weight in the last step, after clipping."""
        return self._gradients

    def measured(self, batch: Arrays) -> tuple[float, Mapping[str, Any]]:
        loss, values = self._runner.judged(batch)
        return loss, {
            use.name: (values[use.prediction.name], np.asarray(batch[use.target.name]))
            for use in self._training.metrics
        }

    def concluded(self, known: Mapping[str, list[Any]]) -> Mapping[str, Result]:
        results: dict[str, Result] = {}
        for use in self._training.metrics:
            prediction, target = map(np.concatenate, zip(*known[use.name], strict=True))
            results[use.name] = table.metrics.find(use.metric)(use.metric, prediction, target)
        return results

    def outputs(self, inputs: Arrays) -> Arrays:
        return self._runner.outputs(inputs)

    def gradient_norms(self) -> dict[str, float]:
        return {name: float(np.linalg.norm(g)) for name, g in self._gradients.items()}

    def weights(self) -> Arrays:
        return self._runner.weights()

    def state(self) -> Arrays:
        state = {f"{_WEIGHT}{name}": x.copy() for name, x in self._runner.weights().items()}
        for name, memory in self._memory.items():
            state |= {f"{_MEMORY}{name}/{key}": np.array(x) for key, x in memory.items()}
        return state

    def restore(self, state: Arrays) -> None:
        weights = {
            n.removeprefix(_WEIGHT): np.array(x) for n, x in state.items() if n.startswith(_WEIGHT)
        }
        expected = self._runner.weights()
        if weights.keys() != expected.keys() or any(
            array.shape != expected[name].shape for name, array in weights.items()
        ):
            raise ValueError("this is the state of another program")
        self._runner.assign(weights)
        self._memory = {}
        for full, array in state.items():
            if full.startswith(_MEMORY):
                name, _, key = full.removeprefix(_MEMORY).rpartition("/")
                self._memory.setdefault(name, {})[key] = np.array(array)
