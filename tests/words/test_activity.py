"""Penalties on what layers give: terms of the loss on every backend."""

from __future__ import annotations

import numpy as np
import pytest

from nnc.backends.base import Arrays, Precision
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.registry import BACKENDS
from nnc.compiler.ir import Program
from tests.backends.keras.programs import of_text

TRAIN = "train { target y: %s loss = %s optimizer = sgd(0.1) batch = all }"
INSIDE = (
    """
block Part(width) {
  input x
  output y = x -> Dense(width, activation=tanh, activity_regularize=l1(0.3)) -> Dense(4)
}
model M {
  input x: f32[3]
  layer tower = Dense(4, activity_regularize=l1_l2(0.1, 0.2))
  a = x -> tower
  b = (x * 2) -> tower
  output p = (a + b) -> Part(5) -> Part(6)
    -> Dense(1, activation=sigmoid, activity_regularize=l2(2))
}
"""
    + TRAIN % ("f32[1]", "binary_cross_entropy(p, y) + l2(0.01)")
)
IMAGES = (
    """
model M {
  input x: f32[2, 5, 4]
  output code = x -> Conv2D(3, 2, activation=sigmoid, activity_regularize=l1(0.2))
  output p = code -> MaxPool2D(2) -> ActivityRegularization(l2(0.1)) -> Flatten -> Dense(1)
}
"""
    + TRAIN % ("f32[1]", "mse(p, y)")
)
STEPS = (
    """
model M {
  input x: f32[T, 3]
  output p = x -> LSTM(4) -> ActivityRegularization(l1(0.1)) -> mean(axes=0) -> Dense(1)
}
"""
    + TRAIN % ("f32[1]", "mse(p, y)")
)
SHAPES = {"inside": (3,), "images": (2, 5, 4), "channels_last": (5, 4, 2), "steps": (6, 3)}
TEXTS = {
    "inside": INSIDE,
    "images": IMAGES,
    "channels_last": IMAGES.replace("f32[2, 5, 4]", "f32[5, 4, 2]  layout channels_last"),
    "steps": STEPS,
}


def case(name: str) -> tuple[Program, Arrays, Arrays, Arrays]:
    """A program, weights, inputs, targets."""
    program = of_text(TEXTS[name])
    rng = np.random.default_rng(5)
    weights = {
        n: rng.standard_normal(w.shape) * (w.role == "parameter")
        for n, w in program.graph.weights.items()
    }
    inputs = {"x": rng.standard_normal((4, *SHAPES[name]))}
    return program, weights, inputs, {"y": rng.random((4, 1))}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_value_and_gradient_are_those_of_the_reference(name: str, backend: str) -> None:
    program, weights, inputs, targets = case(name)
    precision: Precision = "float64"
    runner = BACKENDS[backend].load_runner()(program, weights, precision)
    loss, gradients = runner.gradients(inputs, targets)
    expected, reference = ReferenceRunner(program, weights).gradients(inputs, targets)
    assert abs(loss - expected) < 1e-10 * abs(expected)
    for weight, array in reference.items():
        scale = max(float(np.abs(array).max()), 1e-3)
        np.testing.assert_allclose(gradients[weight], array, rtol=0, atol=1e-10 * scale)


def test_the_penalty_is_the_sum_over_an_example_as_a_mean_over_the_batch() -> None:
    program, weights, inputs, targets = case("images")
    assert program.training is not None
    runner = ReferenceRunner(program, weights)
    values, y = runner.values(inputs), targets["y"]
    code, pooled = (term.value.name for term in program.training.activities)
    by_example = 0.2 * np.abs(values[code]).sum((1, 2, 3)) + 0.1 * (values[pooled] ** 2).sum(
        (1, 2, 3)
    )
    expected = np.mean((values[program.graph.outputs[1].value.name] - y) ** 2) + by_example.mean()
    assert values[code].min() > 0  # it stands behind the sigmoid
    np.testing.assert_allclose(runner.gradients(inputs, targets)[0], expected, rtol=1e-13)


def test_it_is_what_keras_adds() -> None:
    import keras

    program = of_text(
        "model M { input x: f32[3] output p = x -> Dense(4, activation=tanh,"
        " activity_regularizer=l1_l2(0.1, 0.2)) as d } " + TRAIN % ("f32[4]", "mse(p, y)")
    )
    rng = np.random.default_rng(1)
    weights = {n: rng.standard_normal(w.shape) for n, w in program.graph.weights.items()}
    inputs, targets = {"x": rng.standard_normal((5, 3))}, {"y": rng.standard_normal((5, 4))}
    loss, _ = ReferenceRunner(program, weights).gradients(inputs, targets)
    rule = keras.regularizers.L1L2(0.1, 0.2)
    layer = keras.layers.Dense(4, "tanh", activity_regularizer=rule, dtype="float64")
    layer.build((None, 3))
    layer.set_weights([weights["d.weight"].T, weights["d.bias"]])
    p = np.asarray(layer(inputs["x"]))
    (added,) = layer.losses
    expected = np.mean((p - targets["y"]) ** 2) + float(added)
    np.testing.assert_allclose(loss, expected, rtol=1e-6)  # Keras' 0.1 is one of float32


def test_a_loss_is_fused_with_the_activation_before_it() -> None:
    program = case("inside")[0]
    assert program.training is not None
    (term,) = program.training.losses
    assert term.logits
    assert term.predictions[0].name == "dense"
    assert len(program.training.activities) == 5


def test_json_keeps_it_where_it_stands() -> None:
    from nnc.compiler.document.write import to_json
    from nnc.loading import compile_text

    program = case("inside")[0]
    again, report = compile_text(to_json(program), "spec.json")
    assert again is not None, report
    assert again.training is not None
    assert program.training is not None
    assert again.training.activities == program.training.activities
