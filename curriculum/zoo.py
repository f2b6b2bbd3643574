"""More of the zoo: radial basis functions, extreme learning, deconvolution, two adversaries."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from curriculum.lesson import Claim, Found, Picture
from curriculum.plane import Axis, Series, chart
from curriculum.room import Room, Trained
from nnc.backends import initial


def zoo(room: Room) -> Found:
    yield _bumps(room.train("curriculum/rbf"))
    yield from _readout(room.train("curriculum/extreme_learning", short=10))
    yield _drawn(room.train("curriculum/deconvolution", short=8))
    run = room.train("curriculum/gan", short=120)
    made = _made(run)
    yield from _ring(made, finished=not room.short)
    real = run.examples("train")["real"][: len(made)]
    clouds = [
        Series(name, points[:, 0].tolist(), points[:, 1].tolist(), "points")
        for name, points in (("real", real), ("made of noise", made))
    ]
    title = "A ring of real points, and points made of noise"
    yield Picture("gan", title, chart(title, Axis("x"), Axis("y"), clouds))


def _bumps(run: Trained) -> Claim:
    accuracy = run.results["test_accuracy"]
    told = f"test accuracy {accuracy:.3f} on the irises, with 12 centres"
    return Claim("a radial basis function network learns", told, accuracy > 0.9)


def _readout(run: Trained) -> Iterator[Claim]:
    accuracy = run.results["test_accuracy"]
    told = f"test accuracy {accuracy:.3f} on digits, 512 hidden units"
    yield Claim("an extreme learning machine learns by its last layer", told, accuracy > 0.9)
    drawn = initial.weights(run.program.graph, run.program.seed)["hidden.weight"]
    same = bool((run.engine.weights()["hidden.weight"] == drawn).all())
    told = "its weights after training are those before, bit by bit"
    yield Claim("the hidden layer stays as it was drawn", told, same)


def _drawn(run: Trained) -> Claim:
    given = run.examples("test")
    mean = run.examples("train")["same"].mean(axis=0)
    found = run.outputs(given)["again"]
    error, nothing = (
        float(np.mean(np.square(x - given["same"], dtype=np.float64))) for x in (found, mean)
    )
    told = f"mean squared error {error:.4f}; the mean image has {nothing:.4f}"
    return Claim("transposed convolutions draw an image from a code", told, error < 0.6 * nothing)


def _made(run: Trained) -> NDArray[np.float32]:
    """Points out of noise that training has not seen: [512, 2]."""
    noise = np.random.default_rng(7).normal(size=(512, 4)).astype(np.float32)
    real = np.zeros((512, 2), np.float32)
    return np.asarray(run.outputs({"real": real, "noise": noise})["made"])


def _ring(made: NDArray[np.float32], *, finished: bool) -> Iterator[Claim]:
    """Whether points are near the ring of radius 1, all around it."""
    radius = np.hypot(*made.T)
    near = float(np.mean(np.abs(radius - 1) < 0.25))
    told = f"{near:.0%} of the points made from new noise are within 0.25 of the ring"
    yield Claim("a GAN makes points as the real ones are", told, near > (0.8 if finished else 0.5))
    turn = np.arctan2(made[:, 1], made[:, 0])
    counts, _ = np.histogram(turn, bins=8, range=(-np.pi, np.pi))
    told = f"of 512 points {counts.min()} to {counts.max()} lie in each eighth of the turn"
    yield Claim("it makes all of them, not some", told, bool(counts.min() >= 10))
