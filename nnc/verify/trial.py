"""One comparison: a program on weights and data, what the reference says, what a backend says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np

from nnc.backends.base import Arrays, Precision, Runner
from nnc.backends.reference.run import ReferenceRunner
from nnc.compiler.ir import Program
from nnc.verify import compare
from nnc.verify.tolerances import NOISE, NOISE_FACTOR, NOISE_LIMIT, NOISE_PAIRS
from nnc.verify.verdict import Comparison


@dataclass(frozen=True)
class Trial:
    """A program with all it is run on. What the reference says is computed when needed."""

    program: Program
    weights: Arrays
    inputs: Arrays
    targets: Arrays
    seed: int

    @property
    def has_loss(self) -> bool:
        return self.program.training is not None and bool(self.program.training.losses)

    @cached_property
    def outputs(self) -> Arrays:
        """The reference's outputs."""
        return ReferenceRunner(self.program, self.weights).outputs(self.inputs)

    @cached_property
    def cotangents(self) -> Arrays:
        """The factors of the random sum of outputs that is differentiated without a loss."""
        rng = np.random.default_rng(self.seed)
        floats = {name: y for name, y in self.outputs.items() if y.dtype.kind == "f"}
        return {n: rng.normal(size=y.shape).astype(np.float32) for n, y in floats.items()}

    @cached_property
    def truth(self) -> tuple[float, Arrays]:
        """The reference's loss (0 without one) and gradients."""
        return self.differentiated(ReferenceRunner(self.program, self.weights))

    @cached_property
    def layers(self) -> dict[str, str]:
        """The layer of each weight."""
        nodes = self.program.graph.nodes
        return {f"{node.layer}.{w.name}": node.layer for node in nodes for w in node.weights}

    def differentiated(self, runner: Runner) -> tuple[float, Arrays]:
        """A runner's loss (0 without one) and the gradient of every weight."""
        if self.has_loss:
            return runner.gradients(self.inputs, self.targets)
        return 0.0, runner.pullback(self.inputs, self.cotangents)[1]

    def compared(self, runner: Runner, precision: Precision) -> tuple[Comparison, ...]:
        """Everything that a backend computes against the reference."""
        found = compare.outputs(self.outputs, runner.outputs(self.inputs), precision)
        if not runner.differentiates:
            return found
        expected, gradients = self.truth
        loss, ours = self.differentiated(runner)
        if self.has_loss:
            found += (compare.loss(expected, loss, precision),)
        return found + compare.gradients(gradients, ours, self.layers, precision)

    @cached_property
    def movement(self) -> dict[str, float]:
        """How far the exact gradient of each weight moves when weights and inputs move by rounding.

        In a network of relu and max pooling there are always some elements so close to a kink that
        rounding decides them, and then gradients jump.
        """
        _, exact = self.truth
        moved = dict.fromkeys(exact, 0.0)
        # The same noise both ways: one of them crosses a kink that is near.
        for pair, sign in product(range(NOISE_PAIRS), (1.0, -1.0)):
            near = self._near(pair, sign)
            # Its cotangents come from the same seed, so they are the same.
            _, found = near.differentiated(ReferenceRunner(near.program, near.weights))
            for name, gradient in found.items():
                apart = float(np.abs(gradient - exact[name]).max(initial=0.0))
                moved[name] = max(moved[name], apart)
        return moved

    def _near(self, pair: int, sign: float) -> Trial:
        """The same with weights and inputs moved a little."""
        rng = np.random.default_rng((self.seed, pair))

        def moved(arrays: Arrays) -> Arrays:
            return {
                name: a * (1 + sign * NOISE * rng.normal(size=a.shape))
                if a.dtype.kind == "f"
                else a
                for name, a in arrays.items()
            }

        return replace(self, weights=moved(self.weights), inputs=moved(self.inputs))

    def with_rounding(self, comparison: Comparison) -> Comparison:
        """A gradient's comparison with what rounding accounts for as its tolerance."""
        if comparison.agrees or comparison.what != "gradient" or comparison.difference is None:
            return comparison
        moved = self.movement[comparison.name] / comparison.scale
        allowed = min(NOISE_FACTOR * moved, NOISE_LIMIT)
        if comparison.difference > allowed:
            return comparison
        note = f"rounding decides at kinks: the exact gradient itself moves by {moved:.0e}"
        return replace(comparison, tolerance=allowed, note=note, rounding=True)
