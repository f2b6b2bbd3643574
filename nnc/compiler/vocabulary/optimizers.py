"""Optimisers. θ weights, g gradient, η the learning rate of the step, t = 1 for the first update;
state begins at 0. η multiplies the whole update; scalars are computed in float64."""

from __future__ import annotations

from pydantic import Field

from nnc.compiler.vocabulary.base import (
    NonNegativeReal,
    PositiveReal,
    Probability,
    Word,
)


class Optimizer(Word):
    """A rule that turns a gradient into a step."""

    kind = "optimizer"
    positional = ("lr",)
    argument_aliases = {"learning_rate": "lr"}
    lr: PositiveReal = Field(description="learning rate η")


class Sgd(Optimizer):
    """v ← momentum·v + g; θ ← θ - η·v, with nesterov θ ← θ - η·(g + momentum·v) (Sutskever et al.
    2013).

    `weight_decay` is coupled: g ← g + weight_decay·θ.
    """

    word = "sgd"
    aliases = ("SGD",)
    momentum: Probability = Field(0.0, description="share of the last step that is kept")
    nesterov: bool = Field(False, description="look ahead along the momentum")
    weight_decay: NonNegativeReal = Field(0.0, description="coupled decay")


class RmsProp(Optimizer):
    """v ← decay·v + (1 - decay)·g²; θ ← θ - η·g / (√v + epsilon) (Tieleman and Hinton 2012)."""

    word = "rmsprop"
    aliases = ("RMSprop", "RMSProp")
    argument_aliases = {
        "learning_rate": "lr",
        "eps": "epsilon",
        "alpha": "decay",
        "rho": "decay",
    }
    decay: Probability = Field(0.99, description="share of the old mean square that is kept")
    epsilon: PositiveReal = Field(1e-8, description="added to the root")


class Adam(Optimizer):
    """m ← m + (1 - beta1)·(g - m); v ← beta2·v + (1 - beta2)·g²;
    θ ← θ - η / (1 - beta1ᵗ) · m / (√v / √(1 - beta2ᵗ) + epsilon) (Kingma and Ba 2015)."""

    word = "adam"
    aliases = ("Adam",)
    argument_aliases = {"learning_rate": "lr", "eps": "epsilon"}
    lr: PositiveReal = Field(1e-3, description="learning rate η")
    beta1: Probability = Field(0.9, description="share of the old mean that is kept")
    beta2: Probability = Field(0.999, description="share of the old mean square that is kept")
    epsilon: PositiveReal = Field(1e-8, description="added to the corrected root")


class AdamW(Adam):
    """θ ← θ·(1 - η·weight_decay), then Adam (Loshchilov and Hutter 2019)."""

    word = "adamw"
    aliases = ("AdamW",)
    weight_decay: NonNegativeReal = Field(0.01, description="decoupled decay")
