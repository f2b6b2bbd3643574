"""XOR in all depths."""

from __future__ import annotations

import math

import numpy as np

from curriculum.lesson import Claim, Found, Picture
from curriculum.plane import Axis, Series, chart
from curriculum.room import Room, Trained
from nnc.backends.registry import REFERENCE
from nnc.compiler.diagnostics import Failed

LN2 = math.log(2)
GOOD = (1, 5, 6, 8)
"""Seeds beside the spec's own, 3, with which two hidden units learn XOR."""
STUCK = (0, 2, 4, 9)
"""Seeds with which they get stuck: two of the four answers are alike."""
SLOW = (7,)


def accuracy(run: Trained) -> float:
    return run.results["accuracy"]


def xor(room: Room) -> Found:
    own = room.train("curriculum/xor")
    first = own.history[0]["loss"]
    yield Claim("begins near 0.69", f"{first:.4f}", abs(first - 0.69) < 0.02)
    yield _learnt("falls to about 0.05, accuracy 1.0 (the spec's seed, 3)", own, 0.1)
    for seed in GOOD[:1] if room.short else GOOD:
        yield _learnt(f"the same with seed {seed}", room.train("curriculum/xor", seed=seed), 0.1)
    slow = [room.train("curriculum/xor", seed=seed) for seed in SLOW]
    told = ", ".join(f"{run.loss:.4f}" for run in slow)
    lecture = "not said: some starts take longer than 1001 epochs"
    yield Claim(lecture, f"seed 7: accuracy 1, loss {told}", all(accuracy(r) == 1 for r in slow))
    held_up = STUCK[:1] if room.short else STUCK
    stuck = [room.train("curriculum/xor", seed=seed) for seed in held_up]
    told = ", ".join(f"{run.loss:.3f}" for run in stuck)
    lecture = "not said: two hidden units have a local minimum at about 0.35"
    seeds = ", ".join(map(str, held_up))
    held = all(0.34 < run.loss < 0.37 for run in stuck)
    yield Claim(lecture, f"seeds {seeds}: {told}, accuracy below 1", held)


def _learnt(lecture: str, run: Trained, bound: float) -> Claim:
    told = f"loss {run.loss:.4f}, accuracy {accuracy(run):g}"
    return Claim(lecture, told, run.loss < bound and accuracy(run) == 1)


def shallow(room: Room) -> Found:
    for seed in (0, 1, 2):
        run = room.train("curriculum/xor_shallow", seed=seed)
        best = max(run.curve("accuracy")[1])
        told = f"seed {seed}: {run.loss:.6f}, accuracy {best:g} at best"
        held = abs(run.loss - LN2) < 1e-6 and best < 1
        yield Claim("stays at 0.693147, accuracy never 1.0", told, held)


def wide(room: Room) -> Found:
    runs = [room.train("curriculum/xor_wide", seed=seed) for seed in range(3 if room.short else 10)]
    found = [run.loss for run in runs]
    told = f"{min(found):.4f} to {max(found):.4f} with seeds 0 to {len(runs) - 1}"
    held = max(found) < 0.02 and all(accuracy(run) == 1 for run in runs)
    yield Claim("about 0.013 after 1000 epochs, accuracy 1.0", told, held)


def deep(room: Room) -> Found:
    for seed in (0,) if room.short else (0, 1, 2):
        run = room.train("curriculum/xor_deep", seed=seed, log_every=20)
        epochs, losses = run.curve("loss")
        left = next(e for e, x in zip(epochs, losses, strict=True) if x < 0.1)
        told = f"seed {seed}: below 0.1 after {left:.0f} epochs, {run.loss:.4f} at the end"
        held = 1000 < left < 4000 and accuracy(run) == 1
        yield Claim("two hidden layers need about 3000 epochs", told, held)


def deeper(room: Room) -> Found:
    run = _deeper(room)
    worst = max(abs(row["loss"] - LN2) for row in run.history[100:])
    count = f"{len(run.history):,}"
    told = f"{run.loss:.6f} after {count} epochs, from the 101st on within {worst:.0e} of ln 2"
    yield Claim("0.6931 for 10,000 epochs", told, worst < 1e-4 and accuracy(run) < 1)
    first, last = _ends(run)
    told = f"norm {first:.0e} in the first layer, {last:.0e} in the last, in the first epoch"
    yield Claim("the gradient vanishes on its way back", told, first < 1e-5 * last)
    if not room.short:
        yield Picture("xor", "Loss of XOR by depth", _losses(room))


def relu(room: Room) -> Found:
    for seed in (0,) if room.short else (0, 1, 2):
        run = room.train("curriculum/xor_relu", seed=seed)
        told = f"seed {seed}: {run.loss:.1e}, accuracy {accuracy(run):g}"
        yield Claim("about 1e-4 after 3000 epochs", told, run.loss < 1e-3 and accuracy(run) == 1)
    first, last = _ends(room.train("curriculum/xor_relu", seed=0))
    told = f"norm {first:.1e} in the first layer, {last:.1e} in the last, in the first epoch"
    yield Claim("the vanishing gradient is gone", told, first > 1e-2 * last)
    yield Picture("gradients", "Gradient norms by layer in the first epoch", _gradients(room))


def norms(run: Trained) -> list[float]:
    """The gradient norms of the weights of each layer in the first epoch, from the input on."""
    return [norm for name, norm in run.gradients[0].items() if name.endswith(".weight")]


def _ends(run: Trained) -> tuple[float, float]:
    found = norms(run)
    return found[0], found[-1]


def _deeper(room: Room) -> Trained:
    return room.train("curriculum/xor_deeper", short=1001, log_every=100)


def _gradients(room: Room) -> str:
    drawn = []
    relu = room.train("curriculum/xor_relu", seed=0)
    for name, run in (("sigmoid", _deeper(room)), ("ReLU", relu)):
        found = norms(run)
        drawn.append(Series(name, range(1, len(found) + 1), found, "path"))
    x = Axis("layer from the input; the ninth gives the output")
    y = Axis("norm of the gradient", logarithmic=True)
    return chart("Eight hidden layers of ten units", x, y, drawn)


def _losses(room: Room) -> str:
    runs = {
        "none": room.train("curriculum/xor_shallow", seed=0),
        "1 × 2": room.train("curriculum/xor"),
        "1 × 10": room.train("curriculum/xor_wide", seed=0),
        "2 × 10": room.train("curriculum/xor_deep", seed=0, log_every=20),
        "8 × 10": _deeper(room),
        "8 × 10 with ReLU": room.train("curriculum/xor_relu", seed=0),
    }
    drawn = [Series(name, *run.curve("loss")) for name, run in runs.items()]
    y = Axis("loss", logarithmic=True)
    return chart("XOR by hidden layers", Axis("epoch", logarithmic=True), y, drawn)


# ---- dropout, clipping -----------------------------------------------------------------------


def dropout(room: Room) -> Found:
    for seed in (0,) if room.short else tuple(range(10)):
        run = room.train("curriculum/xor_dropout", seed=seed)
        found = run.measure("train")
        told = (
            f"seed {seed}: accuracy {found['accuracy']:g}, loss {found['loss']:.4f} in evaluation"
        )
        yield Claim("accuracy 1.0", told, found["accuracy"] == 1)
    run = room.train("curriculum/xor_dropout", seed=0)
    weights = {name: np.asarray(x, np.float32) for name, x in run.engine.weights().items()}
    runner = REFERENCE.load_runner()(run.program, weights)
    inputs = {"x": run.examples("train")["x"]}
    trained = [runner.outputs(inputs, training=True, step=step)["p"] for step in range(20)]
    spread = float(np.std(trained, axis=0).max())
    told = f"reference: 20 passes of training mode differ by a deviation of {spread:.2f}"
    yield Claim("training drops units", told, spread > 0.01)
    twice = [runner.outputs(inputs)["p"] for _ in range(2)]
    yield Claim("evaluation drops none", "two passes are equal", bool((twice[0] == twice[1]).all()))


def exploding(room: Room) -> Found:
    seeds = (0,) if room.short else (0, 1, 2)
    for seed in seeds:
        try:
            run = room.train("curriculum/exploding", seed=seed, clip=None, short=100)
            told, held = f"loss {run.loss:.3g}", False
        except Failed as failed:
            told, held = failed.diagnostics[0].message, True
        yield Claim("without clipping it explodes", f"seed {seed}: {told}", held)
        run = room.train("curriculum/exploding", seed=seed)
        told = f"seed {seed}: loss {run.loss:.1e}, accuracy {accuracy(run):g}"
        yield Claim("clipped by value to ±0.1 it learns", told, accuracy(run) == 1)
        sizes = [row["hidden.3.dense.weight"] for row in run.gradients]
        told = f"norm of the fourth layer's 100 elements at most {max(sizes):.3f}"
        yield Claim("a norm of at most 0.1 · √100", told, max(sizes) <= 1 + 1e-6)
    run = room.train("curriculum/clipping")
    whole = [
        math.hypot(*(x for name, x in row.items() if name != "epoch")) for row in run.gradients
    ]
    right = run.results["test_accuracy"]
    told = f"at most {max(whole):.4f}; test accuracy {right:.3f}"
    yield Claim(
        "clipped by norm: all gradients together have at most 1", told, max(whole) <= 1.0001
    )
