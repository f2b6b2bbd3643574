"""Recurrent layers on top of each other in one word, held against PyTorch's `num_layers`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from nnc.backends.base import Arrays
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.registry import BACKENDS
from nnc.compiler.ir import Program
from tests.backends.keras.programs import of_text

TORCH = {"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU, "SimpleRNN": torch.nn.RNN}


def weights_of(program: Program) -> Arrays:
    rng = np.random.default_rng(2)
    return {
        name: rng.standard_normal(weight.shape) * (weight.role == "parameter")
        for name, weight in program.graph.weights.items()
    }


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("word", TORCH)
def test_levels_are_those_of_pytorch(word: str, both: bool) -> None:
    results = "p, h, c" if word == "LSTM" else "p, h"
    given = "x, a, b" if word == "LSTM" else "x, a"
    size = 2 * 2 * (1 + both)
    program = of_text(
        f"model M {{ input x: f32[5, 3] input a: f32[{size}] input b: f32[{size}]"
        f" {results} = ({given}) -> {word}(2, layers=2, return_state=true,"
        f" bidirectional={str(both).lower()}) as r output y = p output last = h"
        f" {'output cell = c' if word == 'LSTM' else ''} }}"
    )
    weights = weights_of(program)
    rng = np.random.default_rng(3)
    inputs = {"x": rng.standard_normal((4, 5, 3))}
    inputs |= {name: rng.standard_normal((4, size)) for name in "ab"}
    found = ReferenceRunner(program, weights).outputs(inputs)
    model: Any = TORCH[word](3, 2, 2, batch_first=True, bidirectional=both).double()
    named = {name.removeprefix("r."): torch.tensor(w) for name, w in weights.items()}
    model.load_state_dict(named)
    states = [torch.tensor(inputs[n]).unflatten(1, (-1, 2)).transpose(0, 1) for n in "ab"]
    states = [state.contiguous() for state in states]
    with torch.no_grad():
        y, last = model(torch.tensor(inputs["x"]), tuple(states) if word == "LSTM" else states[0])
    ends = last if word == "LSTM" else (last,)
    expected = [y, *(end.transpose(0, 1).flatten(1) for end in ends)]
    for ours, theirs in zip(found.values(), expected, strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), rtol=0, atol=1e-13)


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_a_shared_layer_has_each_of_its_levels_once(backend: str) -> None:
    program = of_text(
        "model M { input x: f32[5, 3] input z: f32[5, 3] layer tower = LSTM(2, layers=2)"
        " a = x -> tower b = z -> tower output p = (a + b) -> Flatten -> Dense(1) }"
        " train { target y: f32[1] loss = mse(p, y) optimizer = sgd(0.1) batch = all }"
    )
    weights = weights_of(program)
    rng = np.random.default_rng(4)
    inputs = {name: rng.standard_normal((4, 5, 3)) for name in "xz"}
    targets = {"y": rng.random((4, 1))}
    runner = BACKENDS[backend].load_runner()(program, weights, "float64")
    loss, gradients = runner.gradients(inputs, targets)
    expected, reference = ReferenceRunner(program, weights).gradients(inputs, targets)
    assert abs(loss - expected) < 1e-10 * expected
    for name, array in reference.items():
        np.testing.assert_allclose(gradients[name], array, rtol=0, atol=1e-10, err_msg=name)
