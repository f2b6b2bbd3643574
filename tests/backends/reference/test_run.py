"""The runner: training mode, losses, what it refuses, and how fast it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nnc.backends.reference.run import ReferenceRunner
from nnc.compiler.ir import (
    Graph,
    LossTerm,
    Node,
    Output,
    PenaltyTerm,
    Program,
    Training,
    Value,
    single,
)
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.losses.classification import CrossEntropy
from nnc.compiler.vocabulary.ops.activation import Gelu, Relu, Softmax
from nnc.compiler.vocabulary.ops.attention import MultiHeadAttention
from nnc.compiler.vocabulary.ops.base import Op, parse_type
from nnc.compiler.vocabulary.ops.conv import Conv2D
from nnc.compiler.vocabulary.ops.dense import Dense
from nnc.compiler.vocabulary.ops.embedding import Embedding
from nnc.compiler.vocabulary.ops.normalization import BatchNorm
from nnc.compiler.vocabulary.ops.regularization import Dropout
from nnc.compiler.vocabulary.optimizers import Sgd
from nnc.compiler.vocabulary.penalties import L1, L2
from nnc.compiler.vocabulary.schedules import ConstantRate
from tests.matrix.examples import random_weights, sized

RNG = np.random.default_rng(5)


def runner_of(op: Op, *inputs: str, **weights: Any) -> ReferenceRunner:
    graph = single(op, tuple(parse_type(text) for text in inputs))
    drawn = random_weights(graph, np.random.default_rng(1))
    return ReferenceRunner(Program(graph), {**drawn, **weights})


@pytest.mark.parametrize("shape", ["f32[3]", "f32[3, 4, 5]"])
def test_batch_norm_in_training(shape: str) -> None:
    op = BatchNorm(momentum=0.3, epsilon=1e-3)
    runner = runner_of(op, shape)
    w = {n.removeprefix("batchnorm."): torch.tensor(a) for n, a in runner.weights().items()}
    x = RNG.normal(size=(4, *sized(parse_type(shape).shape, 1))) * 2 + 5
    theirs = torch.tensor(x, requires_grad=True)
    y = F.batch_norm(
        theirs, w["running_mean"], w["running_var"], w["weight"], w["bias"], True, 0.3, 1e-3
    )
    cotangent = RNG.normal(size=x.shape)
    (y * torch.tensor(cotangent)).sum().backward()
    before = runner_of(op, shape)
    found, _ = before.pullback({"x0": x}, {"y0": cotangent}, training=True)
    np.testing.assert_allclose(
        runner.outputs({"x0": x}, training=True)["y0"], y.detach(), atol=1e-12
    )
    assert theirs.grad is not None
    np.testing.assert_allclose(found["x0"], theirs.grad, atol=1e-12)
    for name in ("running_mean", "running_var"):
        np.testing.assert_allclose(runner.weights()[f"batchnorm.{name}"], w[name], rtol=1e-13)


def test_batch_norm_needs_more_than_one_element() -> None:
    with pytest.raises(ValueError, match="more than one"):
        runner_of(BatchNorm(), "f32[3]").outputs({"x0": np.ones((1, 3))}, training=True)


def test_a_dropout_of_nothing_changes_nothing() -> None:
    x = {"x0": RNG.normal(size=(2, 4))}
    still = runner_of(Dropout(rate=0.0), "f32[4]").outputs(x, training=True)
    np.testing.assert_array_equal(still["y0"], x["x0"])


def test_a_query_that_sees_no_key_gives_zero_and_finite_gradients() -> None:
    runner = runner_of(
        MultiHeadAttention(heads=2, bias=False), "f32[3, 4]", "f32[5, 4]", "f32[5, 4]", "bool[5]"
    )
    inputs = {f"x{i}": RNG.normal(size=(2, n, 4)) * 50 for i, n in enumerate((3, 5, 5))}
    inputs["x3"] = np.array([[False] * 5, [True] * 5])
    y = runner.outputs(inputs)["y0"]
    assert (y[0] == 0).all()
    assert (y[1] != 0).all()
    of_inputs, of_weights = runner.pullback(inputs, {"y0": np.ones_like(y)})
    assert all(np.isfinite(g).all() for g in {**of_inputs, **of_weights}.values())


@pytest.mark.parametrize("number", [-1, 7])
def test_an_unknown_number_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 6"):
        runner_of(Embedding(vocabulary=7, units=2), "i64[1]").outputs({"x0": np.array([[number]])})


def test_gelu_agrees_with_the_error_function_of_scipy() -> None:
    from scipy.special import ndtr

    x = np.linspace(-12, 12, 4001)[None]
    y = runner_of(Gelu(), "f32[4001]").outputs({"x0": x})["y0"]
    np.testing.assert_allclose(y, x * ndtr(x), rtol=2e-13, atol=1e-300)


def test_extreme_inputs_do_not_warn() -> None:
    big = {"x0": np.array([[-1e4, 1e4]])}
    assert np.isfinite(runner_of(Softmax(), "f32[2]").outputs(big)["y0"]).all()


def classifier() -> Program:
    """Dense, relu, Dense, softmax with a cross-entropy from the logits, and penalties."""
    graph = chain("f32[4]", Dense(units=5), Relu(), Dense(units=3), Softmax())
    logits, probabilities = graph.nodes[2].output, graph.nodes[3].output
    target = Value("t", TensorType("i64", ()))
    term = LossTerm(CrossEntropy(), 0.5, ("y",), (logits,), target, logits=True)
    training = Training(
        targets=(target,),
        losses=(term,),
        penalties=(
            PenaltyTerm(L2(strength=0.1), 2.0, "dense_0.weight"),
            PenaltyTerm(L1(strength=0.3), 1.0, "dense_2.weight"),
        ),
        optimizer=Sgd(lr=0.1),
        schedule=ConstantRate(),
    )
    return Program(replace(graph, outputs=(Output("y", probabilities),)), training=training)


def chain(first: str, *ops: Op) -> Graph:
    """One op after the other."""
    value = Value("x", parse_type(first))
    nodes = []
    for number, op in enumerate(ops):
        name = f"{op.word.lower()}_{number}"
        made = Value(name, op.infer((value.type,))[0])
        node = Node(name, name, op, (value,), (made,), op.weights((value.type,)))
        nodes.append(node)
        value = made
    return Graph("Chain", nodes[0].inputs, tuple(nodes), (Output("y", value),))


def test_the_training_loss_and_its_gradient() -> None:
    program = classifier()
    weights = random_weights(program.graph, np.random.default_rng(2))
    x, t = RNG.normal(size=(6, 4)), RNG.integers(0, 3, 6)
    loss, gradients = ReferenceRunner(program, weights).gradients({"x": x}, {"t": t})
    w = {n: torch.tensor(a, requires_grad=True) for n, a in weights.items()}
    h = F.linear(torch.tensor(x), w["dense_0.weight"], w["dense_0.bias"]).relu()
    z = F.linear(h, w["dense_2.weight"], w["dense_2.bias"])
    theirs = 0.5 * F.cross_entropy(z, torch.tensor(t))
    theirs = theirs + 0.2 * (w["dense_0.weight"] ** 2).sum() + 0.3 * w["dense_2.weight"].abs().sum()
    theirs.backward()
    assert loss == pytest.approx(theirs.item(), rel=1e-14)
    assert set(gradients) == set(w)
    for name, gradient in gradients.items():
        grad = w[name].grad
        assert grad is not None
        np.testing.assert_allclose(gradient, grad.numpy(), atol=1e-13)


def test_inner_values_can_be_looked_at() -> None:
    program = classifier()
    runner = ReferenceRunner(program, random_weights(program.graph, RNG))
    inputs = {"x": RNG.normal(size=(2, 4))}
    found = runner.values(inputs)
    assert list(found) == ["x", "dense_0", "relu_1", "dense_2", "softmax_3"]
    np.testing.assert_array_equal(found["softmax_3"], runner.outputs(inputs)["y"])


def test_weights_that_do_not_fit_are_refused() -> None:
    graph = single(Dense(units=2), (parse_type("f32[3]"),))
    right = random_weights(graph, RNG)
    with pytest.raises(ValueError, match=r"dense\.bias"):
        ReferenceRunner(Program(graph), {"dense.weight": right["dense.weight"]})
    with pytest.raises(ValueError, match=r"\[2, 3\], not \[3, 2\]"):
        ReferenceRunner(Program(graph), {**right, "dense.weight": right["dense.weight"].T})
    with pytest.raises(ValueError, match="float32"):
        ReferenceRunner(Program(graph), right, "float32")


def test_inputs_that_do_not_fit_are_refused() -> None:
    runner = runner_of(Dense(units=2), "f32[3]")
    with pytest.raises(ValueError, match="missing"):
        runner.outputs({})
    with pytest.raises(ValueError, match=r"\[4\]"):
        runner.outputs({"x0": np.ones((2, 4))})
    with pytest.raises(ValueError, match="no train block"):
        runner.gradients({"x0": np.ones((2, 3))}, {})


def test_a_deep_network_of_convolutions_takes_a_moment() -> None:
    """As many multiplications as ResNet-50 on two 64 × 64 images, forwards and backwards."""
    import time

    op = Conv2D(filters=64, kernel=3, padding="same", bias=False)
    graph = chain("f32[64, 16, 16]", *(op for _ in range(36)))
    weights = {n: w * 0.05 for n, w in random_weights(graph, RNG).items()}
    runner = ReferenceRunner(Program(graph), weights)
    x = {"x": RNG.normal(size=(2, 64, 16, 16))}
    begin = time.process_time()
    runner.pullback(x, runner.outputs(x))
    assert time.process_time() - begin < 30
