"""Recurrent layers against PyTorch's modules with their state dicts, and the edges of lengths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import rnn

from nnc.backends import initial
from nnc.backends.base import Arrays
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.torch.run import TorchRunner
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary.ops.base import Op, parse_type
from nnc.compiler.vocabulary.ops.embedding import Embedding
from nnc.compiler.vocabulary.ops.recurrent import GRU, LSTM, SimpleRNN
from tests.backends.keras.programs import executed, float64, of_text, source
from tests.matrix.backends import Pair, runner_class
from tests.matrix.examples import random_weights, single_precision

X = np.random.default_rng(3).normal(size=(4, 6, 5))
LENGTHS = np.array([6, 1, 4, 2])
MODULES: list[tuple[Op, nn.Module]] = [
    (SimpleRNN(units=3), nn.RNN(5, 3, batch_first=True)),
    (SimpleRNN(units=3, nonlinearity="relu"), nn.RNN(5, 3, 1, "relu", batch_first=True)),
    (SimpleRNN(units=3, bias=False), nn.RNN(5, 3, bias=False, batch_first=True)),
    (
        SimpleRNN(units=3, bidirectional=True),
        nn.RNN(5, 3, batch_first=True, bidirectional=True),
    ),
    (GRU(units=3), nn.GRU(5, 3, batch_first=True)),
    (GRU(units=3, bias=False), nn.GRU(5, 3, bias=False, batch_first=True)),
    (GRU(units=3, bidirectional=True), nn.GRU(5, 3, batch_first=True, bidirectional=True)),
    (LSTM(units=3), nn.LSTM(5, 3, batch_first=True)),
    (LSTM(units=3, bias=False), nn.LSTM(5, 3, bias=False, batch_first=True)),
    (LSTM(units=3, bidirectional=True), nn.LSTM(5, 3, batch_first=True, bidirectional=True)),
]


def program_of(op: Op, *inputs: str) -> Program:
    return Program(single(op, tuple(map(parse_type, inputs))))


def by_module(module: nn.Module, lengths: np.ndarray | None) -> list[np.ndarray]:
    """The outputs, then the last states, directions side by side."""
    given: Any = torch.tensor(X)
    if lengths is not None:
        given = rnn.pack_padded_sequence(
            given, torch.tensor(lengths), batch_first=True, enforce_sorted=False
        )
    y, states = module(given)
    if lengths is not None:
        y = rnn.pad_packed_sequence(y, batch_first=True, total_length=X.shape[1])[0]
    states = states if isinstance(states, tuple) else (states,)
    joined = [s.transpose(0, 1).flatten(1) for s in states]
    return [part.detach().numpy() for part in (y, *joined)]


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "padded"])
@pytest.mark.parametrize(("op", "module"), MODULES, ids=lambda value: type(value).__name__)
def test_state_dicts_of_pytorch_fit(op: Op, module: nn.Module, lengths: np.ndarray | None) -> None:
    module = module.double()
    types = ("f32[6, 5]",) if lengths is None else ("f32[6, 5]", "i64")
    program = program_of(op.replace(return_state=True), *types)
    name = program.graph.nodes[0].name
    fixed = {n for n, w in program.graph.weights.items() if w.role == "fixed"}
    with torch.no_grad():
        for key, weight in module.named_parameters():
            if f"{name}.{key}" in fixed:
                weight.zero_()
    weights = {f"{name}.{n}": w.detach().numpy() for n, w in module.state_dict().items()}
    assert list(weights) == list(program.graph.weights)
    inputs = {"x0": X} if lengths is None else {"x0": X, "x1": lengths}
    found = ReferenceRunner(program, weights).outputs(inputs)
    for array, expected in zip(found.values(), by_module(module, lengths), strict=True):
        np.testing.assert_allclose(array, expected, rtol=0, atol=1e-13)


EDGES = [
    LSTM(units=3, return_state=True),
    LSTM(units=3, bidirectional=True, return_state=True, return_sequences=False),
    GRU(units=3, reverse=True, return_state=True),
    GRU(units=3, reset_after=False, bidirectional=True, merge="mean", return_state=True),
    SimpleRNN(units=3, bidirectional=True, merge="sum", return_sequences=False),
]


@pytest.mark.parametrize("backend", ["reference", "torch", "keras", "onnx"])
@pytest.mark.parametrize("op", EDGES, ids=lambda op: op.word)
def test_padding_is_never_read_and_lengths_are_brought_inside(op: Op, backend: str) -> None:
    program = program_of(op, "f32[6, 5]", "i64")
    weights = random_weights(program.graph, np.random.default_rng(5))
    weights = {name: array.astype(np.float32) for name, array in weights.items()}
    chosen = ReferenceRunner if backend == "reference" else runner_class(backend)
    runner = chosen(program, weights)
    x = X.astype(np.float32)
    padding = np.arange(6) >= LENGTHS[:, None]
    other = np.where(padding[..., None], np.float32(1e3), x)
    beyond = np.array([99, -7, 4, 2])
    first = runner.outputs({"x0": x, "x1": LENGTHS})
    second = runner.outputs({"x0": other, "x1": beyond})
    for name, array in first.items():
        np.testing.assert_array_equal(second[name], array)
        assert array.ndim == 2 or not array[padding].any()


def test_an_example_on_its_own_gives_the_same() -> None:
    """What is padded is as if it were not there."""
    op = GRU(units=3, bidirectional=True, return_state=True)
    padded = program_of(op, "f32[6, 5]", "i64")
    alone = program_of(op, "f32[T, 5]")
    weights = random_weights(padded.graph, np.random.default_rng(5))
    together = ReferenceRunner(padded, weights).outputs({"x0": X, "x1": LENGTHS})
    for number, length in enumerate(LENGTHS):
        single_one = {"x0": X[number : number + 1, :length]}
        y, h = ReferenceRunner(alone, weights).outputs(single_one).values()
        np.testing.assert_allclose(together["y0"][number, :length], y[0], atol=1e-14)
        np.testing.assert_allclose(together["y1"][number], h[0], atol=1e-14)


UPDATES = [
    "GRU(3) as a -> GRU(4, bidirectional=true, merge=sum, return_sequences=false) as b",
    "GRU(3, reset_after=false) as a -> GRU(4, bias=false, return_sequences=false) as b",
    "SimpleRNN(3) as a -> LSTM(4, bidirectional=true, merge=mean, return_sequences=false) as b",
]


def trained(layers: str, optimizer: str) -> tuple[Program, Arrays, Arrays]:
    program = of_text(
        f"model M {{ input words: i64[6] output y = words -> Embedding(5, 3, padding=2) as table"
        f" -> {layers} }} train {{ target t: f32[4] loss = mse(y, t) + l2(1e-2)"
        f" optimizer = {optimizer}(0.05, weight_decay=0.1) clip = global_norm(0.1)"
        " batch = all epochs = 8 }"
    )
    rng = np.random.default_rng(2)
    weights = {
        name: np.zeros(w.shape) if w.role == "fixed" else rng.normal(size=w.shape)
        for name, w in program.graph.weights.items()
    }
    batch = {"words": rng.integers(0, 5, (7, 6)), "t": rng.normal(size=(7, 4))}
    return program, weights, batch


@pytest.mark.parametrize("optimizer", ["adamw", "lamb"])
@pytest.mark.parametrize("layers", UPDATES)
def test_eight_updates_lead_to_the_same_weights(layers: str, optimizer: str) -> None:
    """Keras keeps both biases of a GRU in one variable, its gates in another order."""
    program, weights, batch = trained(layers, optimizer)
    runner = TorchRunner(program, weights, "float64")
    tensors = {"words": torch.tensor(batch["words"]), "t": torch.tensor(batch["t"])}
    runner.module.train(runner.model, {"train": tensors})
    expected = runner.weights()
    with float64():
        import tensorflow as tf

        names = executed(source(program))
        model = names["build_model"]()
        names["set_weights"](model, weights)
        update = names["make_update"](model, model)
        given = {name: tf.constant(array) for name, array in batch.items()}
        for _ in range(8):
            update(given, 0.05)
        found = names["get_weights"](model)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-10, err_msg=name)
        moved = np.abs(array - weights[name]).max()
        assert (moved == 0) == (program.graph.weights[name].role == "fixed")


def test_the_row_of_the_padding_begins_at_zero() -> None:
    program = program_of(Embedding(vocabulary=5, units=3, padding=2), "i64[4]")
    drawn = initial.weights(program.graph, 0)["embedding.weight"]
    assert (drawn == 0).all(axis=1).tolist() == [False, False, True, False, False]
    names = executed(source(program))
    drawn = names["get_weights"](names["build_model"]())["embedding.weight"]
    assert (drawn == 0).all(axis=1).tolist() == [False, False, True, False, False]


def test_a_literal_row_of_the_padding_is_taken_as_it_is() -> None:
    op = Embedding(vocabulary=2, units=2, padding=0, weight=((1.0, 2.0), (3.0, 4.0)))
    program = program_of(op, "i64")
    assert initial.weights(program.graph, 0)["embedding.weight"].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("below", ["LSTM(3)", "GRU(2, layers=2, bidirectional=true)"])
def test_lengths_are_those_of_the_layer_that_has_them(below: str, backend: str) -> None:
    """A layer behind it reads all steps, the zeros in the place of padding too."""
    program = of_text(
        "model M { input x: f32[5, 4] input n: i64"
        f" output y = (x, n) -> {below} -> PReLU -> LSTM(2) }}"
    )
    rng = np.random.default_rng(5)
    pair = Pair(backend, "float64", program, random_weights(program.graph, rng))
    x = single_precision(rng.normal(size=(3, 5, 4)))
    pair.check_outputs({"x": x, "n": np.array([2, 5, 1])})
