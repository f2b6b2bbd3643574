"""What several processes may make of a batch: whether they can divide it, and the mistake that may
be behind it when they take another step than one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from nnc.backends.base import Arrays, shares, size
from nnc.backends.reference.engine import ReferenceEngine
from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.ir import Program
from nnc.training.engines import check_parts
from nnc.verify.course import Course
from nnc.verify.feed import Feed
from nnc.verify.paths import Measured


def check(program: Program, feed: Feed, ranks: int) -> None:
    """Raise Failed for a loss that parts of a batch don't add up to (E805), and a batch with fewer
    examples than there are processes (E725)."""
    check_parts(program, "verify without `--ranks`")
    if feed.smallest < ranks:
        message = f"a batch of {feed.smallest} can't be divided among {ranks} processes"
        cure = "give fewer `--ranks`, or another `batch`: each process takes a row or more"
        raise Failed([Diagnostic("E725", message, help=cure)])


def divided(batch: Arrays, ranks: int) -> list[Arrays]:
    """The rows of each process."""
    count = size(batch)
    edges = [count * rank // ranks for rank in range(ranks + 1)]
    return [{name: array[a:b] for name, array in batch.items()} for a, b in pairwise(edges)]


class Mistaken(ReferenceEngine):
    """The reference as several processes would train it that divide batches by a mistaken rule."""

    def __init__(
        self,
        program: Program,
        weights: Arrays,
        *,
        weigh: Callable[[Sequence[Arrays]], list[float]] = shares,
        factor: float = 1.0,
        shifted: bool = True,
    ) -> None:
        super().__init__(program, weights)
        self._weigh, self._factor, self._shifted = weigh, factor, shifted

    def step(self, parts: Sequence[Arrays], step: int, rate: float) -> float:
        total, row = 0.0, 0
        summed: Arrays = {}
        for part, share in zip(parts, self._weigh(parts), strict=True):
            at = row if self._shifted else 0
            loss, found = self._runner.gradients(part, part, training=True, step=step, row=at)
            row += size(part)
            for name, gradient in found.items():
                summed[name] = summed.get(name, 0.0) + self._factor * share * gradient
            total += share * loss
        self._descend(summed, step, rate)
        return total


def equally(parts: Sequence[Arrays]) -> list[float]:
    """The same share for every part."""
    return [1 / len(parts)] * len(parts)


def mistakes(course: Course, ranks: int) -> Iterator[tuple[str, Mistaken, int]]:
    """What may have gone wrong, the reference with that mistake, and the parts of its batches."""
    program, weights = course.program, course.weights
    added = Mistaken(program, weights, factor=float(ranks))
    yield "as if gradients were added up, and not averaged, over the processes", added, 1
    if any(node.op.word == "BatchNorm" for node in program.graph.nodes):
        said = "as if BatchNorm took the statistics of each process's own rows"
        yield said, Mistaken(program, weights), ranks
    if any(node.op.is_random for node in program.graph.nodes):
        said = "as if every process drew the numbers of the first rows"
        yield said, Mistaken(program, weights, shifted=False), ranks
    said = "as if processes with more rows than others counted no more than they"
    yield said, Mistaken(program, weights, weigh=equally), ranks


def walked(course: Course, engine: Mistaken, parts: int, steps: int) -> Measured:
    """What a mistaken engine has after so many steps."""
    loss = 0.0
    with np.errstate(all="ignore"):
        for step in range(steps):
            rate = engine.rate(step, course.feed.updates)
            loss = engine.step(divided(course.feed.batch(step), parts), step, rate)
    return Measured(loss, engine.weights(), engine.gradient_norms())
