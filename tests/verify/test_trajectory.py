"""Training compared step by step: correct programs agree, and the verifier is tested by lying to
it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nnc.backends import initial
from nnc.backends.base import Arrays, Artifact
from nnc.backends.registry import BACKENDS
from nnc.backends.torch.emit import emit
from nnc.compiler.ir import Program
from nnc.compiler.vocabulary.base import words
from nnc.verify import Path, Paths, verify_steps
from nnc.verify.chart import render
from nnc.verify.feed import at_random
from tests.backends.keras.programs import of_text
from tests.verify.fakes import Lie, change_array, change_op, fake

TRAINING = tuple(name for name, backend in BACKENDS.items() if backend.load_engine is not None)
MODELS = {
    "mlp": """model M { input x: f32[6] output p = x -> Dense(7) -> tanh -> Dropout(0.2)
      -> Dense(7) -> relu -> Dense(4) -> softmax }""",
    "cnn": """model M { input x: f32[2, 6, 6] output p = x -> Conv2D(3, 3, padding=same)
      -> BatchNorm -> relu -> MaxPool2D(2) -> SpatialDropout(0.2) -> Flatten -> Dense(4)
      -> softmax }""",
    "lstm": """model M { input x: f32[5, 3] output p = x -> LSTM(4, return_sequences=false)
      -> GaussianNoise(0.1) -> Dense(4) -> softmax }""",
    "transformer": """model M { input x: i64[5] output p = x -> Embedding(9, 4)
      -> PositionalEncoding -> TransformerEncoder(2, 6, dropout=0.1) -> mean(axes=0)
      -> Dense(4) -> softmax }""",
    "attention": """model M { input x: i64[5] layer a = MultiHeadAttention(2, dropout=0.2)
      h = x -> Embedding(9, 4) -> PositionalEncoding  i = h + (h -> a)  j = i + ((i, h) -> a)
      output p = (j, h) -> ScaledDotProductAttention(dropout=0.1, causal=true) -> mean(axes=0)
      -> Dense(4) -> softmax }""",
}
TRAIN = """ train { target y: i64 loss = cross_entropy(p, y) + 0.1 * l2(0.01) optimizer = %s
    schedule = cosine(warmup_steps=3) clip = global_norm(1.0) seed = 5 }"""
RULES = {
    "sgd": "sgd(0.1, momentum=0.9, nesterov=true, weight_decay=0.01)",
    "adagrad": "adagrad(0.1)",
    "adadelta": "adadelta(1.0)",
    "rmsprop": "rmsprop(0.01, momentum=0.5, centered=true)",
    "adam": "adam(0.01, weight_decay=0.01)",
    "adamw": "adamw(0.01, amsgrad=true, weight_decay=0.1)",
    "adamax": "adamax(0.01)",
    "nadam": "nadam(0.01)",
    "lion": "lion(0.003, weight_decay=0.1)",
    "lamb": "lamb(0.01, weight_decay=0.1)",
}


def program(model: str = "mlp", rule: str = "adam(0.01, weight_decay=0.01)") -> Program:
    return of_text(MODELS[model] + TRAIN % rule)


def compared(made: Program, steps: int, backend: Any, *precisions: Any) -> Path:
    """One backend's path in the first of the precisions."""
    return walked(made, steps, [backend], *precisions).paths[0]


def walked(made: Program, steps: int, backends: Any, *precisions: Any) -> Paths:
    return verify_steps(
        made,
        steps=steps,
        feed=at_random(made, 6, 1, steps),
        weights=dict(initial.weights(made.graph, made.seed)),
        backends=backends,
        precisions=precisions or ("float64",),
    )


def furthest(path: Path) -> float:
    return max(max(step.difference, step.worst) for step in path.steps)


def test_every_optimizer_is_here() -> None:
    assert {cls.word for cls in words("optimizer")} == set(RULES)


@pytest.mark.parametrize("backend", TRAINING)
@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_every_optimizer_takes_the_same_steps(rule: str, backend: str) -> None:
    path = compared(program("mlp", rule), 12, backend)
    assert path.agrees, path.first
    assert furthest(path) < 1e-11


@pytest.mark.parametrize("backend", TRAINING)
@pytest.mark.parametrize("model", MODELS)
def test_networks_train_the_same_in_both_precisions(model: str, backend: str) -> None:
    found = walked(program(model), 15, [backend], "float64", "float32")
    exact, single = found.paths
    assert found.agrees, (exact.first, single.first)
    assert exact.state == "compared"
    assert furthest(exact) < 1e-11
    assert 1e-9 < furthest(single) < 1e-3
    assert single.promised == 10


UNREACHED = {
    "an output that no loss judges": "h = x -> Dense(4) -> relu  output y = h -> Dense(2)  "
    "output z = h -> Dense(3) as idle",
    "what stands in front of stop_gradient": "h = x -> Dense(4) as idle  "
    "output y = (h -> stop_gradient) -> Dense(2)",
}


@pytest.mark.parametrize("backend", TRAINING)
@pytest.mark.parametrize("body", UNREACHED.values(), ids=list(UNREACHED))
def test_weights_that_no_loss_reaches_decay_all_the_same(body: str, backend: str) -> None:
    made = of_text(
        f"model M {{ input x: f32[3] {body} }} train {{ target t: f32[2] loss = mse(y, t) "
        "optimizer = adamw(lr=0.1, weight_decay=0.1) batch = 6 }"
    )
    path = compared(made, 4, backend)
    assert path.agrees, path.message
    assert furthest(path) < 1e-12


@pytest.mark.parametrize("backend", TRAINING)
def test_norms_of_convolutions_are_taken_over_all_axes(backend: str) -> None:
    path = compared(program("cnn", "lamb(0.01, weight_decay=0.1)"), 3, backend)
    assert path.agrees, path.message


@pytest.mark.parametrize("backend", TRAINING)
def test_a_hundred_steps(backend: str) -> None:
    path = compared(program("mlp" if backend == "onnx" else "cnn"), 100, backend)
    assert path.agrees, path.message
    assert len(path.steps) == 100
    assert furthest(path) < 1e-9


def test_weights_without_a_true_gradient_are_known() -> None:
    found = walked(program("cnn"), 12, ["torch"])
    assert found.idle == {"conv2d.bias": 3}
    assert "3 numbers in `conv2d.bias` whose true gradient is 0" in render(found)
    # The keys' third of the biases of attention's three projections.
    assert walked(program("transformer"), 5, ["torch"]).idle == {
        "transformer_encoder.self_attn.in_proj_bias": 4
    }


def test_a_weight_without_a_true_gradient_stays_within_reach() -> None:
    """What is not compared is no place to hide in, nor is a running mean behind it."""

    def moved(name: str, by: float) -> Path:
        lie = Lie(weights=change_array(name, lambda w: w + by))
        return compared(program("cnn"), 3, fake(lie))

    assert moved("conv2d.bias", 1e-3).agrees
    found = moved("conv2d.bias", 50.0)
    assert found.first is not None
    assert (found.first.step, found.first.layer) == (0, "conv2d")
    mean = moved("batch_norm.running_mean", 1e-3)
    assert mean.first is not None
    assert (mean.first.way, mean.first.layer) == ("statistic", "batch_norm")


def optimizer(**others: Any) -> Callable[[Program], Program]:
    """Another argument of the optimiser."""

    def changed(made: Program) -> Program:
        if made.training is None:
            return made
        other = made.training.optimizer.replace(**others)
        return replace(made, training=replace(made.training, optimizer=other))

    return changed


def settings(**others: Any) -> Callable[[Program], Program]:
    """Another setting of the train block."""

    def changed(made: Program) -> Program:
        if made.training is None:
            return made
        return replace(made, training=replace(made.training, **others))

    return changed


LIES = {
    "epsilon of Adam": (
        "mlp", Lie(program=optimizer(epsilon=1e-7)), 0, "update", "`epsilon` were 1e-07",
    ),
    "decay that is not coupled": (
        "mlp", Lie(program=optimizer(weight_decay=0.0)), 0, "update", "`weight_decay` were 0",
    ),
    "a rate one step ahead": (
        "mlp", Lie(rated=1), 0, "update", "learning rate were one step ahead",
    ),
    "dropout one step behind": (
        "mlp", Lie(drawn=-1), 0, "loss", "numbers that are drawn were one step behind",
    ),
    "no clipping": (
        "mlp", Lie(program=settings(clip=None)), 1, "backward", "not clipped",
    ),
    "penalties twice": (
        "mlp",
        Lie(program=lambda p: p if p.training is None else settings(penalties=tuple(
            replace(term, factor=2 * term.factor) for term in p.training.penalties))(p)),
        0, "loss", "penalties counted 2 times",
    ),
    "a transposed weight": (
        "mlp",
        Lie(weights=change_array("dense_2.weight", np.transpose)),
        0, "forward", "`weight` were transposed",
    ),
    "epsilon of BatchNorm": (
        "cnn",
        Lie(program=change_op("batch_norm", lambda op: op.replace(epsilon=1e-3))),
        0, "forward", "`epsilon` were 0.001",
    ),
    "momentum of BatchNorm": (
        "cnn",
        Lie(program=change_op("batch_norm", lambda op: op.replace(momentum=0.9))),
        0, "statistic", "`momentum` were 0.9",
    ),
    "a gradient that is too large": (
        "mlp", Lie(gradients=change_array("dense_2.bias", lambda g: 1.5 * g)), 0, "backward", None,
    ),
    "rates that go astray later": (
        "mlp",
        Lie(program=settings(schedule=of_text(
            MODELS["mlp"] + TRAIN.replace("=3", "=4") % "adam").training.schedule)),  # type: ignore[union-attr]
        0, "update", None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_found_where_it_is_told(name: str) -> None:
    model, lie, step, way, hint = LIES[name]
    path = compared(program(model), 4, fake(lie))
    assert not path.agrees
    first = path.first
    assert first is not None
    assert (first.step, first.way) == (step, way), first
    assert hint is None or (first.hint and hint in first.hint), first


SLIPS = {
    "epsilon of BatchNorm": ("3, eps=1e-05", "3, eps=0.001", "forward", "`epsilon` were 0.001"),
    "bits of dropout": ("0x7FEB352D", "0x7FEB352B", "forward", None),
    "step of dropout": (
        "begin(self, step: int, row: int) -> None:",
        "begin(self, step: int, row: int) -> None:\n        step += 1",
        "forward",
        "drawn were one step ahead",
    ),
    "rate": ("* (step + 1)", "* (step + 2)", "update", "learning rate were one step ahead"),
    "epsilon of Adam": ("eps=1e-08", "eps=1e-06", "update", "`epsilon` were 1e-06 in `adam`"),
    "clipping": ("parameters(), 1.0)", "parameters(), 1e9)", "backward", "not clipped"),
}


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_in_a_real_program_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right, wrong, way, hint = SLIPS[name]

    def slipped(made: Program) -> Artifact:
        text = emit(made).text
        return Artifact(".py", (text.replace(right, wrong).encode(),))

    made = program("cnn")
    assert right in emit(made).text
    monkeypatch.setattr("nnc.backends.torch.run.emit", slipped)
    first = compared(made, 4, "torch").first
    assert first is not None
    assert first.way == way, first
    assert hint is None or (first.hint and hint in first.hint), first


def test_a_lie_that_begins_later_is_found_then() -> None:
    def late(made: Program) -> Program:
        return made if made.training is None else settings(schedule=other)(made)

    text = "step(3, 0.5)"
    plain = of_text(MODELS["mlp"] + TRAIN.replace("cosine(warmup_steps=3)", text) % "adam(0.01)")
    assert plain.training is not None
    other = plain.training.schedule.replace(every=4)
    path = compared(plain, 6, fake(Lie(program=late)))
    assert path.first is not None
    # The fourth update has the wrong rate.
    assert (path.first.step, path.first.way) == (3, "update")


def test_float32_lies_are_found_within_its_horizon() -> None:
    lie = Lie(program=optimizer(beta2=0.99))
    found = walked(program(), 12, [fake(lie)], "float32", "float64")
    single = found.paths[0]
    assert single.first is not None
    assert not single.rounding
    assert single.first.step < 10


def steep() -> Program:
    """A training whose steps are so large that rounding grows within a few of them."""
    return of_text(
        "model M { input x: f32[4] output y = x -> Dense(8) -> tanh -> Dense(2) } "
        "train { target t: f32[2] loss = mse(y, t) optimizer = sgd(20.0) }"
    )


def test_float32_may_go_as_far_as_rounding_goes() -> None:
    def rounded(weights: Arrays) -> Arrays:
        rng = np.random.default_rng(3)
        return {n: a * (1 + 3e-7 * rng.normal(size=a.shape)) for n, a in weights.items()}

    exact, single = walked(steep(), 12, [fake(Lie(single=rounded))], "float64", "float32").paths
    assert exact.agrees
    assert furthest(exact) == 0
    assert furthest(single) > 1e-3
    assert (single.agrees, single.rounding) == (True, True)

    def wrong(weights: Arrays) -> Arrays:
        return {n: a * (1 + 3e-3) for n, a in weights.items()}

    _, single = walked(steep(), 12, [fake(Lie(single=wrong))], "float64", "float32").paths
    assert (single.agrees, single.rounding) == (False, False)


def test_an_engine_that_breaks_is_a_finding() -> None:
    def broken(loss: float) -> float:
        raise RuntimeError("out of luck\nsecond line")

    path = compared(program(), 3, fake(Lie(loss=broken)))
    assert (path.state, path.agrees) == ("failed", False)
    assert path.message == "step 1: RuntimeError: out of luck"
    nan = compared(program(), 3, fake(Lie(loss=lambda loss: float("nan"))))
    assert not nan.agrees
    assert nan.first is not None
    assert nan.first.difference == float("inf")


def test_nothing_compared_is_no_agreement() -> None:
    found = walked(program(), 2, [fake(Lie(), missing="no_such_module")])
    assert not found.agrees
    assert found.paths[0].state == "not installed"
    assert "nothing was compared" in render(found)
    with pytest.raises(ValueError, match="no backend"):
        walked(program(), 2, ["caffe"])


def test_a_reference_that_goes_astray_ends_the_comparison() -> None:
    made = of_text(
        "model M { input x: f32[2] output y = x -> Dense(2) } "
        "train { target t: f32[2] loss = mse(y, t) optimizer = sgd(1e200) }"
    )
    found = walked(made, 6, ["torch"])
    assert len(found.losses) < 6
    assert "that is the end" in render(found)


def test_the_findings_as_json() -> None:
    found = walked(program(), 3, ["torch"], "float64", "float32")
    kept = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert kept["agrees"]
    assert [path["precision"] for path in kept["paths"]] == ["float64", "float32"]
    assert len(kept["paths"][0]["steps"]) == len(kept["losses"]) == 3
    assert set(kept["paths"][0]["steps"][0]["weights"]) == set(program().graph.weights)


def test_the_text_names_step_layer_and_place() -> None:
    lie = Lie(program=change_op("batch_norm", lambda op: op.replace(epsilon=1e-3)))
    said = render(walked(program("cnn"), 3, [fake(lie)]))
    assert "fake in float64: the loss differs by" in said
    assert "the first layer that differs in step 1: `batch_norm` (BatchNorm) at test.nn:2:" in said
    assert "hint: as if `epsilon` were 0.001" in said
    assert "not the same training" in said
