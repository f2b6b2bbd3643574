"""The backends under test, and how an array of one is held against the reference's."""

from __future__ import annotations

from functools import cache

import numpy as np

from nnc.backends.base import Arrays, Precision, Runner
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.registry import BACKENDS
from nnc.compiler.ir import Program
from nnc.verify import compare
from nnc.verify.verdict import Comparison

PRECISIONS: list[tuple[str, Precision]] = [
    ("torch", "float64"),
    ("keras", "float64"),
    ("torch", "float32"),
    ("keras", "float32"),
    ("onnx", "float64"),
    ("onnx", "float32"),
]


@cache
def runner_class(backend: str) -> type[Runner]:
    return BACKENDS[backend].load_runner()


def refusal(backend: str, program: Program) -> str | None:
    """What the backend says to a program that it declares it can't express."""
    found = BACKENDS[backend].refusals(program)
    return found[0].message if found else None


class Pair:
    """A program on a backend and on the reference, with the same weights."""

    def __init__(
        self, backend: str, precision: Precision, program: Program, weights: Arrays
    ) -> None:
        self.precision = precision
        self.program = program
        self.reference = ReferenceRunner(program, weights)
        given = {name: array.astype(np.float32) for name, array in weights.items()}
        self.backend = runner_class(backend)(program, given, precision)

    def judge(self, comparisons: tuple[Comparison, ...]) -> None:
        """Every comparison agrees."""
        agree(comparisons)

    def given(self, arrays: Arrays) -> Arrays:
        """Floats as float32, which has all of them exactly."""
        return {n: a.astype(np.float32) if a.dtype.kind == "f" else a for n, a in arrays.items()}

    def check_outputs(self, inputs: Arrays, *, training: bool = False, step: int = 0) -> Arrays:
        """Outputs agree; gives the reference's."""
        expected = self.reference.outputs(inputs, training=training, step=step)
        found = self.backend.outputs(self.given(inputs), training=training, step=step)
        self.judge(compare.outputs(expected, found, self.precision))
        return expected

    def check_pullback(
        self, inputs: Arrays, rng: np.random.Generator, *, training: bool = False, step: int = 0
    ) -> None:
        """Gradients of inputs and weights agree for random gradients of the outputs."""
        outputs = ReferenceRunner(self.program, self.reference.weights()).outputs(
            inputs, training=training, step=step
        )
        cotangents = {
            n: rng.normal(size=y.shape).astype(np.float32)
            for n, y in outputs.items()
            if y.dtype.kind == "f"
        }
        expected = self.reference.pullback(inputs, cotangents, training=training, step=step)
        found = self.backend.pullback(self.given(inputs), cotangents, training=training, step=step)
        for theirs, ours in zip(expected, found, strict=True):
            layers = dict.fromkeys(theirs, "all")
            self.judge(compare.gradients(theirs, ours, layers, self.precision))

    def check_weights(self) -> None:
        """Weights are still the same: those of the reference may have new running statistics."""
        expected = self.reference.weights()
        found = self.backend.weights()
        self.judge(compare.outputs(expected, found, self.precision))


def agree(comparisons: tuple[Comparison, ...]) -> None:
    """Every comparison agrees."""
    wrong = [
        f"{c.what} `{c.name}`: {c.problem or f'{c.difference:.2e} of {c.scale:.2e}'}"
        for c in comparisons
        if not c.agrees
    ]
    assert not wrong, "; ".join(wrong)
