"""Constraints on weights: what they give, and that every program applies them after each update."""

from __future__ import annotations

import numpy as np
import pytest

from nnc.backends.reference.engine import ReferenceEngine
from nnc.backends.reference.table import constraints
from nnc.compiler.vocabulary.base import words
from nnc.compiler.vocabulary.constraints import Constraint, MaxNorm, NonNegative, UnitNorm
from nnc.compiler.vocabulary.ops.base import Op
from tests.backends.keras.programs import of_text
from tests.words.updates import by_formula, by_keras, by_torch, close, network

WEIGHT = np.array([[3.0, -4.0], [0.6, 0.8], [0.0, 0.0]])


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (MaxNorm(limit=2.0), [[1.2, -1.6], [0.6, 0.8], [0.0, 0.0]]),
        (NonNegative(), [[3.0, 0.0], [0.6, 0.8], [0.0, 0.0]]),
        (UnitNorm(), [[0.6, -0.8], [0.6, 0.8], [0.0, 0.0]]),
    ],
)
def test_what_a_constraint_gives(constraint: Constraint, expected: list[list[float]]) -> None:
    formula = constraints.find(constraint)
    np.testing.assert_allclose(formula(constraint, WEIGHT), expected, rtol=1e-15)
    deeper = WEIGHT.reshape(3, 1, 2, 1)
    np.testing.assert_allclose(formula(constraint, deeper).reshape(3, 2), expected, rtol=1e-15)


@pytest.mark.parametrize("text", ["max_norm(0.7)", "non_negative", "unit_norm"])
def test_programs_apply_it_after_every_update(text: str) -> None:
    program = network("optimizer = sgd(0.1, momentum=0.9)", f", constraint={text}")
    assert list(program.graph.constraints) == ["a.weight"]
    expected = by_formula(program, 9)
    close(by_torch(program, 9), expected)
    close(by_keras(program, 9), expected)
    free = by_formula(network("optimizer = sgd(0.1, momentum=0.9)"), 9)
    assert np.abs(free["a.weight"] - expected["a.weight"]).max() > 0.1


def test_units_of_a_convolution_are_its_filters() -> None:
    program = of_text(
        "model M { input x: f32[2, 5, 4] output p = x -> Conv2D(3, 2, constraint=unit_norm) as c"
        " -> Flatten -> Dense(1) }"
        " train { target y: f32[1] loss = mse(p, y) optimizer = sgd(0.01) batch = all }"
    )
    rng = np.random.default_rng(0)
    weights = {n: rng.standard_normal(w.shape) for n, w in program.graph.weights.items()}
    batch = {"x": rng.standard_normal((4, 2, 5, 4)), "y": rng.standard_normal((4, 1))}
    found = [run(program, 2, (weights, batch)) for run in (by_torch, by_keras)]
    close(found[0], found[1])
    norms = np.linalg.norm(found[0]["c.weight"].reshape(3, -1), axis=1)
    np.testing.assert_allclose(norms, 1.0, rtol=1e-12)


def test_weights_that_are_not_trained_are_left_alone() -> None:
    program = network("optimizer = sgd(0.1)", ", constraint=unit_norm, trainable=false")
    assert program.graph.constraints == {}


@pytest.mark.parametrize("rule", ["max_norm(0.4)", "non_negative", "unit_norm"])
def test_recurrent_layers_attention_embeddings_and_biases(rule: str) -> None:
    own = f", constraint={rule}"
    both = f"{own}, bias_constraint={rule}"
    every = f"{both}, recurrent_constraint={rule}"
    program = of_text(
        f"model M {{ input x: f32[5, 3] input words: i64[5] e = words -> Embedding(6, 3{own}) as e"
        f" h = x + e -> MultiHeadAttention(1{both}) as a -> LSTM(2{every}) as l"
        f" output p = h -> GRU(2, bidirectional=true{every}) as g"
        f" -> SimpleRNN(3, return_sequences=false{every}) as s -> Dense(1{both}) as d }}"
        " train { target y: f32[1] loss = mse(p, y) optimizer = sgd(0.1) batch = all }"
    )
    fixed = {"l.bias_hh_l0", "s.bias_hh_l0"}
    assert set(program.graph.constraints) == set(program.graph.weights) - fixed
    rng = np.random.default_rng(0)
    weights = {n: rng.standard_normal(w.shape) for n, w in program.graph.weights.items()}
    weights |= {name: np.zeros_like(weights[name]) for name in fixed}
    batch = {
        "x": rng.standard_normal((4, 5, 3)),
        "words": rng.integers(0, 6, (4, 5)),
        "y": rng.standard_normal((4, 1)),
    }
    engine = ReferenceEngine(program, weights)
    for step in range(2):
        engine.step([batch], step, 0.1)
    expected = engine.weights()
    for run in (by_torch, by_keras):
        close(run(program, 2, (weights, batch)), expected)
    for name, constraint in program.graph.constraints.items():
        again = constraints.find(constraint)(constraint, expected[name])
        np.testing.assert_allclose(expected[name], again, rtol=1e-12)


@pytest.mark.parametrize("cls", words("op"), ids=lambda cls: cls.word)
def test_an_op_that_takes_a_constraint_hands_it_on(cls: type[Op]) -> None:
    for argument in ("constraint", "recurrent_constraint", "bias_constraint"):
        if argument in cls.model_fields:
            example = cls.examples()[0]
            made = example.op.replace(**{argument: NonNegative()}).weights(example.inputs)
            held = [weight.name for weight in made if weight.constraint]
            assert held
            assert all(("bias" in name) == (argument == "bias_constraint") for name in held)
