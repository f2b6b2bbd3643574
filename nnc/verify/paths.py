"""What is found about training on several backends: losses and distances, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nnc.backends.base import Arrays, Precision
from nnc.compiler.ir import Program
from nnc.compiler.source import NOWHERE, Span
from nnc.verify.tolerances import HORIZON, LOSS_FLOOR, SMALL_GRADIENT, STEPS
from nnc.verify.verdict import State, place

Way: TypeAlias = Literal["forward", "backward", "loss", "update", "statistic", "division"]
Masks: TypeAlias = "Mapping[str, NDArray[np.bool_]]"


@dataclass(frozen=True)
class Measured:
    """What an engine has after a step: the loss before the update, the weights after it, and the
    norms of the gradients."""

    loss: float
    weights: Arrays
    norms: dict[str, float]

    @property
    def is_finite(self) -> bool:
        """Whether the loss and every weight are numbers."""
        arrays = (np.asarray(self.loss), *self.weights.values())
        return all(np.isfinite(array).all() for array in arrays)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: the loss, and how far it and each weight are from the reference's, as a share of
    their scale. What can't be compared is infinitely far."""

    loss: float
    difference: float
    weights: Mapping[str, float]

    @property
    def worst(self) -> float:
        """The largest difference of any weight."""
        return max(self.weights.values(), default=0.0)


@dataclass(frozen=True)
class Parting:
    """The first step that is further from the reference than it may be. `wrong` are weights; when
    the loss is wrong `name` is empty."""

    step: int
    name: str
    wrong: tuple[str, ...]
    found: Measured
    truth: Measured
    later: Measured | None = None
    """What the backend has one step later, if it takes one."""


@dataclass(frozen=True, slots=True)
class Departure:
    """The first step and layer that differ from the reference."""

    step: int
    """From 0."""
    way: Way
    what: str
    """The loss, or the weight that is the first to be wrong."""
    difference: float
    layer: str = ""
    word: str = ""
    span: Span = NOWHERE
    hint: str | None = None
    note: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "step": self.step + 1,
            "way": self.way,
            "what": self.what,
            "difference": _number(self.difference),
            "layer": self.layer,
            "word": self.word,
            "place": place(self.span),
            "hint": self.hint,
            "note": self.note,
        }


@dataclass(frozen=True)
class Path:
    """One backend's training in one precision. `message` says why there is none."""

    backend: str
    precision: Precision
    ranks: int = 1
    """How many processes trained together."""
    state: State = "compared"
    steps: tuple[Step, ...] = ()
    first: Departure | None = None
    rounding: bool = False
    """Whether it is further away than float32's bound only as rounding accounts for."""
    message: str | None = None
    help: str | None = None

    @property
    def title(self) -> str:
        """What people call it: `torch`, or `torch × 2 ranks`."""
        return titled(self.backend, self.ranks)

    @property
    def agrees(self) -> bool:
        """Whether steps were compared, and none differs as far as that is promised."""
        return self.state == "compared" and bool(self.steps) and self.first is None

    @property
    def promised(self) -> int:
        """The number of steps for which agreement is promised."""
        return len(self.steps) if self.precision == "float64" else min(HORIZON, len(self.steps))

    def to_json(self) -> dict[str, Any]:
        return {
            "backend": self.backend,
            "precision": self.precision,
            "ranks": self.ranks,
            "state": self.state,
            "agrees": self.agrees,
            "promised_steps": self.promised,
            "rounding": self.rounding,
            "tolerance": {
                "loss": STEPS[self.precision].loss,
                "weights": STEPS[self.precision].weights,
            },
            "steps": [
                {
                    "loss": _number(step.loss),
                    "difference": _number(step.difference),
                    "weights": {name: _number(d) for name, d in step.weights.items()},
                }
                for step in self.steps
            ],
            "first": self.first.to_json() if self.first else None,
            "message": self.message,
            "help": self.help,
        }


@dataclass(frozen=True)
class Paths:
    """What was found about the training of a program on several backends."""

    program: Program
    examples: str
    """What the examples are, for people."""
    batch: int
    losses: tuple[float, ...]
    """The reference's, step by step."""
    asked: int
    """How many steps were to be compared; there are fewer when the loss stops being a number."""
    paths: tuple[Path, ...]
    idle: dict[str, int] = field(default_factory=dict)
    """Weights with elements whose true gradient is 0, and how many: they are not compared."""
    norms: dict[str, float] = field(default_factory=dict)
    """The Euclidean norms of the reference's weights at the end, without those and what follows
    them."""

    @property
    def agrees(self) -> bool:
        """Whether at least one path was compared, and all that could be agree."""
        counted = [path for path in self.paths if path.state in ("compared", "failed")]
        return bool(counted) and all(path.agrees for path in counted)

    @property
    def complete(self) -> bool:
        """Whether every backend was compared."""
        return all(path.state == "compared" for path in self.paths)

    def to_json(self) -> dict[str, Any]:
        return {
            "program": self.program.name,
            "agrees": self.agrees,
            "complete": self.complete,
            "examples": self.examples,
            "seed": self.program.seed,
            "batch": self.batch,
            "steps": self.asked,
            "losses": [_number(loss) for loss in self.losses],
            "not_compared": self.idle,
            "paths": [path.to_json() for path in self.paths],
        }


def titled(backend: str, ranks: int) -> str:
    """What people call so many processes of a backend."""
    return backend if ranks == 1 else f"{backend} × {ranks} ranks"


def loss_apart(found: float, truth: float) -> float:
    """How far a loss is from the reference's, as a share of it."""
    if not np.isfinite(found):
        return float("inf")
    return abs(found - truth) / max(abs(truth), LOSS_FLOOR)


def weights_apart(
    found: Arrays,
    truth: Arrays,
    layers: Mapping[str, str],
    idle: Masks | None = None,
    wandered: float = 0.0,
) -> dict[str, float]:
    """How far each weight is from the reference's: the Euclidean norm of the difference as a share
    of the weight's, or of a small part of its layer's largest.

    Idle elements are left out. As far as they have `wandered` a running mean may lie apart.
    """
    masks = idle or {}
    largest: dict[str, float] = {}
    for name, array in truth.items():
        layer = layers[name]
        largest[layer] = max(largest.get(layer, 0.0), float(np.linalg.norm(array)))
    made: dict[str, float] = {}
    for name, array in truth.items():
        own = found.get(name)
        if own is None or own.shape != array.shape or not np.isfinite(own).all():
            made[name] = float("inf")
            continue
        gaps = np.abs(own.astype(np.float64) - array)
        if name in masks:
            gaps = gaps[~masks[name]]
        if name.endswith("running_mean"):
            gaps = np.maximum(gaps - wandered, 0.0)
        scale = max(float(np.linalg.norm(array)), SMALL_GRADIENT * largest[layers[name]])
        made[name] = float(np.linalg.norm(gaps)) / (scale or 1.0)
    return made


def idle_apart(found: Arrays, truth: Arrays, idle: Masks) -> float:
    """The largest difference of any idle element."""
    gaps = (_furthest(found.get(name), truth[name], mask) for name, mask in idle.items())
    return max(gaps, default=0.0)


def _furthest(found: NDArray[Any] | None, truth: NDArray[Any], mask: NDArray[np.bool_]) -> float:
    if found is None or found.shape != truth.shape:
        return 0.0
    return float(np.abs(found.astype(np.float64) - truth)[mask].max(initial=0.0))


def _number(value: float) -> float | None:
    """For JSON, which has no infinite numbers."""
    return float(value) if np.isfinite(value) else None
