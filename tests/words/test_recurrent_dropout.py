"""Dropout between recurrent layers that stand on top of each other: what is dropped, and where."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from nnc.backends.draws import kept, key_at, key_of, places
from nnc.backends.onnx.emit import emit as onnx_model
from nnc.backends.reference.run import ReferenceRunner
from nnc.compiler.ir import Program
from tests.backends.keras.programs import of_text
from tests.matrix.backends import Pair
from tests.matrix.examples import random_weights, single_precision

SEED, STEP, RATE = 12, 3, 0.4
RNG = np.random.default_rng(6)
X = single_precision(RNG.normal(size=(3, 5, 4)))


def program_of(output: str, *, lengths: bool = False, layer: str = "") -> Program:
    given = "input x: f32[5, 4]" + ("\ninput n: i64" if lengths else "")
    return replace(of_text(f"model M {{\n{given}\n{layer}\noutput y = {output}\n}}"), seed=SEED)


def mask_of(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    made = kept(RATE, key_at(key_of(SEED, name), STEP), places(shape)) / (1 - RATE)
    return torch.tensor(made)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_it_stands_between_the_layers_of_pytorch(kind: type[nn.RNNBase]) -> None:
    """Three layers of PyTorch with the masks of `.l0` and `.l1` between them."""
    program = program_of(f"x -> {kind.__name__}(3, layers=3, dropout={RATE}) as upper")
    weights = random_weights(program.graph, RNG)
    y = torch.tensor(X)
    for level in range(3):
        layer = kind(y.shape[-1], 3, batch_first=True).double()
        state = {
            name: torch.tensor(weights[f"upper.{name[:-1]}{level}"]) for name in layer.state_dict()
        }
        layer.load_state_dict(state)
        y = layer(y)[0]
        y = y * mask_of(f"upper.l{level}", tuple(y.shape)) if level < 2 else y
    runner = ReferenceRunner(program, weights)
    found = runner.outputs({"x": X}, training=True, step=STEP)["y"]
    np.testing.assert_allclose(found, y.detach(), rtol=1e-12, atol=1e-12)


NETWORKS = {
    "one": program_of("x -> LSTM(3, layers=2, dropout=0.4, bidirectional=true)"),
    "read backwards": program_of(
        "(x, n) -> GRU(3, layers=3, dropout=0.3, reverse=true)", lengths=True
    ),
    "beside one without": program_of(
        "(x, n) -> SimpleRNN(3, layers=2, dropout=0.3) -> LSTM(2, layers=2)", lengths=True
    ),
    "used twice": program_of(
        "(x -> a) - (x -> a)", layer="layer a = GRU(3, layers=2, dropout=0.4, reset_after=false)"
    ),
}


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("name", NETWORKS)
def test_training_drops_the_same_and_evaluation_nothing(name: str, backend: str) -> None:
    program = NETWORKS[name]
    pair = Pair(backend, "float64", program, random_weights(program.graph, RNG))
    given = {"x": X, "n": np.array([2, 5, 1])}
    inputs = {value.name: given[value.name] for value in program.graph.inputs}
    still = pair.check_outputs(inputs)["y"]
    first = pair.check_outputs(inputs, training=True)["y"]
    second = pair.check_outputs(inputs, training=True, step=1)["y"]
    assert len({array.tobytes() for array in (still, first, second)}) == 3
    pair.check_pullback(inputs, np.random.default_rng(2), training=True, step=STEP)


def test_each_use_of_a_layer_draws_numbers_of_its_own() -> None:
    program = NETWORKS["used twice"]
    runner = ReferenceRunner(program, random_weights(program.graph, RNG))
    assert (runner.outputs({"x": X})["y"] == 0).all()
    assert (runner.outputs({"x": X}, training=True)["y"] != 0).any()


def test_a_deployed_model_has_none() -> None:
    program = NETWORKS["one"]
    (node,) = program.graph.nodes
    plain = replace(node, op=node.op.replace(dropout=0.0))
    other = replace(program, graph=replace(program.graph, nodes=(plain,)))
    weights = {n: a.astype(np.float32) for n, a in random_weights(program.graph, RNG).items()}
    assert onnx_model(program, weights).chunks == onnx_model(other, weights).chunks
