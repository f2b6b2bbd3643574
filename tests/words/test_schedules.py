"""Learning rates: the generated functions, the reference and PyTorch's own schedulers give the same
numbers; bounds on gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from nnc import compile_text
from nnc.backends.keras.emit import emit as emit_keras
from nnc.backends.reference.schedules import rate, reductions
from nnc.backends.torch.emit import emit as emit_torch
from nnc.backends.torch.run import load_module
from nnc.compiler.vocabulary.base import find, words
from nnc.compiler.vocabulary.schedules import (
    CosineRestarts,
    MultiStep,
    OneCycle,
    Plateau,
    Polynomial,
    Schedule,
)
from tests.backends.keras.programs import executed
from tests.words.updates import by_formula, by_keras, by_torch, close, network

UPDATES = 200
SCHEDULES = [
    "constant(warmup_steps=5)",
    "step(7, 0.5)",
    "exponential(0.97, warmup_steps=3)",
    "multi_step([50, 120, 120], 0.1)",
    "multi_step([150, 20], factor=0.5, warmup_steps=10)",
    "polynomial",
    "polynomial(150, end=1e-3, power=2)",
    "polynomial(power=0.5, warmup_steps=20)",
    "inverse_time(0.1)",
    "inverse_time(0.5, 10, warmup_steps=5)",
    "cosine(minimum=1e-3, warmup_steps=10)",
    "cosine_restarts(30)",
    "cosine_restarts(10, 2, minimum=1e-3)",
    "cosine_restarts(7, 3, warmup_steps=4)",
    "one_cycle(1.0)",
    "one_cycle(1.0, steps=150, rising=0.45, minimum=1e-4, warmup_steps=6)",
    "plateau(warmup_steps=4)",
]


@pytest.mark.parametrize("text", SCHEDULES)
def test_rates_of_programs_are_those_of_the_reference(text: str) -> None:
    program = network(f"optimizer = sgd(0.3) schedule = {text}")
    assert program.training is not None
    functions = [
        load_module(emit_torch(program).text).learning_rate,
        executed(emit_keras(program).text)["learning_rate"],
    ]
    for t in range(UPDATES + 10):
        expected = rate(program.training.schedule, 0.3, t, UPDATES)
        for function in functions:
            assert function(t, UPDATES) == pytest.approx(expected, rel=1e-14, abs=1e-17)


def test_every_schedule_is_here() -> None:
    assert {cls.word for cls in words("schedule")} == {text.split("(")[0] for text in SCHEDULES}


THEIRS: list[tuple[Schedule, Callable[[Any], Any]]] = [
    (
        MultiStep(boundaries=(5, 60)),
        lambda o: lr_scheduler.MultiStepLR(o, [5, 60]),
    ),
    (Polynomial(steps=90, power=2.0), lambda o: lr_scheduler.PolynomialLR(o, 90, 2.0)),
    (
        CosineRestarts(period=40, minimum=0.01),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 40, eta_min=0.01),
    ),
    (
        CosineRestarts(period=10, multiply=2),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 10, 2),
    ),
    (
        OneCycle(maximum=7.5, minimum=0.3e-4, rising=0.4),
        lambda o: lr_scheduler.OneCycleLR(
            o, 7.5, total_steps=UPDATES, pct_start=0.4, cycle_momentum=False
        ),
    ),
]


@pytest.mark.parametrize("number", range(len(THEIRS)))
def test_rates_are_those_of_pytorch(number: int) -> None:
    schedule, make = THEIRS[number]
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    theirs = make(optimizer)
    for t in range(UPDATES):
        found = rate(schedule, 0.3, t, UPDATES)
        assert found == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-15)
        optimizer.step()
        if t + 1 < UPDATES:
            theirs.step()


PLATEAUS = [
    "plateau(0.5, 2, threshold=0.0)",
    "plateau(0.5, 0, cooldown=2)",
    "plateau(0.1, 3, threshold=0.05, cooldown=1, minimum=0.01)",
]


@pytest.mark.parametrize("text", PLATEAUS)
def test_a_plateau_lowers_the_rate_as_pytorch_does(text: str) -> None:
    program = network(f"optimizer = sgd(0.3) schedule = {text}")
    assert program.training is not None
    schedule = program.training.schedule
    assert isinstance(schedule, Plateau)
    values = 100 * np.random.default_rng(1).random(60).cumprod() ** 0.02
    values = values * (1 + 0.1 * np.random.default_rng(2).random(60))
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    theirs = lr_scheduler.ReduceLROnPlateau(
        optimizer,
        factor=schedule.factor,
        patience=schedule.patience,
        threshold=schedule.threshold,
        cooldown=schedule.cooldown,
        min_lr=schedule.minimum,
        eps=0.0,
    )
    ours = [
        load_module(emit_torch(program).text).Plateau(),
        executed(emit_keras(program).text)["Plateau"](),
    ]
    counts = list(reductions(schedule, values))
    assert counts[-1] > 2
    for value, count in zip(values, counts, strict=True):
        theirs.step(value)
        expected = optimizer.param_groups[0]["lr"]
        assert max(0.3 * schedule.factor**count, schedule.minimum) == pytest.approx(expected)
        for plateau in ours:
            plateau.watch({"val_loss": value})
            assert plateau.rate(50, 100) == pytest.approx(expected, rel=1e-12)


def test_a_plateau_needs_what_it_watches() -> None:
    program = network("optimizer = sgd(0.3) schedule = plateau")
    plateau = load_module(emit_torch(program).text).Plateau()
    with pytest.raises(ValueError, match="no val_loss"):
        plateau.watch({"loss": 1.0})


@pytest.mark.parametrize(
    "settings",
    [
        "optimizer = sgd(0.5) schedule = plateau(0.5, 1, threshold=0.3, monitor=loss)",
        "optimizer = sgd(0.1) clip = weight_norm(0.05)",
        "optimizer = sgd(0.1, momentum=0.9) clip = global_norm(0.5) schedule = one_cycle(0.3)",
        "optimizer = adam(0.01) clip = value(0.01) schedule = cosine_restarts(3, 2)",
    ],
)
def test_updates_of_programs_are_those_of_the_reference(settings: str) -> None:
    program = network(settings)
    expected = by_formula(program, 20)
    close(by_torch(program, 20), expected)
    close(by_keras(program, 20), expected)


def test_a_norm_is_that_of_all_weights_or_that_of_each() -> None:
    """PyTorch's clip_grad_norm_ is global, Keras' clipnorm is not: `norm` alone says neither."""
    assert find("clip", "norm") is None
    found = {name: find("clip", name) for name in ("clip_grad_norm_", "clipnorm")}
    assert {name: cls.word for name, cls in found.items() if cls} == {
        "clip_grad_norm_": "global_norm",
        "clipnorm": "weight_norm",
    }


@pytest.mark.parametrize(
    "text", ["plateau(1.5)", "plateau(monitor=accuracy)", "one_cycle", "multi_step([0])"]
)
def test_wrong_arguments_are_refused(text: str) -> None:
    program, diagnostics = compile_text(
        "model M { input x: f32[3] output p = x -> Dense(1) }"
        " train { target y: f32[1] loss = mse(p, y) optimizer = sgd(0.1)"
        f" schedule = {text} }}"
    )
    assert program is None
    assert [d.code for d in diagnostics] in (["E202"], ["E203"])
