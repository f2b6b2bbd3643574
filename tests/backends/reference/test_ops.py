"""Every formula against PyTorch in float64, and every gradient against central differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nnc.backends.base import Arrays
from nnc.backends.reference.run import ReferenceRunner, is_trained
from nnc.compiler.vocabulary.ops.elementwise import StopGradient
from tests.backends.reference.torch_ops import TORCH
from tests.matrix.examples import Case, by_name, cases, random_weights

STEP = 1e-6


def by_torch(
    case: Case, inputs: Arrays, weights: Arrays, cotangents: Arrays
) -> tuple[Arrays, Arrays, Arrays]:
    """Outputs and the gradients of inputs and weights."""
    stored = case.graph.weights
    tracked = {n: torch.tensor(w, requires_grad=is_trained(stored[n])) for n, w in weights.items()}
    xs = {n: torch.tensor(x, requires_grad=x.dtype.kind == "f") for n, x in inputs.items()}
    short = {n.removeprefix(f"{case.op.word.lower()}."): w for n, w in tracked.items()}
    made = TORCH[type(case.op)](case.op, short, *xs.values())
    outputs = made if isinstance(made, tuple) else (made,)
    pairs = list(zip(outputs, cotangents.values(), strict=True))
    total = sum((y * torch.tensor(c)).sum() for y, c in pairs)
    if isinstance(total, torch.Tensor) and total.requires_grad:
        total.backward()
    grad = {
        n: (torch.zeros_like(x) if x.grad is None else x.grad).numpy()
        for n, x in {**xs, **tracked}.items()
        if x.requires_grad
    }
    return (
        {n: y.detach().numpy() for n, y in zip(cotangents, outputs, strict=True)},
        {n: grad[n] for n in xs if n in grad},
        {n: grad[n] for n in tracked if n in grad},
    )


def cotangents_of(runner: ReferenceRunner, inputs: Arrays, rng: np.random.Generator) -> Arrays:
    return {n: rng.normal(size=y.shape) for n, y in runner.outputs(inputs).items()}


def close(a: np.ndarray, b: np.ndarray, tolerance: float) -> None:
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * max(1.0, np.abs(b).max(initial=0)))


@pytest.mark.parametrize("kind", ["random", "whole"])
@pytest.mark.parametrize("case", cases(), ids=by_name)
def test_equals_torch(case: Case, kind: str) -> None:
    rng = np.random.default_rng(len(case.name))
    weights = random_weights(case.graph, rng)
    runner = ReferenceRunner(case.program, weights)
    for size in case.sizes():
        # Whole numbers meet every kink and tie.
        draw = case.inputs if kind == "random" else case.integral_inputs
        inputs = draw(size, rng)
        cotangents = cotangents_of(runner, inputs, rng)
        outputs, of_inputs, of_weights = by_torch(case, inputs, weights, cotangents)
        got = runner.pullback(inputs, cotangents)
        for name, y in runner.outputs(inputs).items():
            close(y, outputs[name], 1e-12)
        for found, expected in zip(got, (of_inputs, of_weights), strict=True):
            assert set(found) == set(expected)
            for name, gradient in found.items():
                close(gradient, expected[name], 1e-11)


@pytest.mark.parametrize("case", cases(), ids=by_name)
def test_gradients_are_those_of_central_differences(case: Case) -> None:
    rng = np.random.default_rng(len(case.name) + 1)
    weights = random_weights(case.graph, rng)
    inputs = case.inputs(max(case.sizes()), rng)
    runner = ReferenceRunner(case.program, weights)
    cotangents = cotangents_of(runner, inputs, rng)
    of_inputs, of_weights = runner.pullback(inputs, cotangents)
    if isinstance(case.op, StopGradient):  # its meaning is not to have the derivative of x
        assert not any(gradient.any() for gradient in of_inputs.values())
        return
    for name, gradient in {**of_inputs, **of_weights}.items():
        direction = rng.choice((-1.0, 1.0), gradient.shape)
        if name in of_weights and (row := case.graph.weights[name].zero_row) is not None:
            direction[row] = 0  # it counts, but no gradient is taken of it

        def at(step: float, name: str = name, direction: np.ndarray = direction) -> float:
            moved = {
                n: x + step * direction if n == name else x
                for n, x in {**inputs, **weights}.items()
            }
            moved_runner = ReferenceRunner(case.program, {n: moved[n] for n in weights})
            found = moved_runner.outputs({n: moved[n] for n in inputs})
            return float(sum((found[n] * c).sum() for n, c in cotangents.items()))

        slope = (at(STEP) - at(-STEP)) / (2 * STEP)
        scale = max(1.0, float(np.abs(gradient).sum()))
        assert abs(slope - (gradient * direction).sum()) < 2e-8 * scale, name


@pytest.mark.parametrize("case", cases(), ids=by_name)
def test_shapes_are_those_that_were_inferred(case: Case) -> None:
    rng = np.random.default_rng(0)
    runner = ReferenceRunner(case.program, random_weights(case.graph, rng))
    for size in case.sizes():
        inputs = case.inputs(size, rng)
        types = tuple(
            t.with_shape(x.shape[1:])
            for t, x in zip(case.example.inputs, inputs.values(), strict=True)
        )
        shapes = [t.shape for t in case.op.infer(types)]
        assert [y.shape[1:] for y in runner.outputs(inputs).values()] == shapes
