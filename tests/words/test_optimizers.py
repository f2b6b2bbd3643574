"""Every optimiser: the PyTorch program, the Keras program and the written formula take the same
steps, in float64, also when the rate changes and gradients are tiny."""

from __future__ import annotations

import pytest

from nnc.compiler.vocabulary.base import words
from tests.words.updates import by_formula, by_keras, by_torch, close, network

RULES = [
    "sgd(0.05, momentum=0.9, nesterov=true, weight_decay=0.1)",
    "sgd(0.05, weight_decay=0.1)",
    "adagrad(0.1)",
    "adagrad(0.1, epsilon=1e-3, initial=0.1, weight_decay=0.1)",
    "adadelta",
    "adadelta(0.5, decay=0.95, epsilon=1e-7, weight_decay=0.1)",
    "rmsprop(0.01, weight_decay=0.1)",
    "rmsprop(0.01, momentum=0.9)",
    "rmsprop(0.01, decay=0.9, centered=true)",
    "rmsprop(0.01, centered=true, momentum=0.5, weight_decay=0.1)",
    "adam(0.05, weight_decay=0.1)",
    "adam(0.05, amsgrad=true)",
    "adamw(0.05, weight_decay=0.1)",
    "adamw(0.05, amsgrad=true)",
    "adamax(0.05)",
    "adamax(0.05, beta1=0.8, beta2=0.9, epsilon=1e-3, weight_decay=0.1)",
    "nadam(0.05)",
    "nadam(0.05, momentum_decay=1.0, weight_decay=0.1)",
    "lion(0.01)",
    "lion(0.01, beta1=0.8, beta2=0.9, weight_decay=0.1)",
    "lamb(0.01)",
    "lamb(0.01, beta1=0.8, epsilon=1e-4, weight_decay=0.1)",
]
CHANGING = "schedule = step(7, 0.6, warmup_steps=3)"


@pytest.mark.parametrize("rule", RULES)
def test_twenty_updates(rule: str) -> None:
    program = network(f"optimizer = {rule}")
    expected = by_formula(program, 20)
    close(by_torch(program, 20), expected)
    close(by_keras(program, 20), expected)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_fifty_updates_with_a_changing_rate(rule: str) -> None:
    program = network(f"optimizer = {rule} {CHANGING}")
    expected = by_formula(program, 50)
    close(by_torch(program, 50), expected)
    close(by_keras(program, 50), expected)


def test_every_optimizer_is_here() -> None:
    assert {cls.word for cls in words("optimizer")} == {rule.partition("(")[0] for rule in RULES}
