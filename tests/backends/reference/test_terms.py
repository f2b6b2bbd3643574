"""Losses, penalties, metrics, optimisers, schedules and clipping against PyTorch in float64."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nnc.backends.reference import schedules, table, tape
from nnc.backends.reference.table import Judged, Step
from nnc.compiler.vocabulary.base import words
from nnc.compiler.vocabulary.losses.classification import BinaryCrossEntropy, CrossEntropy
from nnc.compiler.vocabulary.losses.regression import MeanSquaredError
from nnc.compiler.vocabulary.metrics import Accuracy, MeanAbsoluteError
from nnc.compiler.vocabulary.optimizers import (
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lamb,
    Lion,
    Nadam,
    Optimizer,
    RmsProp,
    Sgd,
)
from nnc.compiler.vocabulary.penalties import L1, L2
from nnc.compiler.vocabulary.schedules import (
    ClipValue,
    ConstantRate,
    Cosine,
    CosineRestarts,
    Exponential,
    GlobalNorm,
    InverseTime,
    MultiStep,
    OneCycle,
    Plateau,
    Polynomial,
    Schedule,
    Steps,
    WeightNorm,
)
from tests.words.updates import torch_float64

RNG = np.random.default_rng(3)
SMALLEST = 2.0**-23


def value_and_gradient(loss: Any, z: np.ndarray, t: np.ndarray, logits: bool) -> Any:
    x = tape.variable(z)
    made = table.losses.find(loss)(loss, Judged((x,), t, logits))
    return made.value, tape.gradients([(made, np.ones(()))], [x])[0]


def by_torch(function: Callable[..., Any], z: np.ndarray, t: np.ndarray) -> Any:
    x = torch.tensor(z, requires_grad=True)
    made = function(x, torch.tensor(t))
    made.backward()
    assert x.grad is not None
    return made.detach().numpy(), x.grad.numpy()


def _bce_of_probabilities(p: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    p = p.clamp(SMALLEST, 1 - SMALLEST)
    return -(t * p.log() + (1 - t) * torch.log1p(-p)).mean()


def _classes(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(z.movedim(-1, 1) if z.dim() > 1 else z, t)


def _classes_of_probabilities(p: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return F.nll_loss(p.clamp(SMALLEST, 1).log().movedim(-1, 1), t)


def _distribution_of_probabilities(p: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    return -(t * p.clamp(SMALLEST, 1).log()).sum(-1).mean()


Z = RNG.normal(size=(5, 4)) * 3
BITS = (RNG.random((5, 4)) < 0.5).astype(np.float64)
P = RNG.random((5, 4))
AT_ENDS = np.where(RNG.random((5, 4)) < 0.4, np.round(P), P)
PLACES = RNG.normal(size=(5, 3, 4))
SHARES = np.exp(Z) / np.exp(Z).sum(-1, keepdims=True)
CASES: list[tuple[Any, Callable[..., Any], np.ndarray, np.ndarray, bool]] = [
    (MeanSquaredError(), F.mse_loss, Z, BITS, False),
    (BinaryCrossEntropy(), F.binary_cross_entropy_with_logits, Z, BITS, True),
    (BinaryCrossEntropy(), F.binary_cross_entropy_with_logits, Z * 300, P, True),
    (BinaryCrossEntropy(), F.binary_cross_entropy_with_logits, np.round(Z / 5), P, True),
    (BinaryCrossEntropy(), _bce_of_probabilities, P, BITS, False),
    (BinaryCrossEntropy(), _bce_of_probabilities, AT_ENDS, BITS, False),
    (CrossEntropy(), _classes, Z, RNG.integers(0, 4, 5), True),
    (CrossEntropy(), _classes, PLACES, RNG.integers(0, 4, (5, 3)), True),
    (CrossEntropy(), F.cross_entropy, Z * 300, SHARES, True),
    (CrossEntropy(), _classes_of_probabilities, SHARES, RNG.integers(0, 4, 5), False),
    (CrossEntropy(), _classes_of_probabilities, AT_ENDS, RNG.integers(0, 4, 5), False),
    (CrossEntropy(), _distribution_of_probabilities, AT_ENDS, SHARES, False),
]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_losses_and_their_gradients(number: int) -> None:
    loss, function, z, t, logits = CASES[number]
    value, gradient = value_and_gradient(loss, z, t, logits)
    expected, slope = by_torch(function, z, t)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    np.testing.assert_allclose(gradient, slope, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("number", [-1, 4])
def test_a_class_that_does_not_exist_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 3"):
        value_and_gradient(CrossEntropy(), Z[:1], np.array([number]), True)


@pytest.mark.parametrize(
    ("penalty", "value", "gradient"),
    [(L1(strength=0.1), 0.6, [-0.1, 0, 0.1]), (L2(strength=0.1), 2.0, [-0.8, 0, 0.4])],
)
def test_penalties(penalty: Any, value: float, gradient: list[float]) -> None:
    w = tape.variable([-4.0, 0.0, 2.0])
    made = table.penalties.find(penalty)(penalty, w)
    assert made.value == pytest.approx(value)
    np.testing.assert_allclose(tape.gradients([(made, np.ones(()))], [w])[0], gradient)


def test_accuracy() -> None:
    accuracy = table.metrics.find(Accuracy())
    scores = np.array([[1.0, 3.0, 3.0], [5.0, 0.0, 1.0], [0.0, 0.0, 1.0], [2.0, 2.0, 2.0]])
    # The first of equal scores is the answer.
    assert accuracy(Accuracy(), scores, np.array([1, 0, 0, 0])) == 0.75
    yes = np.array([[0.5], [0.51], [0.2], [0.9]])
    # ½ itself is no.
    assert accuracy(Accuracy(), yes, np.array([[0.0], [1.0], [1.0], [1.0]])) == 0.75
    assert accuracy(Accuracy(threshold=0.1), yes, np.ones((4, 1))) == 1.0


def test_mean_absolute_error() -> None:
    metric = MeanAbsoluteError()
    found = table.metrics.find(metric)(metric, np.array([1.0, -2.0]), np.array([2.0, 1.0]))
    assert found == 2.0


RULES: list[tuple[Optimizer, Callable[[Any], torch.optim.Optimizer]]] = [
    (Sgd(lr=0.1), lambda p: torch.optim.SGD(p, lr=0.1)),
    (Sgd(lr=0.1, momentum=0.9), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9)),
    (
        Sgd(lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.2),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.2),
    ),
    (RmsProp(lr=0.1), lambda p: torch.optim.RMSprop(p, lr=0.1)),
    (
        RmsProp(lr=0.1, decay=0.5, epsilon=1e-2),
        lambda p: torch.optim.RMSprop(p, lr=0.1, alpha=0.5, eps=1e-2),
    ),
    (Adam(), lambda p: torch.optim.Adam(p, lr=1e-3)),
    (
        Adam(lr=0.1, beta1=0.5, beta2=0.7, epsilon=1e-2),
        lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.5, 0.7), eps=1e-2),
    ),
    (AdamW(lr=0.1, weight_decay=0.3), lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.3)),
    (
        AdamW(lr=0.1, weight_decay=0.3, amsgrad=True),
        lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.3, amsgrad=True),
    ),
    (
        Adam(lr=0.1, weight_decay=0.3, amsgrad=True),
        lambda p: torch.optim.Adam(p, lr=0.1, weight_decay=0.3, amsgrad=True),
    ),
    (
        RmsProp(lr=0.1, centered=True, momentum=0.9, weight_decay=0.2),
        lambda p: torch.optim.RMSprop(p, lr=0.1, centered=True, momentum=0.9, weight_decay=0.2),
    ),
    (Adagrad(lr=0.1), lambda p: torch.optim.Adagrad(p, lr=0.1)),
    (
        Adagrad(lr=0.1, initial=0.1, epsilon=1e-3, weight_decay=0.2),
        lambda p: torch.optim.Adagrad(
            p, lr=0.1, initial_accumulator_value=0.1, eps=1e-3, weight_decay=0.2
        ),
    ),
    (Adadelta(), torch.optim.Adadelta),
    (
        Adadelta(lr=0.5, decay=0.5, epsilon=1e-2, weight_decay=0.2),
        lambda p: torch.optim.Adadelta(p, lr=0.5, rho=0.5, eps=1e-2, weight_decay=0.2),
    ),
    (Adamax(), torch.optim.Adamax),
    (
        Adamax(lr=0.1, beta1=0.5, beta2=0.7, epsilon=1e-2, weight_decay=0.2),
        lambda p: torch.optim.Adamax(p, lr=0.1, betas=(0.5, 0.7), eps=1e-2, weight_decay=0.2),
    ),
    (Nadam(), torch.optim.NAdam),
    (
        Nadam(lr=0.1, beta1=0.5, beta2=0.7, epsilon=1e-2, momentum_decay=1, weight_decay=0.2),
        lambda p: torch.optim.NAdam(
            p, lr=0.1, betas=(0.5, 0.7), eps=1e-2, momentum_decay=1, weight_decay=0.2
        ),
    ),
]


@pytest.mark.parametrize("number", range(len(RULES)))
def test_optimizers_over_twenty_updates_with_changing_rates(number: int) -> None:
    rule, make = RULES[number]
    rng = np.random.default_rng(number)
    weight = rng.normal(size=7)
    theirs = torch.nn.Parameter(torch.tensor(weight))
    state: dict[str, np.ndarray] = {}
    with torch_float64():
        optimizer = make([theirs])
        for t in range(1, 21):
            gradient = rng.normal(size=7) * 10.0 ** rng.integers(-5, 1, 7)
            rate = rule.lr / t
            optimizer.param_groups[0]["lr"] = rate
            theirs.grad = torch.tensor(gradient)
            optimizer.step()
            weight = table.optimizers.find(rule)(rule, Step(weight, gradient, rate, t, state))
    np.testing.assert_allclose(weight, theirs.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_every_optimizer_is_compared() -> None:
    of_others = {Lion, Lamb}  # PyTorch has none
    assert {type(rule) for rule, _ in RULES} == set(words("optimizer")) - of_others


def test_lion_takes_steps_of_one_size() -> None:
    rule = Lion(lr=0.1, weight_decay=0.5)
    state: dict[str, np.ndarray] = {}
    weight, gradient = np.array([2.0, -4.0, 1.0]), np.array([3.0, -0.01, 0.0])
    found = table.optimizers.find(rule)(rule, Step(weight, gradient, 0.1, 1, state))
    np.testing.assert_allclose(found, [1.9 - 0.1, -3.8 + 0.1, 0.95], rtol=1e-15)
    np.testing.assert_allclose(state["mean"], 0.01 * gradient, rtol=1e-14)


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_a_step_of_lamb_is_as_long_as_the_rate_says(decay: float) -> None:
    rule = Lamb(lr=0.1, weight_decay=decay)
    weight, gradient = np.array([3.0, 4.0]), np.array([7.0, -1.0])
    found = table.optimizers.find(rule)(rule, Step(weight, gradient, 0.1, 1, {}))
    assert np.linalg.norm(found - weight) == pytest.approx(0.1 * 5)
    direction = np.sign(gradient) + decay * weight
    np.testing.assert_allclose(
        (weight - found) / 0.5, direction / np.linalg.norm(direction), rtol=1e-5
    )


def test_lamb_leaves_zero_weights_their_step() -> None:
    rule = Lamb(lr=0.1)
    found = table.optimizers.find(rule)(rule, Step(np.zeros(2), np.array([2.0, 0.0]), 0.1, 1, {}))
    np.testing.assert_allclose(found, [-0.1, 0.0], rtol=1e-6)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (ConstantRate(), [2.0, 2.0, 2.0, 2.0]),
        (ConstantRate(warmup_steps=2), [1.0, 2.0, 2.0, 2.0]),
        (Steps(every=2, factor=0.5), [2.0, 2.0, 1.0, 1.0]),
        (Exponential(factor=0.5), [2.0, 1.0, 0.5, 0.25]),
        (Exponential(factor=0.5, warmup_steps=1), [2.0, 2.0, 1.0, 0.5]),
        (MultiStep(boundaries=(3, 1), factor=0.5), [2.0, 1.0, 1.0, 0.5]),
        (Polynomial(end=1.0), [2.0, 1.75, 1.5, 1.25]),
        (Polynomial(steps=2, power=2.0, warmup_steps=1), [2.0, 2.0, 0.5, 0.0]),
        (InverseTime(decay=1.0), [2.0, 1.0, 2 / 3, 0.5]),
        (InverseTime(decay=1.0, every=2), [2.0, 4 / 3, 1.0, 0.8]),
        (CosineRestarts(period=1, multiply=2), [2.0, 2.0, 1.0, 2.0]),
        (CosineRestarts(period=2, minimum=1.0), [2.0, 1.5, 2.0, 1.5]),
        (OneCycle(maximum=4.0, rising=0.5), [2.0, 4.0, 2.0, 0.0]),
        (Plateau(), [2.0, 2.0, 2.0, 2.0]),
        (Cosine(steps=2, minimum=1.0), [2.0, 1.5, 1.0, 1.0]),
        (Cosine(), [2.0, 1 + math.cos(math.pi / 4), 1.0, 1 + math.cos(3 * math.pi / 4)]),
        (Cosine(warmup_steps=2), [1.0, 2.0, 2.0, 1.0]),
    ],
)
def test_schedules(schedule: Schedule, rates: list[float]) -> None:
    found = [schedules.rate(schedule, 2.0, t, 4) for t in range(4)]
    assert found == pytest.approx(rates)


def test_clipping_by_value() -> None:
    clip = ClipValue(limit=1.5)
    found = table.clips.find(clip)(clip, {"a": np.array([-2.0, 1.0]), "b": np.array([3.0])})
    assert [g.tolist() for g in found.values()] == [[-1.5, 1.0], [1.5]]


@pytest.mark.parametrize("limit", [0.5, 50.0])
def test_clipping_by_the_global_norm(limit: float) -> None:
    clip = GlobalNorm(limit=limit)
    gradients = {"a": RNG.normal(size=(2, 3)), "b": RNG.normal(size=4)}
    theirs = [torch.nn.Parameter(torch.zeros(g.shape)) for g in gradients.values()]
    for parameter, g in zip(theirs, gradients.values(), strict=True):
        parameter.grad = torch.tensor(g).to(torch.float32)
    torch.nn.utils.clip_grad_norm_(theirs, limit)
    found = table.clips.find(clip)(clip, gradients)
    for parameter, g in zip(theirs, found.values(), strict=True):
        assert parameter.grad is not None
        np.testing.assert_allclose(g, parameter.grad.numpy(), rtol=1e-6)


def test_clipping_by_the_norm_of_each_weight() -> None:
    clip = WeightNorm(limit=1.0)
    gradients = {"a": np.array([[3.0], [4.0]]), "b": np.array([0.5])}
    found = table.clips.find(clip)(clip, gradients)
    np.testing.assert_allclose(found["a"], [[0.6], [0.8]], rtol=1e-6)
    assert found["b"].tolist() == [0.5]
