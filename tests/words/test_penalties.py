"""Penalties of layers on their own weights: in the loss of every program, with their gradients."""

from __future__ import annotations

import numpy as np
import pytest

from nnc.backends.reference.engine import ReferenceEngine
from nnc.compiler.vocabulary.base import words
from nnc.compiler.vocabulary.ops.base import Op
from nnc.compiler.vocabulary.penalties import L2
from tests.backends.keras.programs import of_text
from tests.words.updates import by_keras, by_torch, close

ARGUMENTS = ("regularize", "recurrent_regularize", "bias_regularize")


@pytest.mark.parametrize("rule", ["l1(0.1)", "l2(0.2)", "l1_l2(0.1, 0.2)"])
def test_recurrent_layers_embeddings_and_slopes(rule: str) -> None:
    every = ", ".join(f"{argument}={rule}" for argument in ARGUMENTS)
    program = of_text(
        "model M { input words: i64[5]"
        f" e = words -> Embedding(6, 3, regularize={rule}) as e -> PReLU(regularize={rule}) as p"
        f" h = e -> LSTM(2, {every}) as l -> GRU(2, bidirectional=true, {every}) as g"
        f" output y = h -> SimpleRNN(3, return_sequences=false, {every}) as s }}"
        " train { target t: f32[3] loss = mse(y, t) optimizer = sgd(0.1) batch = all }"
    )
    assert program.training is not None
    fixed = {"l.bias_hh_l0", "s.bias_hh_l0"}
    penalized = {term.weight for term in program.training.penalties}
    assert penalized == set(program.graph.weights) - fixed
    rng = np.random.default_rng(0)
    weights = {n: rng.standard_normal(w.shape) for n, w in program.graph.weights.items()}
    weights |= {name: np.zeros_like(weights[name]) for name in fixed}
    batch = {"words": rng.integers(0, 6, (4, 5)), "t": rng.standard_normal((4, 3))}
    engine = ReferenceEngine(program, weights)
    for step in range(3):
        engine.step([batch], step, 0.1)
    for run in (by_torch, by_keras):
        close(run(program, 3, (weights, batch)), engine.weights())


@pytest.mark.parametrize("cls", words("op"), ids=lambda cls: cls.word)
def test_an_op_that_takes_a_penalty_hands_it_on(cls: type[Op]) -> None:
    for argument in set(ARGUMENTS) & set(cls.model_fields):
        example = cls.examples()[0]
        made = example.op.replace(**{argument: L2(strength=0.1)}).weights(example.inputs)
        held = [weight.name for weight in made if weight.penalty]
        assert held
        assert all(("bias" in name) == (argument == "bias_regularize") for name in held)
