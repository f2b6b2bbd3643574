"""What a trajectory is fed with: the spec's own examples, in the order of training, or random
ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nnc.backends import draws
from nnc.backends.base import Arrays
from nnc.compiler.ir import Program
from nnc.training.data import Dataset
from nnc.verify import sample


@dataclass(frozen=True)
class Feed:
    """The batches by the number of the update, from 0."""

    told: str
    """What the examples are, for people."""
    size: int
    """Examples in a batch; the last one of an epoch may have fewer."""
    updates: int
    """Updates of the whole training, by which schedules count."""
    batch: Callable[[int], Arrays]
    smallest: int
    """Examples in the smallest batch."""
    hash: str | None = None
    """SHA-256 of the data."""


def of_data(program: Program, data: Dataset) -> Feed:
    """The training split, cut and ordered as in training."""
    assert program.training is not None
    rows = data.splits["train"]
    size = program.training.batch or len(rows)
    per_epoch = -(-len(rows) // size)

    def batch(step: int) -> Arrays:
        epoch, place = divmod(step, per_epoch)
        order = rows
        if program.training is not None and program.training.batch is not None:
            key = draws.key_at(draws.key_of(program.seed, "order"), epoch)
            order = rows[draws.order(len(rows), key)]
        return data.batch(order[place * size : (place + 1) * size], epoch)

    updates = program.training.epochs * per_epoch
    smallest = (len(rows) - 1) % size + 1
    return Feed("the spec's data", min(size, len(rows)), updates, batch, smallest, data.hash)


def at_random(program: Program, size: int, seed: int, steps: int) -> Feed:
    """Other random examples at each step. Raises ValueError when no size of a free dimension is
    found that every layer accepts."""

    def batch(step: int) -> Arrays:
        rng = np.random.default_rng((seed, step))
        inputs = sample.inputs(program.graph, size, rng)
        return {**inputs, **sample.targets(program, inputs, rng)}

    batch(0)
    return Feed("random examples", size, steps, batch, size)
