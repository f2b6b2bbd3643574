"""Perceptrons, forward propagation, losses, gradient descent."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curriculum.lesson import Claim, Found, Picture
from curriculum.plane import Axis, Series, chart
from curriculum.room import Room
from nnc import compile_text
from nnc.backends import initial
from nnc.backends.base import Arrays, numbers
from nnc.backends.registry import Backend
from nnc.compiler.ir import Program
from nnc.training.run import Run

CORNERS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
GATES = {
    "and": ("AND with 0.5, 0.5 and -0.7", "0 0 0 1"),
    "and_other_weights": ("AND with 1.0, 1.0 and -1.1", "0 0 0 1"),
    "nand": ("NAND with -0.5, -0.5 and 0.7", "1 1 1 0"),
    "or": ("OR with 0.5, 0.5 and -0.3", "0 1 1 1"),
}
NUMBERS: list[tuple[str, list[float], list[float] | int, float]] = [
    ("sse", [0.7], [0.5], 0.04),
    ("mse", [3, 4, 5], [2.7, 4.2, 5.5], 0.38 / 3),
    ("rmse", [3, 4, 5], [2.7, 4.2, 5.5], math.sqrt(0.38 / 3)),
    ("mae", [3, 4, 5], [2.7, 4.2, 5.5], 1.0 / 3),
    ("cross_entropy", [0.7, 0.3], 1, -math.log(0.3)),
    ("binary_cross_entropy", [0.8], [1.0], -math.log(0.8)),
    ("binary_cross_entropy", [0.8], [0.0], -math.log(0.2)),
    ("pinball", [2.0, 5.0], [3.0, 3.0], (0.9 * 1 + 0.1 * 2) / 2),
]
"""Losses of the lectures: word, prediction, target, value."""


def answers(backend: Backend, program: Program, inputs: Arrays) -> Arrays:
    """What a network with the weights of its spec gives on a backend."""
    weights = initial.weights(program.graph, program.seed)
    return backend.load_runner()(program, weights).outputs(inputs)


def truth(room: Room, spec: str) -> dict[str, str]:
    """The truth table of a spec, by backend."""
    program = room.program(f"curriculum/{spec}")
    return {
        backend.name: " ".join(
            f"{bit:g}" for bit in answers(backend, program, {"x": CORNERS})["y"].ravel()
        )
        for backend in room.backends
    }


def agreed(found: dict[str, str]) -> str:
    """What all backends say, or what each says."""
    if len({*found.values()}) == 1:
        return f"{next(iter(found.values()))} on {', '.join(found)}"
    return ", ".join(f"{name}: {said}" for name, said in found.items())


def gates(room: Room) -> Found:
    for spec, (name, expected) in GATES.items():
        found = truth(room, spec)
        yield Claim(f"{name}: {expected}", agreed(found), {*found.values()} == {expected})


def xor_by_hand(room: Room) -> Found:
    found = truth(room, "xor_by_hand")
    yield Claim("0 1 1 0", agreed(found), {*found.values()} == {"0 1 1 0"})
    alone = room.train("curriculum/xor_shallow")
    best = max(row["accuracy"] for row in alone.history if "accuracy" in row)
    yield Claim("a single layer can't", f"trained alone: accuracy {best:g} at best", best < 1)


def forward(room: Room) -> Found:
    """A = XW + B and Z = h(A) in NumPy, with the matrices as the lecture writes them."""
    x = np.array([[1.0, 0.5], [-2.0, 3.0]])
    first = _sigmoid(x @ [[0.1, 0.3, 0.5], [0.2, 0.4, 0.6]] + [0.1, 0.2, 0.3])
    second = _sigmoid(first @ [[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]] + [0.1, 0.2])
    value = second @ [[0.1, 0.2], [0.3, 0.4]] + [0.1, 0.2]
    share = np.exp(value) / np.exp(value).sum(axis=1, keepdims=True)
    program = room.program("curriculum/forward")
    apart = {}
    for backend in room.backends:
        found = answers(backend, program, {"x": x.astype(np.float32)})
        apart[backend.name] = max(
            float(abs(found["value"] - value).max()), float(abs(found["share"] - share).max())
        )
    told = ", ".join(f"{name} {distance:.0e}" for name, distance in apart.items())
    yield Claim(
        "the matrix arithmetic in float64",
        f"largest difference: {told}",
        max(apart.values()) < 1e-6,
    )


def _sigmoid(a: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-a)))


def losses(room: Room) -> Found:
    training = [b for b in room.backends if b.load_engine is not None]
    for word, prediction, target, expected in NUMBERS:
        count = len(prediction)
        type_ = "i64" if isinstance(target, int) else f"f32[{count}]"
        options = {"pinball": ", 0.9"}.get(word, ", from_logits=false" if "entropy" in word else "")
        program, _ = compile_text(f"""
        model M {{ input x: f32[{count}]  output y = x -> Dense({count}, bias=false) }}
        train {{ target t: {type_}  loss = {word}(y, t{options})  optimizer = sgd(lr=0.1) }}
        """)
        assert program is not None
        given = {"x": np.array([prediction], np.float32), "t": np.array([target])}
        weights = {"dense.weight": np.eye(count, dtype=np.float32)}
        found = {}
        for backend in training:
            assert backend.load_engine is not None
            engine = backend.load_engine()(program, weights)
            found[backend.name] = numbers(engine.evaluate([given]))["loss"]
        right = all(math.isclose(value, expected, rel_tol=1e-6) for value in found.values())
        told = ", ".join(f"{name} {value:.6f}" for name, value in found.items())
        yield Claim(f"{word} of {prediction} and {target}: {expected:.6f}", told, right)


# ---- descent ---------------------------------------------------------------------------------


def path(room: Room, rate: float = 0.1, **changes: Any) -> NDArray[np.float64]:
    """The places of a descent, the first one included; `changes` are those of the train block."""
    places: list[NDArray[np.float64]] = []

    def watch(run: Run) -> None:
        places.append(np.array(run.engine.weights()["point.weight"], np.float64).ravel())

    room.train("curriculum/descent", settings={"rate": rate}, watch=watch, **changes)
    return np.array(places)


def descent(room: Room) -> Found:
    rates = {0.1: "good", 0.01: "too small", 0.5: "at one stroke", 1.05: "too large"}
    drawn, far = [], []
    for rate, name in rates.items():
        places = path(room, rate)
        steps = np.arange(len(places))[:, None]
        expected = (1 - 2 * rate) ** steps * np.array([[3.0, 4.0]])
        near = bool(np.allclose(places, expected, rtol=1e-5, atol=1e-6))
        if rate == 0.1:
            gradient = (places[0] - places[1]) / rate
            told = f"({gradient[0]:.5f}, {gradient[1]:.5f})"
            right = bool(np.allclose(gradient, (6, 8), atol=1e-4))
            yield Claim("the gradient at (3, 4) is (6, 8)", told, right)
        last = float(np.hypot(*places[-1]))
        law = f"rate {rate:g}, {name}: the distance 5 times |1 - 2·{rate:g}| at each of 20 steps"
        end = f"{5 * abs(1 - 2 * rate) ** 20:.4g}"
        yield Claim(f"{law}: {end}", f"{last:.4g}", near)
        x, y = places.T.tolist()
        drawn.append(Series(f"rate {rate:g}", x, y, "path"))
        far.append(Series(f"rate {rate:g}", range(len(x)), np.hypot(x, y).tolist(), "path"))
    circles = [_circle(radius) for radius in (1.0, 2.5, 5.0, 7.5)]
    title, x1, x2 = "Descent on x1² + x2² from (3, 4)", (-13.0, 13.0), (-10.0, 10.0)
    picture = chart(title, Axis("x1", ends=x1), Axis("x2", ends=x2), [*drawn, *circles])
    yield Picture("descent", "The paths of four rates, with lines of equal height", picture)
    distances = chart("The same, step by step", Axis("step"), Axis("distance from 0"), far)
    yield Picture("distances", "How far from the minimum each rate is", distances)


def _circle(radius: float) -> Series:
    angles = np.linspace(0, 2 * math.pi, 73)
    x, y = (radius * np.cos(angles)).tolist(), (radius * np.sin(angles)).tolist()
    return Series("", x, y, "guide")
