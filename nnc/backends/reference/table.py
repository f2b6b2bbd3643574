"""The tables of the reference: what each word means, as a formula over NumPy float64.

The package's `__init__` imports every family, which fills the tables, and seals them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np

from nnc.backends.base import Result, Table
from nnc.backends.reference.tape import Array, Tensor, constant, mean, total
from nnc.compiler.vocabulary.losses.base import Reduced
from nnc.compiler.vocabulary.ops.base import Types


@dataclass(frozen=True)
class Draw:
    """What the numbers that one node draws in one step depend on (see `nnc.backends.draws`)."""

    key: int
    """The key of the node at the step."""
    row: int = 0
    """Which example of the whole batch is the first one here."""
    axes: tuple[int, ...] = ()
    """The axes of the examples, where these are not the spec's."""
    levels: Callable[[int], int] = lambda level: level
    """The keys at the step of what the node draws behind each of its levels."""

    def behind(self, level: int) -> Draw:
        """What is drawn behind a level."""
        return replace(self, key=self.levels(level))


@dataclass(frozen=True)
class Call:
    """One application of an op to arrays whose first axis is the batch."""

    inputs: tuple[Tensor, ...]
    types: Types
    """The inputs' types with the sizes of this run in place of symbols."""
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    training: bool = False
    statistics: dict[str, Array] = field(default_factory=dict)
    """Where an op puts the new values of running statistics."""
    draw: Draw = field(default_factory=lambda: Draw(0))
    """Where the numbers come from that are drawn in training."""

    @property
    def x(self) -> Tensor:
        """The first (mostly the only) input."""
        return self.inputs[0]


OpFormula: TypeAlias = Callable[[Any, Call], Tensor | tuple[Tensor, ...]]


@dataclass(frozen=True)
class Judged:
    """What a loss takes: predictions, and a target for most; the batch is the first axis."""

    predictions: tuple[Tensor, ...]
    target: Array = field(default_factory=lambda: np.zeros(()))
    logits: bool = False
    """Whether the prediction is logits."""

    @property
    def prediction(self) -> Tensor:
        """The first (mostly the only) prediction."""
        return self.predictions[0]

    @property
    def t(self) -> Tensor:
        """The target as numbers of a formula."""
        return constant(self.target)

    def reduced(self, loss: Reduced, found: Tensor) -> Tensor:
        """The mean or the sum over all, as the loss says."""
        return mean(found) if loss.reduction == "mean" else total(found)


LossFormula: TypeAlias = Callable[[Any, Judged], Tensor]
"""(loss, what it takes) -> one number."""
ConstraintFormula: TypeAlias = Callable[[Any, Array], Array]
"""(constraint, a weight after an update) -> the weight that it becomes."""
PenaltyFormula: TypeAlias = Callable[[Any, Tensor], Tensor]
MetricFormula: TypeAlias = Callable[[Any, Array, Array], Result]
"""(metric, predictions of all examples, their targets) -> one number, or a table of counts."""
RateFormula: TypeAlias = Callable[[Any, float, int, int], float]
"""(schedule, η₀, updates done after the warm-up, updates of the schedule in all) -> η."""
ClipFormula: TypeAlias = Callable[[Any, dict[str, Array]], dict[str, Array]]


@dataclass
class Step:
    """What an optimiser sees of one weight. `state` begins empty and is the optimiser's own."""

    weight: Array
    gradient: Array
    rate: float
    number: int
    """1 for the first update."""
    state: dict[str, Array]

    def remembered(self, name: str) -> Array:
        """A part of the state, 0 before the first update."""
        if name not in self.state:
            self.state[name] = self.weight * 0.0
        return self.state[name]


UpdateFormula: TypeAlias = Callable[[Any, Step], Array]
"""(optimiser, what it sees) -> the weight after the update."""

ops: Table[OpFormula] = Table("reference", "op")
losses: Table[LossFormula] = Table("reference", "loss")
penalties: Table[PenaltyFormula] = Table("reference", "penalty")
constraints: Table[ConstraintFormula] = Table("reference", "constraint")
metrics: Table[MetricFormula] = Table("reference", "metric")
optimizers: Table[UpdateFormula] = Table("reference", "optimizer")
schedules: Table[RateFormula] = Table("reference", "schedule")
clips: Table[ClipFormula] = Table("reference", "clip")


TABLES: tuple[Table[Any], ...] = (
    ops,
    losses,
    penalties,
    constraints,
    metrics,
    optimizers,
    schedules,
    clips,
)


def seal() -> None:
    """Raise TypeError when a word has no formula."""
    for table in TABLES:
        table.sealed()
