"""Some updates of one network by the reference's formulas, by the PyTorch program and by the Keras
program, all in float64."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from nnc.backends.base import Arrays
from nnc.backends.keras.emit import emit as emit_keras
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.reference.schedules import rate, reductions
from nnc.backends.reference.table import Step, clips, constraints, optimizers
from nnc.backends.torch.run import TorchRunner
from nnc.compiler.ir import Program
from nnc.compiler.vocabulary.schedules import Plateau
from tests.backends.keras.programs import executed, float64, of_text

INPUTS = ("words", "x", "small")


def network(settings: str, layer: str = "") -> Program:
    """An embedding, a layer whose gradients are tiny, and one with arguments of the test's own."""
    return of_text(
        "model M { input words: i64[5] input x: f32[3] input small: f32[2]"
        " h = words -> Embedding(4, 3) as table -> mean(axes=0)"
        " s = small -> Dense(3, bias=false) as faint"
        f" output p = (h + x) + s -> Dense(4{layer}) as a -> tanh -> Dense(2) as b }}"
        f" train {{ target y: f32[2] loss = mse(p, y) + l2(1e-2) {settings} batch = all }}"
    )


def start(program: Program) -> tuple[Arrays, Arrays]:
    """Weights, and a batch in which words occur several times and one never."""
    rng = np.random.default_rng(11)
    weights = {n: rng.standard_normal(w.shape) for n, w in program.graph.weights.items()}
    weights["faint.weight"] *= 1e-3
    batch = {
        "words": rng.integers(0, 3, (6, 5)),
        "x": rng.standard_normal((6, 3)),
        "small": 1e-5 * rng.standard_normal((6, 2)),
        "y": rng.random((6, 2)),
    }
    return weights, batch


def by_formula(program: Program, updates: int) -> Arrays:
    """The weights by the formulas of the reference."""
    training = program.training
    assert training is not None
    current, batch = start(program)
    inputs, targets = {n: batch[n] for n in INPUTS}, {"y": batch["y"]}
    states: dict[str, dict[str, Any]] = {name: {} for name in current}
    losses: list[float] = []
    for t in range(updates):
        loss, found = ReferenceRunner(program, current).gradients(inputs, targets)
        gradients: dict[str, Any] = dict(found)
        if training.clip is not None:
            gradients = clips.find(training.clip)(training.clip, gradients)
        eta = rate(training.schedule, training.optimizer.lr, t, updates)
        if isinstance(training.schedule, Plateau):
            eta *= training.schedule.factor ** [0, *reductions(training.schedule, losses)][-1]
        losses.append(loss)
        for name, gradient in gradients.items():
            step = Step(current[name], gradient, eta, t + 1, states[name])
            current[name] = optimizers.find(training.optimizer)(training.optimizer, step)
        for name, constraint in program.graph.constraints.items():
            current[name] = constraints.find(constraint)(constraint, current[name])
    return current


@contextmanager
def torch_float64() -> Iterator[None]:
    """PyTorch in float64: NAdam keeps its product of momenta in the default type."""
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def by_torch(program: Program, updates: int, given: tuple[Arrays, Arrays] | None = None) -> Arrays:
    """The weights by the training loop of the PyTorch program."""
    weights, batch = given or start(program)
    assert program.training is not None
    with torch_float64():
        runner = TorchRunner(program, weights, "float64")
        data = runner._given((*program.graph.inputs, *program.training.targets), batch)
        runner.module.train(runner.model, {"train": data}, updates)
        return runner.weights()


def by_keras(program: Program, updates: int, given: tuple[Arrays, Arrays] | None = None) -> Arrays:
    """The weights by the training loop of the Keras program."""
    weights, batch = given or start(program)
    with float64():
        names = executed(emit_keras(program).text)
        model = names["build_model"]()
        names["set_weights"](model, weights)
        names["train"](model, model, {"train": batch}, updates)
        found: Arrays = names["get_weights"](model)
    return found


def close(found: Arrays, expected: Arrays, tolerance: float = 1e-10) -> None:
    """Assert the same numbers but for rounding, however small a weight is."""
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        scale = float(np.abs(array).max())
        np.testing.assert_allclose(found[name], array, rtol=0, atol=tolerance * scale, err_msg=name)
