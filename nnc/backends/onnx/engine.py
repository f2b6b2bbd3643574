"""The training graphs on onnxruntime, step by step. The state stays where the runtime has it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from nnc.backends.base import Arithmetic, Arrays, Engine, Precision, Result, shares, size
from nnc.backends.onnx.assembly import Array
from nnc.backends.onnx.descent import NEXT, RATE
from nnc.backends.onnx.session import Session, Tensor, array, tensor
from nnc.backends.onnx.training import (
    GRADIENT,
    LOSS,
    NORMS,
    ROW,
    STEP,
    evaluation,
    gradient_norms,
    gradient_step,
    inference,
    initial_state,
    update_step,
)
from nnc.compiler.ir import LossTerm, Program
from nnc.compiler.vocabulary.losses.base import is_class


class OnnxEngine(Engine):
    """The two halves of the program's training step on onnxruntime's CPU provider.

    Gradients come first; the update is written over the weights where nothing reads the old ones
    any more. The state has weights by their full names, and what the optimiser remembers by the
    graph's names.
    """

    backend = "onnx"

    def __init__(
        self,
        program: Program,
        weights: Arrays,
        precision: Arithmetic = "float32",
        device: str = "cpu",
    ) -> None:
        """Raises Failed (E708) too, for a layer that has no gradient."""
        if device != "cpu":
            raise ValueError(f"ONNX models are trained on `cpu` alone, not on `{device}`")
        if precision == "mixed":
            raise ValueError(
                "ONNX models have one precision: `--backend torch` and `keras` have mixed precision"
            )
        self._program = program
        self._precision: Precision = precision
        first = gradient_step(program, precision=precision)
        second = update_step(program, precision=precision)
        self._trained = second.trained
        self._statistics = first.statistics
        self._state = _initial(program, weights, precision)
        memory = initial_state(second, weights, precision)
        self._state |= {part.name: tensor(memory[part.name]) for part in second.state}
        self._memory = tuple(part.name for part in second.state)
        shapes = {name: memory[name].shape for name in self._trained}
        self._gradients = {n: tensor(np.zeros(shapes[n], precision)) for n in self._trained}
        self._named_gradients = {f"{GRADIENT}{n}": x for n, x in self._gradients.items()}
        self._loss = {LOSS: tensor(np.zeros((), precision))}
        self._gradient = Session(first.graph, precision, blocked=False)
        self._update = Session(second.graph, precision)
        over = self._update.overwrites(NEXT)
        others = {*self._statistics, *self._memory} - over
        self._spare = {name: tensor(array(self._state[name])) for name in others}
        """Where what is still read is written anew."""
        self._stepped = False

    def step(self, parts: Sequence[Arrays], step: int, rate: float) -> float:
        loss = self._gathered(parts, step)
        if math.isfinite(loss):
            self._swap(self._statistics)
            made = {f"{NEXT}{n}": self._spare.get(n) or self._state[n] for n in self._memory}
            numbers = {STEP: np.array(step), RATE: np.array(rate)}
            self._update(numbers, self._state | self._named_gradients, made)
            self._swap(name for name in self._memory if name in self._spare)
            self._stepped = True
        return loss

    def _gathered(self, parts: Sequence[Arrays], step: int) -> float:
        """Fill the gradients, and the new statistics beside the old ones; the loss of all."""
        total, row = 0.0, 0
        state, summed = dict(self._state), dict[str, Array]()
        given = shares(parts)
        for part, share in zip(parts, given, strict=True):
            self._check(part)
            made = {f"{NEXT}{name}": self._spare[name] for name in self._statistics}
            numbers = {STEP: np.array(step), ROW: np.array(row)}
            self._gradient({**part, **numbers}, state, made | self._named_gradients | self._loss)
            row += size(part)
            total += share * float(self._loss[LOSS].numpy())
            if len(given) > 1:
                for name, kept in self._gradients.items():
                    summed[name] = summed.get(name, 0.0) + share * kept.numpy()
                state |= {n: tensor(array(self._spare[n])) for n in self._statistics}
        for name, whole in summed.items():
            self._gradients[name].update_inplace(whole)
        return total

    def _swap(self, names: Iterable[str]) -> None:
        """What was written beside the old values is the state from now on."""
        for name in names:
            self._state[name], self._spare[name] = self._spare[name], self._state[name]

    def gradient_norms(self) -> dict[str, float]:
        if not self._stepped:
            return {}
        norms = self._norms({}, self._named_gradients)[NORMS]
        return dict(zip(self._trained, map(float, norms), strict=True))

    @cached_property
    def _norms(self) -> Session:
        return Session(gradient_norms(self._program, self._precision), self._precision)

    def measured(self, batch: Arrays) -> tuple[float, Mapping[str, Any]]:
        session, metrics = self._evaluation
        self._check(batch)
        found = session(batch, self._state)
        return float(found[LOSS]), {name: found[f"metric/{name}"] for name in metrics}

    def concluded(self, known: Mapping[str, list[Any]]) -> Mapping[str, Result]:
        _, metrics = self._evaluation
        return {name: finish(known[name]) for name, finish in metrics.items()}

    @cached_property
    def _evaluation(self) -> tuple[Session, Mapping[str, Any]]:
        found = evaluation(self._program, precision=self._precision)
        return Session(found.graph, self._precision), found.metrics

    @cached_property
    def _inference(self) -> Session:
        return Session(inference(self._program, precision=self._precision), self._precision)

    def outputs(self, inputs: Arrays) -> Arrays:
        return self._inference(inputs, self._state)

    def weights(self) -> Arrays:
        return {name: array(self._state[name]) for name in self._program.graph.weights}

    def state(self) -> Arrays:
        return {name: array(kept) for name, kept in self._state.items()}

    def restore(self, state: Arrays) -> None:
        shapes = {name: tuple(kept.shape()) for name, kept in self._state.items()}
        if {name: x.shape for name, x in state.items()} != shapes:
            raise ValueError("this is the state of another program")
        for name, kept in self._state.items():
            kept.update_inplace(np.ascontiguousarray(state[name], kept.numpy().dtype))

    def _check(self, batch: Arrays) -> None:
        """Raise ValueError for class numbers that no class has: a negative one would be counted
        from the end."""
        assert self._program.training is not None
        for term in self._program.training.losses:
            if term.target is not None and len(term.types) == 2 and is_class(term.types):
                _check_classes(term, np.asarray(batch[term.target.name]))


def _initial(program: Program, weights: Arrays, precision: Precision) -> dict[str, Tensor]:
    """The weights, which must be those of the program."""
    stored = program.graph.weights
    if set(stored) != set(weights):
        raise ValueError(f"weights must be exactly {sorted(stored)}, not {sorted(weights)}")
    for name, weight in stored.items():
        if np.shape(weights[name]) != weight.shape:
            given = list(np.shape(weights[name]))
            raise ValueError(f"weight `{name}` must be {list(weight.shape)}, not {given}")
    return {name: tensor(np.asarray(weights[name], precision)) for name in stored}


def _check_classes(term: LossTerm, target: Array) -> None:
    classes = term.types[0].shape[-1]
    ignored = getattr(term.loss, "ignore", None)
    kept = target if ignored is None else target[target != ignored]
    if isinstance(classes, int) and kept.size and not 0 <= kept.min() <= kept.max() < classes:
        raise ValueError(
            f"{term.loss.word}: class numbers from {kept.min()} to {kept.max()}, "
            f"but they must be from 0 to {classes - 1}"
        )
