"""The way that every backend walks, and how the reference walks it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np

from nnc.backends.base import Arrays
from nnc.backends.reference.engine import ReferenceEngine
from nnc.compiler.ir import Node, Program
from nnc.verify.conventions import Convention
from nnc.verify.feed import Feed
from nnc.verify.paths import Measured, Step, loss_apart, weights_apart
from nnc.verify.tolerances import NOISE, NOISE_PAIRS


class _Engine(ReferenceEngine):
    """The reference under a convention."""

    def __init__(self, convention: Convention, weights: Arrays) -> None:
        super().__init__(convention.program, weights)
        self._convention = convention

    def _descend(self, gradients: Arrays, step: int, rate: float) -> None:
        other = self._convention
        number = step - other.drawn
        if other.rule is not None:
            self._training = replace(self._training, optimizer=other.rule(number, rate))
        super()._descend(gradients, number + other.counted, rate)


@dataclass(frozen=True)
class Course:
    """What every backend walks: a program, the weights it begins with, its batches."""

    program: Program
    weights: Arrays
    feed: Feed

    @cached_property
    def layers(self) -> dict[str, str]:
        """The layer of each weight."""
        nodes = self.program.graph.nodes
        return {f"{node.layer}.{w.name}": node.layer for node in nodes for w in node.weights}

    @cached_property
    def owners(self) -> dict[str, Node]:
        """The node whose layer has each weight."""
        nodes = self.program.graph.nodes
        return {f"{n.layer}.{w.name}": n for n in reversed(nodes) for w in n.weights}

    def walked(self, steps: int, other: Convention | None = None) -> Iterator[Measured]:
        """The reference's steps, or those under another convention."""
        other = other or Convention("", self.program)
        engine = _Engine(other, self.weights)
        for step in range(steps):
            rate = engine.rate(step + other.rated, self.feed.updates)
            loss = engine.step([self.feed.batch(step)], step + other.drawn, rate)
            yield Measured(loss, engine.weights(), engine.gradient_norms())

    def before(self, step: int) -> Arrays:
        """The reference's weights before a step."""
        return [self.weights, *(m.weights for m in self.walked(step))][-1]

    def movement(self, steps: int) -> list[Step]:
        """How far the exact path moves when weights and examples move by rounding, step by step."""
        exact = list(self.walked(steps))
        furthest = [Step(m.loss, 0.0, {}) for m in exact]
        for pair, sign in product(range(NOISE_PAIRS), (1.0, -1.0)):
            near = self._near(pair, sign)
            for number, (found, truth) in enumerate(zip(near.walked(steps), exact, strict=True)):
                before = furthest[number]
                moved = weights_apart(found.weights, truth.weights, self.layers)
                furthest[number] = Step(
                    truth.loss,
                    max(before.difference, loss_apart(found.loss, truth.loss)),
                    {n: max(d, before.weights.get(n, 0.0)) for n, d in moved.items()},
                )
        return furthest

    def _near(self, pair: int, sign: float) -> Course:
        """The same with weights and examples moved a little."""

        def moved(arrays: Arrays, *seed: int) -> Arrays:
            rng = np.random.default_rng((self.program.seed, pair, *seed))
            return {
                name: a * (1 + sign * NOISE * rng.normal(size=a.shape))
                if a.dtype.kind == "f"
                else a
                for name, a in arrays.items()
            }

        batch = self.feed.batch
        feed = replace(self.feed, batch=lambda step: moved(batch(step), step))
        return Course(self.program, moved(self.weights), feed)
