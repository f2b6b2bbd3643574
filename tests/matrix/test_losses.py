"""Every loss × every pair of types × every backend that differentiates, and every penalty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from nnc.backends.base import Precision
from nnc.compiler.ir import (
    Graph,
    LossTerm,
    Node,
    Output,
    PenaltyTerm,
    Program,
    Training,
    Value,
)
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.base import find, words
from nnc.compiler.vocabulary.losses import Loss
from nnc.compiler.vocabulary.ops.base import Op, Types, parse_type
from nnc.compiler.vocabulary.ops.dense import Dense
from nnc.compiler.vocabulary.ops.shape import Reshape
from nnc.compiler.vocabulary.optimizers import Sgd
from nnc.compiler.vocabulary.penalties import Penalty
from nnc.compiler.vocabulary.schedules import ConstantRate
from nnc.verify import compare, sample
from tests.matrix.backends import PRECISIONS, Pair, agree, runner_class
from tests.matrix.examples import BATCH, random_weights, single_precision

TRAINING = [
    (backend, precision) for backend, precision in PRECISIONS if backend in ("torch", "keras")
]


@dataclass(frozen=True)
class LossCase:
    """A loss on a pair of types; `activation` is put behind the logits when there is one."""

    loss: Loss
    prediction: str
    target: str
    activation: str | None = None
    logits: bool = False

    @property
    def name(self) -> str:
        form = f"{self.activation or 'plain'}{'-logits' if self.logits else ''}"
        return f"{self.loss.word}-{self.prediction}-{self.target}-{form}"


def loss_cases() -> list[LossCase]:
    found = []
    for word in words("loss"):
        assert issubclass(word, Loss)
        for prediction, target in word.pairs():
            loss = word()
            if loss.fuses is None:
                found.append(LossCase(loss, prediction, target))
                continue
            for activation, logits in ((loss.fuses, True), (loss.fuses, False), (None, True)):
                found.append(LossCase(loss, prediction, target, activation, logits))
    return found


class Chain:
    """A model of one op after the other."""

    def __init__(self, first: TensorType) -> None:
        self.inputs = (Value("x", first),)
        self.value = self.inputs[0]
        self.nodes: list[Node] = []

    def then(self, op: Op) -> Value:
        types: Types = (self.value.type,)
        name = f"{op.word.lower()}{len(self.nodes)}"
        made = Value(name, op.infer(types)[0])
        self.nodes.append(Node(name, name, op, (self.value,), (made,), op.weights(types)))
        self.value = made
        return made

    def graph(self) -> Graph:
        return Graph("Example", self.inputs, tuple(self.nodes), (Output("y", self.value),))


def program_of(case: LossCase, penalties: tuple[PenaltyTerm, ...] = ()) -> Program:
    """A Dense layer that makes the prediction, so that the loss has gradients."""
    wanted = parse_type(case.prediction)
    lengths = wanted.shape[:-1]
    chain = Chain(TensorType("f32", (*lengths, 5)))
    last = wanted.shape[-1] if wanted.shape else 1
    assert isinstance(last, int)
    chain.then(Dense(units=last))
    if not wanted.shape:
        chain.then(Reshape(shape=()))
    prediction = chain.value
    if case.activation is not None:
        word = find("op", case.activation)
        assert word is not None
        assert issubclass(word, Op)
        made = chain.then(word())
        prediction = prediction if case.logits else made
    target = Value("t", parse_type(case.target))
    term = LossTerm(case.loss, 0.7, "y", prediction, target, logits=case.logits)
    training = Training((target,), (term,), penalties, Sgd(lr=0.1), ConstantRate())
    return Program(chain.graph(), training=training)


def check(program: Program, backend: str, precision: Precision) -> None:
    rng = np.random.default_rng(7)
    weights = random_weights(program.graph, rng)
    pair = Pair(backend, precision, program, weights)
    inputs = {
        n: single_precision(x) if x.dtype.kind == "f" else x
        for n, x in sample.inputs(program.graph, BATCH, rng).items()
    }
    targets = sample.targets(program, inputs, rng)
    expected, theirs = pair.reference.gradients(inputs, targets)
    found, ours = pair.backend.gradients(pair.given(inputs), pair.given(targets))
    agree((compare.loss(expected, found, precision),))
    agree(compare.gradients(theirs, ours, dict.fromkeys(theirs, "all"), precision))


@pytest.mark.parametrize(("backend", "precision"), TRAINING)
@pytest.mark.parametrize("case", loss_cases(), ids=lambda case: case.name)
def test_a_loss_means_the_same(case: LossCase, backend: str, precision: Precision) -> None:
    assert runner_class(backend).differentiates
    check(program_of(case), backend, precision)


@pytest.mark.parametrize(("backend", "precision"), TRAINING)
@pytest.mark.parametrize("word", words("penalty"), ids=lambda word: word.word)
def test_a_penalty_means_the_same(word: type[Penalty], backend: str, precision: Precision) -> None:
    terms = (
        PenaltyTerm(word(strength=0.3), 1.0, "dense0.weight"),
        PenaltyTerm(word(strength=0.1), 2.0, "dense0.bias"),
    )
    case = loss_cases()[0]
    check(program_of(case, terms), backend, precision)
