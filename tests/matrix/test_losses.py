"""Every loss × every pair of types × every backend that differentiates, and every penalty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from nnc.backends.base import Precision
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
)
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.base import find, words
from nnc.compiler.vocabulary.losses.base import Loss
from nnc.compiler.vocabulary.ops.base import Op, Types, parse_type
from nnc.compiler.vocabulary.ops.dense import Dense
from nnc.compiler.vocabulary.ops.shape import Reshape
from nnc.compiler.vocabulary.optimizers import Sgd
from nnc.compiler.vocabulary.penalties import Penalty
from nnc.compiler.vocabulary.schedules import ConstantRate
from nnc.verify import compare, sample
from tests.matrix.backends import PRECISIONS, Pair, runner_class
from tests.matrix.examples import BATCH, random_weights, single_precision

STEP = 1e-5
"""Half the distance of the two places of a difference."""
TRAINING = [
    (backend, precision) for backend, precision in PRECISIONS if backend in ("torch", "keras")
]


@dataclass(frozen=True)
class LossCase:
    """A loss on types of what it takes; `activation` is put behind the logits when there is one."""

    loss: Loss
    types: tuple[str, ...]
    activation: str | None = None
    logits: bool = False

    @property
    def name(self) -> str:
        form = f"{self.activation or 'plain'}{'-logits' if self.logits else ''}"
        options = [
            f"{k}={v}"
            for k, v in self.loss.arguments().items()
            if v != type(self.loss).model_fields[k].default
        ]
        return "-".join((self.loss.word, *options, *self.types, form)).replace(" ", "")

    @property
    def predictions(self) -> tuple[str, ...]:
        """The types of what the model gives."""
        return self.types[:-1] if self.has_target else self.types

    @property
    def has_target(self) -> bool:
        return self.loss.takes[-1] == "target"


def loss_cases() -> list[LossCase]:
    found = []
    for word in words("loss"):
        assert issubclass(word, Loss)
        for loss, types in word.examples():
            assert isinstance(loss, Loss)
            if loss.fuses is None:
                found.append(LossCase(loss, types))
                continue
            for activation, logits in ((loss.fuses, True), (loss.fuses, False), (None, True)):
                found.append(LossCase(loss, types, activation, logits))
    return found


class Chains:
    """Models that are chains of ops from one input."""

    def __init__(self, first: TensorType) -> None:
        self.input = Value("x", first)
        self.nodes: list[Node] = []

    def then(self, value: Value, op: Op) -> Value:
        types: Types = (value.type,)
        name = f"{op.word.lower()}{len(self.nodes)}"
        made = Value(name, op.infer(types)[0])
        self.nodes.append(Node(name, name, op, (value,), (made,), op.weights(types)))
        return made

    def graph(self, values: list[Value]) -> Graph:
        outputs = tuple(Output(f"y{n}", value) for n, value in enumerate(values))
        return Graph("Example", (self.input,), tuple(self.nodes), outputs)


def program_of(case: LossCase, penalties: tuple[PenaltyTerm, ...] = ()) -> Program:
    """Dense layers that make the predictions, so that the loss has gradients."""
    types = tuple(map(parse_type, case.types))
    chains = Chains(TensorType("f32", (*types[0].shape[:-1], 5)))
    outputs, predictions = [], []
    for place in range(len(case.predictions)):
        prediction = scores = _scores(chains, types[place])
        if case.activation is not None:
            prediction = chains.then(scores, _op(case.activation))
        if place in case.loss.positive:
            prediction = chains.then(scores, _op("softplus"))
        outputs.append(prediction)
        predictions.append(scores if case.logits else prediction)
    target = Value("t", types[-1]) if case.has_target else None
    names = tuple(f"y{n}" for n in range(len(outputs)))
    term = LossTerm(case.loss, 0.7, names, tuple(predictions), target, logits=case.logits)
    targets = (target,) if target else ()
    training = Training(targets, (term,), penalties, Sgd(lr=0.1), ConstantRate())
    return Program(chains.graph(outputs), training=training)


def _scores(chains: Chains, wanted: TensorType) -> Value:
    last = wanted.shape[-1] if wanted.shape else 1
    assert isinstance(last, int)
    scores = chains.then(chains.input, Dense(units=last))
    return scores if wanted.shape else chains.then(scores, Reshape(shape=()))


def _op(name: str) -> Op:
    word = find("op", name)
    assert word is not None
    assert issubclass(word, Op)
    return word()


def check(program: Program, backend: str, precision: Precision) -> None:
    weights = random_weights(program.graph, np.random.default_rng(7))
    compare_losses(Pair(backend, precision, program, weights))


def compare_losses(pair: Pair) -> None:
    """The loss of a random batch and its gradients agree."""
    rng = np.random.default_rng(8)
    inputs = {
        n: single_precision(x) if x.dtype.kind == "f" else x
        for n, x in sample.inputs(pair.program.graph, BATCH, rng).items()
    }
    targets = sample.targets(pair.program, inputs, rng)
    expected, theirs = pair.reference.gradients(inputs, targets)
    found, ours = pair.backend.gradients(pair.given(inputs), pair.given(targets))
    pair.judge((compare.loss(expected, found, pair.precision),))
    pair.judge(compare.gradients(theirs, ours, dict.fromkeys(theirs, "all"), pair.precision))


@pytest.mark.parametrize(("backend", "precision"), TRAINING)
@pytest.mark.parametrize("case", loss_cases(), ids=lambda case: case.name)
def test_a_loss_means_the_same(case: LossCase, backend: str, precision: Precision) -> None:
    assert runner_class(backend).differentiates
    check(program_of(case), backend, precision)


@pytest.mark.parametrize("case", loss_cases(), ids=lambda case: case.name)
def test_the_gradient_of_a_loss_is_that_of_central_differences(case: LossCase) -> None:
    program = program_of(case)
    rng = np.random.default_rng(10)
    weights = random_weights(program.graph, rng)
    inputs = sample.inputs(program.graph, BATCH, rng)
    targets = sample.targets(program, inputs, rng)
    _, gradients = ReferenceRunner(program, weights).gradients(inputs, targets)
    assert any(np.any(gradient) for gradient in gradients.values())
    for name, gradient in gradients.items():
        direction = rng.choice((-1.0, 1.0), gradient.shape)

        def at(step: float, name: str = name, direction: np.ndarray = direction) -> float:
            moved = {**weights, name: weights[name] + step * direction}
            return ReferenceRunner(program, moved).gradients(inputs, targets)[0]

        slope = (at(STEP) - at(-STEP)) / (2 * STEP)
        scale = max(1.0, float(np.abs(gradient).sum()))
        assert abs(slope - (gradient * direction).sum()) < 2e-8 * scale, name


@pytest.mark.parametrize(("backend", "precision"), TRAINING)
@pytest.mark.parametrize("word", words("penalty"), ids=lambda word: word.word)
def test_a_penalty_means_the_same(word: type[Penalty], backend: str, precision: Precision) -> None:
    for penalty in word.examples():
        terms = (
            PenaltyTerm(penalty, 1.0, "dense0.weight"),
            PenaltyTerm(penalty, 0.5, "dense0.bias"),
        )
        check(program_of(loss_cases()[0], terms), backend, precision)


@pytest.mark.parametrize("case", loss_cases(), ids=lambda case: case.name)
def test_parts_of_a_batch_add_up_unless_the_loss_says_that_it_is_no_mean(case: LossCase) -> None:
    program = program_of(case)
    rng = np.random.default_rng(9)
    inputs = sample.inputs(program.graph, 5, rng)
    targets = sample.targets(program, inputs, rng)
    runner = ReferenceRunner(program, random_weights(program.graph, rng))
    whole, expected = runner.gradients(inputs, targets)
    total, summed = 0.0, {name: np.zeros_like(gradient) for name, gradient in expected.items()}
    for rows, share in ((slice(0, 2), 0.4), (slice(2, 5), 0.6)):
        loss, found = runner.gradients(
            {n: a[rows] for n, a in inputs.items()}, {n: a[rows] for n, a in targets.items()}
        )
        total += share * loss
        summed = {name: summed[name] + share * gradient for name, gradient in found.items()}
    adds_up = abs(total - whole) < 1e-12 * abs(whole) and all(
        np.allclose(summed[name], gradient, rtol=0, atol=1e-12)
        for name, gradient in expected.items()
    )
    assert adds_up or case.loss.no_mean is not None
