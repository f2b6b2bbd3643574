"""Batches of all sizes, learning rates that change, and the rules of the optimisers."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from curriculum.lesson import Claim, Found, Picture
from curriculum.perceptrons import path
from curriculum.plane import Axis, Series, chart
from curriculum.room import Room
from nnc.compiler.vocabulary.optimizers import Adagrad, Adam, Optimizer, RmsProp, Sgd

Vector: TypeAlias = "NDArray[np.float64]"
Memory: TypeAlias = "defaultdict[str, Vector]"


# ---- batches and rates -----------------------------------------------------------------------


def batching(room: Room) -> Found:
    drawn = []
    for name, size, updates in (("batch", None, 1), ("stochastic", 1, 120), ("mini-batch", 16, 8)):
        run = room.train("curriculum/batching", batch=size, log_every=1, short=3)
        taken = int(run.history[-1]["step"]) // len(run.history)
        told = "all" if size is None else str(size)
        lecture = f"{name} (`batch = {told}`): 120 examples are {updates} updates an epoch"
        yield Claim(
            lecture,
            f"{taken}; loss {run.loss:.3f} after {len(run.history)} epochs",
            taken == updates,
        )
        drawn.append(Series(f"{name} ({told})", *run.curve("loss")))
    picture = chart("Irises, SGD with rate 0.05", Axis("epoch"), Axis("loss"), drawn)
    yield Picture("batching", "Batch, stochastic and mini-batch gradient descent", picture)
    yield from rates(room)


UPDATES = 160
"""Of the three specs: 20 epochs of 8 batches."""
RATES: dict[str, tuple[str, Callable[[int], float]]] = {
    "step": ("0.2, halved every 60 updates", lambda t: 0.2 * 0.5 ** (t // 60)),
    "exponential": ("0.2 · 0.99^t", lambda t: 0.2 * 0.99**t),
    "cosine": (
        "16 updates of warm-up, then half a cosine",
        lambda t: (
            0.2 * (t + 1) / 16
            if t < 16
            else 0.1 * (1 + math.cos(math.pi * (t - 16) / (UPDATES - 16)))
        ),
    ),
}


def rates(room: Room) -> Found:
    drawn = []
    for name, (law, formula) in RATES.items():
        run = room.train(f"curriculum/rate_{name}")
        taken = [(int(row["step"]) - 1, row["rate"]) for row in run.history]
        apart = max(abs(rate - formula(t)) for t, rate in taken)
        right = run.results["test_accuracy"]
        told = f"the rate of the last update of each epoch: at most {apart:.0e} apart; "
        yield Claim(f"{name}: {law}", f"{told}test accuracy {right:.3f}", apart < 1e-12)
        steps = range(UPDATES)
        drawn.append(Series(name, list(steps), [formula(t) for t in steps]))
        drawn.append(Series("", [t for t, _ in taken], [rate for _, rate in taken], "points"))
    picture = chart("Learning rates", Axis("update"), Axis("rate"), drawn)
    yield Picture("rates", "Learning rates by formula (lines) and of the runs (points)", picture)


# ---- rules -----------------------------------------------------------------------------------


def sgd(g: Vector, memory: Memory, t: int) -> Vector:
    return 0.05 * g


def momentum(g: Vector, memory: Memory, t: int) -> Vector:
    memory["v"] = 0.9 * memory["v"] + g
    return 0.05 * memory["v"]


def adagrad(g: Vector, memory: Memory, t: int) -> Vector:
    memory["h"] = memory["h"] + g * g
    return np.asarray(0.5 * g / np.sqrt(memory["h"]))


def rmsprop(g: Vector, memory: Memory, t: int) -> Vector:
    memory["h"] = 0.9 * memory["h"] + 0.1 * g * g
    return np.asarray(0.1 * g / np.sqrt(memory["h"]))


def adam(g: Vector, memory: Memory, t: int) -> Vector:
    memory["m"] = 0.9 * memory["m"] + 0.1 * g
    memory["v"] = 0.999 * memory["v"] + 0.001 * g * g
    mean, square = memory["m"] / (1 - 0.9**t), memory["v"] / (1 - 0.999**t)
    return np.asarray(0.2 * mean / np.sqrt(square))


RULES: list[tuple[str, Optimizer, Callable[[Vector, Memory, int], Vector]]] = [
    ("SGD: w -= η·g", Sgd(lr=0.05), sgd),
    ("momentum: v = 0.9·v + g; w -= η·v", Sgd(lr=0.05, momentum=0.9), momentum),
    ("AdaGrad: h += g²; w -= η·g / √h", Adagrad(lr=0.5), adagrad),
    ("RMSProp: h = 0.9·h + 0.1·g²; w -= η·g / √h", RmsProp(lr=0.1, decay=0.9), rmsprop),
    ("Adam, both means corrected for their start", Adam(lr=0.2), adam),
]
"""What the lecture calls a rule, the word for it, and the step of update t (from 1) as written."""


def optimisers(room: Room) -> Found:
    """The lectures' rules in float64 beside 20 updates of runs on x1² + x2²."""
    drawn = []
    for name, optimizer, rule in RULES:
        found = path(room, optimizer=optimizer)
        memory: Memory = defaultdict(lambda: np.zeros(2))
        places = [np.array([3.0, 4.0])]
        for t in range(1, len(found)):
            places.append(places[-1] - rule(2 * places[-1], memory, t))
        apart = float(abs(found - np.array(places)).max())
        yield Claim(name, f"at most {apart:.0e} apart in {len(found) - 1} updates", apart < 2e-5)
        distances = np.hypot(*found.T).tolist()
        drawn.append(Series(name.split(":")[0].split(",")[0], range(len(found)), distances))
    for spec in ("momentum", "adagrad", "rmsprop", "adam"):
        right = room.train(f"curriculum/optimiser_{spec}").results["test_accuracy"]
        yield Claim(f"{spec} on irises", f"test accuracy {right:.3f} after 20 epochs", right > 0.9)
    picture = chart("x1² + x2² from (3, 4)", Axis("update"), Axis("distance from 0"), drawn)
    yield Picture("optimisers", "How far from the minimum each rule is", picture)
