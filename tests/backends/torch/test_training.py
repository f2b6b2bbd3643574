"""What the train block means in the generated program: updates, schedules, clipping, early
stopping."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nnc.backends.base import Arrays
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.reference.schedules import rate
from nnc.backends.reference.table import Step, clips, optimizers
from nnc.backends.torch.emit import class_name, emit
from nnc.backends.torch.run import TorchRunner, load_module
from nnc.compiler.ir import Program
from tests.backends.torch.feeding import close, program, weights
from tests.backends.torch.test_programs import feed

MODEL = """
model M {
  input x: f32[3]
  output y = x -> Dense(4, regularize=l1(0.01)) -> tanh -> Dense(2) -> softmax
}
"""


def trained(settings: str, loss: str = "cross_entropy(y, t)") -> Program:
    return program(f"{MODEL} train {{ target t: f32[2] loss = {loss} {settings} }}")


RULES = (
    "optimizer = sgd(lr=0.1)",
    "optimizer = sgd(lr=0.1, momentum=0.9, weight_decay=0.05)",
    "optimizer = sgd(lr=0.1, momentum=0.9, nesterov=true) schedule = cosine(minimum=0.01)",
    "optimizer = rmsprop(lr=0.01) schedule = exponential(0.9)",
    "optimizer = adam(lr=0.05) schedule = step(every=3, factor=0.5)",
    "optimizer = adamw(lr=0.05, weight_decay=0.1) schedule = cosine(warmup_steps=4)",
    "optimizer = sgd(lr=0.1) clip = global_norm(0.2)",
    "optimizer = sgd(lr=0.1) clip = value(0.05)",
)


def by_formula(made: Program, start: Arrays, inputs: Arrays, targets: Arrays, steps: int) -> Arrays:
    """The weights after some updates by the formulas of the reference."""
    training = made.training
    assert training is not None
    current: dict[str, Any] = dict(start)
    states: dict[str, dict[str, Any]] = {name: {} for name in current}
    for number in range(steps):
        _, found = ReferenceRunner(made, current).gradients(inputs, targets)
        gradients: dict[str, Any] = dict(found)
        if training.clip is not None:
            gradients = clips.find(training.clip)(training.clip, gradients)
        eta = rate(training.schedule, training.optimizer.lr, number, steps)
        for name, gradient in gradients.items():
            step = Step(current[name], gradient, eta, number + 1, states[name])
            current[name] = optimizers.find(training.optimizer)(training.optimizer, step)
    return current


@pytest.mark.parametrize("settings", RULES)
def test_updates_are_those_of_the_formulas(settings: str) -> None:
    made = trained(f"{settings} epochs = 9 batch = all")
    inputs, targets = feed(made)
    start = weights(made.graph)
    runner = TorchRunner(made, start, "float64")
    batch = runner._given(made.graph.inputs, inputs)
    assert made.training is not None
    batch |= runner._given(made.training.targets, targets)
    runner.module.train(runner.model, {"train": batch})
    close(runner.weights(), by_formula(made, start, inputs, targets, 9), 1e-10)


@pytest.mark.parametrize(
    "schedule",
    [
        "constant(warmup_steps=3)",
        "step(4, 0.5, warmup_steps=2)",
        "exponential(0.99)",
        "cosine(warmup_steps=5, minimum=1e-4)",
        "cosine(steps=7)",
    ],
)
def test_learning_rates_are_the_same_numbers(schedule: str) -> None:
    made = trained(f"optimizer = sgd(lr=0.3) schedule = {schedule}")
    assert made.training is not None
    module = load_module(emit(made).text)
    for step in range(20):
        expected = rate(made.training.schedule, 0.3, step, 20)
        assert module.learning_rate(step, 20) == pytest.approx(expected, rel=1e-15, abs=1e-18)


def test_frozen_weights_and_second_biases_stay() -> None:
    made = program(
        """
        model M {
          input x: f32[5, 3]
          output y = x -> LSTM(4, return_sequences=false) -> Dense(4, trainable=false) -> Dense(1)
        }
        train { target t: f32[1] loss = mse(y, t) optimizer = adam(lr=0.1) epochs = 3 }
        """
    )
    inputs, targets = feed(made)
    start = weights(made.graph)
    runner = TorchRunner(made, start, "float64")
    assert made.training is not None
    batch = runner._given(made.graph.inputs, inputs)
    batch |= runner._given(made.training.targets, targets)
    runner.module.train(runner.model, {"train": batch})
    moved = {n for n, a in runner.weights().items() if not np.array_equal(a, start[n])}
    kept = {"dense.weight", "dense.bias", "lstm.bias_hh_l0"}
    assert moved == made.graph.weights.keys() - kept


def early(monitor: str, loss: str = "mse(y, t)") -> tuple[Any, Any]:
    made = trained(
        f"optimizer = sgd(lr=0.5) stop = early(monitor={monitor}, patience=2) "
        "metrics = [accuracy(y, t)] epochs = 40 batch = 4",
        loss,
    )
    module = load_module(emit(made).text)
    return module, getattr(module, class_name(made))()


def values(module: Any, model: Any, found: list[dict[str, float]]) -> list[dict[str, float]]:
    """The history when the validation results of the epochs are these."""
    import torch

    given = iter(found)
    module.evaluate = lambda model, examples: dict(next(given))
    x, t = torch.randn(8, 3), torch.rand(8, 2)
    examples = {"x": x, "t": t}
    history: list[dict[str, float]] = module.train(
        model, {"train": examples, "validation": examples}, epochs=len(found)
    )
    return history


def test_training_ends_after_patience_with_the_best_weights() -> None:
    import torch

    module, model = early("val_loss")
    seen = []
    original = module.EarlyStopping.improves

    def improves(self: Any, results: dict[str, float]) -> bool:
        seen.append(model.state_dict()["dense.weight"].clone())
        return bool(original(self, results))

    module.EarlyStopping.improves = improves
    given = {"loss": 0.0, "accuracy": 0.0}
    made = [given | {"loss": loss} for loss in (3.0, 2.0, 1.0, 1.5, 1.0, 0.5)]
    module.LOG_EVERY = 1000
    made.insert(0, given)  # the training examples of the first epoch, which is always shown
    history = values(module, model, made)
    assert [results["val_loss"] for results in history] == [3.0, 2.0, 1.0, 1.5, 1.0]
    assert torch.equal(model.state_dict()["dense.weight"], seen[2])


def test_of_accuracy_more_is_better() -> None:
    module, model = early("val_accuracy")
    module.LOG_EVERY = 1000
    given = {"loss": 0.0}
    made = [given | {"accuracy": share} for share in (0.0, 0.5, 0.7, 0.6, 0.7, 0.9)]
    history = values(module, model, made)
    assert [results["val_accuracy"] for results in history] == [0.5, 0.7, 0.6, 0.7]


def test_metrics_count_all_examples_however_they_are_batched() -> None:
    made = trained("optimizer = sgd(lr=0.1) metrics = [accuracy(y, t), mae(y, t)] batch = 3")
    runner = TorchRunner(made, weights(made.graph))
    import torch

    generator = torch.Generator().manual_seed(0)
    x, t = torch.rand(7, 3, generator=generator), torch.rand(7, 2, generator=generator)
    found = [runner.module.evaluate(runner.model, {"x": x, "t": t}, size) for size in (2, 7)]
    assert found[0] == pytest.approx(found[1], rel=1e-6)
    with torch.no_grad():
        y = runner.model(x)
    assert found[0]["mae"] == pytest.approx(float((y - t).abs().mean()), rel=1e-6)
    right = ((y > 0.5) == (t > 0.5)).float().mean()
    assert found[0]["accuracy"] == pytest.approx(float(right))
