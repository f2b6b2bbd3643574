"""Steps of training as one ONNX graph, against the reference's."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx.reference import ReferenceEvaluator

from nnc.backends import initial
from nnc.backends.base import Arrays, Precision
from nnc.backends.onnx.descent import NEXT, RATE
from nnc.backends.onnx.graph import OnnxGraph, written
from nnc.backends.onnx.training import (
    LOSS,
    ROW,
    STEP,
    evaluation,
    initial_state,
    training_step,
)
from nnc.backends.reference.engine import ReferenceEngine
from nnc.compiler.ir import Program
from nnc.loading import compile_text
from nnc.verify import sample
from tests.backends.onnx.pullbacks import EVALUATED

MLP = """
model M { input x: f32[5]  output y = x -> Dense(7) as a -> relu -> Dense(3) as b -> softmax }
train { target t: i64  loss = cross_entropy(y, t) + l2(0.01)  %s }
"""
CNN = """
model M {
  input x: f32[2, 9, 8]
  output y = x -> Conv2D(4, 3, padding=same, bias=false) -> BatchNorm -> relu -> MaxPool2D(2)
    -> Conv2D(3, 3, stride=2, groups=1) -> tanh -> Flatten -> Dropout(0.3) -> Dense(3)
}
train { target t: i64  loss = cross_entropy(y, t)  optimizer = sgd(lr=0.1, momentum=0.9) }
"""
ATTENTION = """
model M {
  input x: i64[T]
  output y = x -> Embedding(11, 8) -> PositionalEncoding -> TransformerEncoder(heads=2, hidden=12)
    -> mean(axes=0) -> Dense(3)
}
train { target t: i64  loss = cross_entropy(y, t)  optimizer = sgd(lr=0.1, momentum=0.9) }
"""
CTC = """
model M { input x: f32[7, 3]  output y = x -> Dense(5) -> tanh -> Dense(4) }
train { target t: i64[3]  loss = ctc(y, t)  optimizer = sgd(lr=0.1) }
"""
RECURRENT = """
model M {
  input x: f32[T, 4]  input length: i64
  h = (x, length) -> LSTM(5, layers=2, bidirectional=true)
  output y = h -> GRU(4, layers=2, reverse=true) -> SimpleRNN(3, return_sequences=false) -> Dense(3)
}
train { target t: i64  loss = cross_entropy(y, t)  optimizer = sgd(lr=0.1, momentum=0.9) }
"""
TWICE = """
model M {
  input x: f32[2, 6, 6]
  h = x -> Conv2D(3, 3, padding=same) -> relu
  a = h -> MaxPool2D(2) -> Flatten
  b = h -> Flatten
  output y = (a, b) -> Concat -> Dense(3)
}
train { target t: i64  loss = cross_entropy(y, t)  optimizer = sgd(lr=0.1, momentum=0.9) }
"""
ACTIVITY = """
model M {
  input x: f32[2, 5, 4]
  code = x -> Conv2D(3, 2, activation=sigmoid, activity_regularize=l1_l2(0.2, 0.1)) -> Flatten
  output y = code -> Dense(3, activation=softmax, activity_regularize=l2(0.3))
}
train { target t: i64  loss = cross_entropy(y, t)  optimizer = sgd(lr=0.1) }
"""
PLAIN = "optimizer = sgd(lr=0.1)"
PENALTIES = "recurrent_regularize=l1(0.1), bias_regularize=l2(0.2)"
PENALIZED = f"LSTM(5, regularize=l1_l2(0.1, 0.2), {PENALTIES}"
CASES = {
    "sgd": MLP % PLAIN,
    "adam": MLP % "optimizer = adam(lr=0.05)",
    "clipped": MLP % "optimizer = rmsprop(lr=0.01)  clip = global_norm(0.5)",
    "constrained": (MLP % PLAIN).replace("Dense(7)", "Dense(7, constraint=max_norm(0.8))"),
    "frozen": (MLP % PLAIN).replace("Dense(7)", "Dense(7, trainable=false)"),
    "cnn": CNN,
    "channels_last": CNN.replace("f32[2, 9, 8]", "f32[9, 8, 2]  layout channels_last"),
    "relu_twice": TWICE,
    "attention": ATTENTION,
    "ctc": CTC,
    "activity": ACTIVITY,
    "recurrent": RECURRENT,
    "penalized": RECURRENT.replace("GRU(4", f"GRU(4, {PENALTIES}").replace("LSTM(5", PENALIZED),
}
KINDS = {1: np.float32, 7: np.int64, 11: np.float64}


def program_of(text: str) -> Program:
    program, report = compile_text(text)
    assert program is not None, report
    return program


def runner(graph: OnnxGraph, precision: Precision) -> Any:
    """A function of arrays by name, on onnxruntime where it has the kernels."""
    model = onnx.ModelProto.FromString(b"".join(written(graph, "0").whole))
    onnx.checker.check_model(model)
    assert {item.domain for item in model.opset_import} == {""}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    if precision == "float64":
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    try:
        session: Any = onnxruntime.InferenceSession(model.SerializeToString(), options)
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented:
        session = ReferenceEvaluator(model, new_ops=EVALUATED)
    names = [end.name for end in graph.outputs]

    def run(given: Arrays) -> Arrays:
        feeds = {end.name: np.asarray(given[end.name], KINDS[end.element]) for end in graph.inputs}
        return dict(zip(names, session.run(names, feeds), strict=True))

    return run


def batches(program: Program, count: int) -> list[Arrays]:
    rng = np.random.default_rng(3)
    found = []
    for _ in range(count):
        inputs = sample.inputs(program.graph, 6, rng)
        found.append({**inputs, **sample.targets(program, inputs, rng)})
    return found


@pytest.mark.parametrize(("precision", "tolerance"), [("float64", 1e-9), ("float32", 2e-5)])
@pytest.mark.parametrize("name", CASES)
def test_steps_are_those_of_the_reference(
    name: str, precision: Precision, tolerance: float
) -> None:
    program = program_of(CASES[name])
    weights = initial.weights(program.graph, program.seed)
    step = training_step(program, precision=precision)
    run = runner(step.graph, precision)
    state = initial_state(step, weights, precision)
    reference = ReferenceEngine(
        program, {n: a.astype(np.float64) for n, a in weights.items()}, "float64"
    )
    for number, batch in enumerate(batches(program, 20 if precision == "float64" else 4)):
        now = {STEP: np.array(number), RATE: np.array(0.02), ROW: np.array(0)}
        made = run({**batch, **state, **now})
        expected = reference.step([batch], number, 0.02)
        assert made[LOSS] == pytest.approx(expected, rel=tolerance, abs=tolerance)
        state |= {part.name: made[NEXT + part.name] for part in step.state if part.changes}
    for weight, array in reference.weights().items():
        scale = max(float(np.abs(array).max(initial=0.0)), 1e-2)
        assert np.abs(state[weight] - array).max(initial=0.0) <= tolerance * scale


@pytest.mark.parametrize("name", ["adam", "cnn"])
def test_evaluation_is_that_of_the_reference(name: str) -> None:
    program = program_of(CASES[name].replace("optimizer", "metrics = [accuracy(y, t)]  optimizer"))
    weights = initial.weights(program.graph, program.seed)
    found = evaluation(program)
    (batch,) = batches(program, 1)
    made = runner(found.graph, "float32")({**batch, **weights})
    reference = ReferenceEngine(
        program, {n: a.astype(np.float64) for n, a in weights.items()}, "float64"
    )
    expected = reference.evaluate([batch])
    assert made[LOSS] == pytest.approx(expected["loss"], rel=1e-5)
    finish = found.metrics["accuracy"]
    assert finish([made["metric/accuracy"]]) == pytest.approx(expected["accuracy"])
    np.testing.assert_allclose(made["y"], reference.outputs(batch)["y"], rtol=1e-4, atol=1e-6)


def test_only_what_changes_is_given_back() -> None:
    step = training_step(program_of(CASES["frozen"]))
    changes = {part.name: part.changes for part in step.state}
    assert changes == {"a.weight": False, "a.bias": False, "b.weight": True, "b.bias": True}
