"""Optimisers. θ weights, g gradient, η the learning rate of the step, t = 1 for the first update;
state begins at 0 where nothing else is said. η multiplies the whole update, so it may change from
step to step; scalars are computed in float64.

`weight_decay` is coupled, g ← g + weight_decay·θ before anything else, where a docstring does not
say otherwise: AdamW and Lion shrink the weights themselves, LAMB decays inside its trust ratio.
"""

from __future__ import annotations

from nnc.compiler.vocabulary.base import (
    NonNegativeReal,
    PositiveReal,
    Probability,
    Word,
)
from nnc.compiler.vocabulary.fields import Field

_NAMES = {"learning_rate": "lr", "eps": "epsilon"}
_BETAS = {"beta_1": "beta1", "beta_2": "beta2"}


class Optimizer(Word):
    """A rule that turns a gradient into a step."""

    kind = "optimizer"
    positional = ("lr",)
    argument_aliases = {"learning_rate": "lr"}
    lr: PositiveReal = Field(description="learning rate η")


class Coupled(Optimizer):
    """A rule whose decay is a part of the gradient."""

    weight_decay: NonNegativeReal = Field(0.0, description="coupled decay: added to the gradient")


class Sgd(Coupled):
    """v ← momentum·v + g; θ ← θ - η·v, with nesterov θ ← θ - η·(g + momentum·v) (Sutskever et al.
    2013).

    `weight_decay` is coupled: g ← g + weight_decay·θ.
    """

    word = "sgd"
    aliases = ("SGD",)
    momentum: Probability = Field(0.0, description="share of the last step that is kept")
    nesterov: bool = Field(False, description="look ahead along the momentum")


class Adagrad(Coupled):
    """s ← s + g²; θ ← θ - η·g / (√s + epsilon); s begins at `initial` (Duchi et al. 2011).

    Keras begins at 0.1 and adds epsilon inside the root.
    """

    word = "adagrad"
    aliases = ("Adagrad", "AdaGrad")
    argument_aliases = {**_NAMES, "initial_accumulator_value": "initial"}
    epsilon: PositiveReal = Field(1e-10, description="added to the root")
    initial: NonNegativeReal = Field(0.0, description="what the sum of squares begins with")


class Adadelta(Coupled):
    """v ← decay·v + (1 - decay)·g²; Δ = √(d + epsilon) / √(v + epsilon)·g;
    d ← decay·d + (1 - decay)·Δ²; θ ← θ - η·Δ (Zeiler 2012)."""

    word = "adadelta"
    aliases = ("Adadelta", "AdaDelta")
    argument_aliases = {**_NAMES, "rho": "decay"}
    lr: PositiveReal = Field(1.0, description="learning rate η")
    decay: Probability = Field(0.9, description="share of the old mean squares that is kept")
    epsilon: PositiveReal = Field(1e-6, description="added inside both roots")


class RmsProp(Coupled):
    """v ← decay·v + (1 - decay)·g²; u = g / (√v + epsilon); b ← momentum·b + u; θ ← θ - η·b
    (Tieleman and Hinton 2012).

    With `centered` √(v - m²) stands for √v, m ← decay·m + (1 - decay)·g.
    """

    word = "rmsprop"
    aliases = ("RMSprop", "RMSProp")
    argument_aliases = {**_NAMES, "alpha": "decay", "rho": "decay"}
    decay: Probability = Field(0.99, description="share of the old mean square that is kept")
    epsilon: PositiveReal = Field(1e-8, description="added to the root")
    momentum: Probability = Field(0.0, description="share of the last step that is kept")
    centered: bool = Field(False, description="divide by the deviation from the mean gradient")


class _Moments(Optimizer):
    """A rule with a running mean of the gradient and one of its size."""

    argument_aliases = {**_NAMES, **_BETAS}
    lr: PositiveReal = Field(1e-3, description="learning rate η")
    beta1: Probability = Field(0.9, description="share of the old mean that is kept")
    beta2: Probability = Field(0.999, description="share of the old mean square that is kept")


class _AdamFamily(_Moments):
    """What Adam shares with AdamW."""

    epsilon: PositiveReal = Field(1e-8, description="added to the corrected root")
    amsgrad: bool = Field(False, description="divide by the largest mean square so far")


class Adam(_AdamFamily, Coupled):
    """m ← m + (1 - beta1)·(g - m); v ← beta2·v + (1 - beta2)·g²;
    θ ← θ - η / (1 - beta1ᵗ) · m / (√v / √(1 - beta2ᵗ) + epsilon) (Kingma and Ba 2015).

    With `amsgrad` the largest v so far stands for v (Reddi et al. 2018).
    """

    word = "adam"
    aliases = ("Adam",)


class AdamW(_AdamFamily):
    """θ ← θ·(1 - η·weight_decay), then Adam (Loshchilov and Hutter 2019)."""

    word = "adamw"
    aliases = ("AdamW",)
    weight_decay: NonNegativeReal = Field(0.01, description="decoupled decay")


class Adamax(_Moments, Coupled):
    """m ← m + (1 - beta1)·(g - m); u ← max(beta2·u, |g| + epsilon);
    θ ← θ - η / (1 - beta1ᵗ) · m / u (Kingma and Ba 2015)."""

    word = "adamax"
    aliases = ("Adamax",)
    lr: PositiveReal = Field(2e-3, description="learning rate η")
    beta2: Probability = Field(0.999, description="share of the old largest gradient that is kept")
    epsilon: PositiveReal = Field(1e-8, description="added to the size of the gradient")


class Nadam(_Moments, Coupled):
    """Adam with Nesterov's momentum (Dozat 2016): with m and v as in Adam,
    μₜ = beta1·(1 - ½·0.96^(t·momentum_decay)) and Πₜ = μ₁·…·μₜ,
    θ ← θ - η·((1 - μₜ)·g / (1 - Πₜ) + μₜ₊₁·m / (1 - Πₜ₊₁)) / (√(v / (1 - beta2ᵗ)) + epsilon).

    Keras' own has a `momentum_decay` of 1.
    """

    word = "nadam"
    aliases = ("NAdam", "Nadam")
    lr: PositiveReal = Field(2e-3, description="learning rate η")
    epsilon: PositiveReal = Field(1e-8, description="added to the corrected root")
    momentum_decay: NonNegativeReal = Field(4e-3, description="how fast the momentum grows")


class Lion(_Moments):
    """θ ← θ·(1 - η·weight_decay) - η·sign(beta1·m + (1 - beta1)·g);
    m ← beta2·m + (1 - beta2)·g (Chen et al. 2023)."""

    word = "lion"
    aliases = ("Lion",)
    argument_aliases = {"learning_rate": "lr", **_BETAS}
    lr: PositiveReal = Field(1e-4, description="learning rate η")
    beta2: Probability = Field(0.99, description="share of the old mean that is remembered")
    weight_decay: NonNegativeReal = Field(0.0, description="decoupled decay")


class Lamb(_Moments):
    """u = m̂ / (√v̂ + epsilon) + weight_decay·θ; θ ← θ - η·(‖θ‖ / ‖u‖)·u (You et al. 2020).

    m̂ = m / (1 - beta1ᵗ) and v̂ = v / (1 - beta2ᵗ) with m and v as in Adam. The norms are those of
    one weight; where one of them is 0 their ratio counts 1.
    """

    word = "lamb"
    aliases = ("LAMB", "Lamb")
    epsilon: PositiveReal = Field(1e-6, description="added to the corrected root")
    weight_decay: NonNegativeReal = Field(0.0, description="decay inside the trust ratio")
