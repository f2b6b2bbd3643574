"""How far two implementations of the same network may lie apart, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nnc.backends.base import Precision


@dataclass(frozen=True, slots=True)
class Tolerance:
    """Bounds on the largest difference, each as a share of the scale of what is compared."""

    outputs: float
    """Of the largest element of the reference's output."""
    loss: float
    """Of the loss, or of `LOSS_FLOOR` when it is smaller."""
    gradients: float
    """Of the largest element of the reference's gradient (see `gradient_scale`)."""


TOLERANCES: Final[dict[Precision, Tolerance]] = {
    # One float32 kernel errs by 2e-7 to 2e-6 of its output's scale, fifty in a row by a few times
    # that. The smallest mistake in meaning that was met, an epsilon of 1e-3 in place of 1e-5, moves
    # an output by 5e-4. Gradients pass twice as many kernels and add over batch and places.
    "float32": Tolerance(outputs=1e-5, loss=1e-5, gradients=1e-4),
    # A float64 kernel errs by 1e-16 to 1e-14: what is left above this is a difference in meaning.
    "float64": Tolerance(outputs=1e-10, loss=1e-10, gradients=1e-10),
}

LOSS_FLOOR: Final = 0.1
"""A smaller loss is a difference of larger numbers, and keeps their rounding."""
SMALL_GRADIENT: Final = 1e-3
"""A gradient below this share of the layer's largest keeps rounding of the layer's scale."""
ZERO_GRADIENT: Final = 1e-9
"""Below this share of the layer's largest, a gradient in float64 is rounding: the true one is 0.
So it is for a bias in front of a normalisation by the batch, or the keys' bias of attention."""


NOISE: Final = 1e-6
"""What float32 kernels make of a value, as a share of it, with some room."""
NOISE_PAIRS: Final = 2
"""How often it is drawn; each is added and taken away."""
NOISE_FACTOR: Final = 5.0
"""How much further than the exact gradient under that noise a float32 gradient may move."""
NOISE_LIMIT: Final = 0.1
"""More than this share of its scale no gradient may differ, whatever the noise."""


IDLE_REACH: Final = 100.0
"""How many times the sum of all learning rates rounding may move a weight without a true gradient:
no optimiser makes larger steps of it. What moves further was moved by something else."""


NO_GRADIENT: Final = 1e-13
"""Where a whole layer has less in float64, nothing depends on it: what is there is rounding of
terms of size 1 that cancel, as behind the mean of a softmax over the same axis."""


def gradient_scale(own: float, layer: float) -> float:
    """What a gradient's error is measured by.

    `own` and `layer` are the largest elements of the reference's gradient and of its whole layer's.
    """
    if layer <= NO_GRADIENT:
        return 1.0
    if own <= ZERO_GRADIENT * layer:
        return layer or 1.0
    return max(own, SMALL_GRADIENT * layer)


@dataclass(frozen=True, slots=True)
class StepTolerance:
    """Bounds on the differences after a step of training, as shares of what is compared."""

    loss: float
    weights: float
    """Of the Euclidean norm of each weight."""


STEPS: Final[dict[Precision, StepTolerance]] = {
    # A hundred steps of correct programs were seen up to 1e-12 apart; the smallest mistake, an
    # epsilon in the wrong place of an optimiser, moves weights by 1e-8 in the first step.
    "float64": StepTolerance(loss=1e-9, weights=1e-9),
    # Ten steps were seen up to 1e-5 (loss) and 2e-4 (weights under RMSprop) apart.
    "float32": StepTolerance(loss=5e-5, weights=1e-3),
}
HORIZON: Final = 10
"""For how many steps float32 promises to agree. Later a pre-activation or a maximum so close to the
kink that rounding decides makes a finite difference, in correct programs too."""
