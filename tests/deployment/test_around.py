"""The fitted data pipeline in front of a model, and answers behind it, against nnc's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import nnc
from nnc.backends import initial, registry
from nnc.backends.base import Arrays
from nnc.compiler.diagnostics import Failed
from nnc.compiler.explain import explanation
from nnc.compiler.ir import Program
from nnc.deployment.export import Options, exported
from nnc.deployment.given import output_labels
from nnc.training.data import Dataset, open_data
from nnc.training.units import restored

SPEC = """\
data {{
  source = csv("plants.csv")
  x      = columns("long", "wide") -> {numbers}
  color  = column("color") -> {colors}
  kind   = column("kind") -> category
}}

model Plants {{
  input x: f32[2]
  input color: f32[3]
  both = (x, color) -> Concat -> Dense(4) -> tanh
  output p = both -> Dense(3){end}
}}

train {{
  target kind: i64
  loss = cross_entropy(p, kind)
  optimizer = sgd(lr=0.1)
}}
"""
ROWS = """\
long,wide,color,kind
5.5,2.25,red,oak
4.75,3.5,green,elm
6.125,,blue,ash
5,3.25,green,oak
7.5,1.75,red,ash
"""
LONG = np.array([[5.5, 2.25], [4.75, 3.5], [6.125, np.nan], [5, 3.25], [7.5, 1.75]], np.float32)
COLORS = np.array(["red", "green", "blue", "green", "red"], object)


def made(
    folder: Path, text: str, rows: str = ROWS, **options: Any
) -> tuple[onnx.ModelProto, Program, Dataset]:
    """The model of a spec with initial weights, beside the data in a folder."""
    (folder / "plants.csv").write_text(rows)
    program, found = nnc.compile_text(text)
    assert program is not None, found
    data = open_data(program, folder)
    settings = Options(fitted=data.fitted, labels=output_labels(program, data.labels), **options)
    weights = dict(initial.weights(program.graph, 0))
    files = exported(program, weights, "net.onnx", settings).files
    model = onnx.load_model_from_string(b"".join(files["net.onnx"]))
    onnx.checker.check_model(model, full_check=True)
    return model, program, data


def run(model: onnx.ModelProto, inputs: Arrays) -> Arrays:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def expected(program: Program, data: Dataset) -> np.ndarray:
    rows = data.batch(np.arange(data.count))
    weights = dict(initial.weights(program.graph, 0))
    found: np.ndarray = registry.REFERENCE.load_runner()(program, weights, "float64").outputs(rows)[
        "p"
    ]
    return found


@pytest.mark.parametrize(
    "numbers",
    [
        "impute(mean) -> standardize",
        "impute(median) -> minmax",
        "impute(constant, 2) -> scale(0.5) -> reshape([2])",
    ],
)
def test_raw_data_give_what_prepared_data_give(tmp_path: Path, numbers: str) -> None:
    text = SPEC.format(numbers=numbers, colors="one_hot", end=" -> softmax")
    model, program, data = made(tmp_path, text)
    types = {v.name: v.type.tensor_type.elem_type for v in model.graph.input}
    assert types == {"x": 1, "color": 8}
    found = run(model, {"x": LONG, "color": COLORS})
    p = expected(program, data)
    np.testing.assert_allclose(found["p"], p, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found["p_class"], p.argmax(axis=1))
    assert found["p_label"].tolist() == [["ash", "elm", "oak"][i] for i in p.argmax(axis=1)]
    assert "p_probability" not in found


def test_logits_get_their_probabilities(tmp_path: Path) -> None:
    text = SPEC.format(numbers="impute(mean)", colors="one_hot", end="")
    model, program, data = made(tmp_path, text)
    found = run(model, {"x": LONG, "color": COLORS})
    z = expected(program, data)
    shares = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found["p"], z, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["p_probability"], shares, rtol=1e-5, atol=1e-6)


def test_a_value_that_is_not_known_gives_zeros(tmp_path: Path) -> None:
    text = SPEC.format(numbers="impute(mean)", colors="one_hot", end=" -> softmax")
    model, program, _ = made(tmp_path, text)
    found = run(model, {"x": LONG[:1], "color": np.array(["pink"], object)})
    weights = dict(initial.weights(program.graph, 0))
    zeros: Arrays = {"x": LONG[:1], "color": np.zeros((1, 3))}
    exact = registry.REFERENCE.load_runner()(program, weights, "float64").outputs(zeros)["p"]
    np.testing.assert_allclose(found["p"], exact, rtol=1e-5)


def test_two_answers_have_a_threshold(tmp_path: Path) -> None:
    text = """
    data {
      source = csv("plants.csv")
      x = column("long") -> standardize
      tall = column("wide") -> impute(constant, 0) -> minmax -> reshape([1])
    }
    model Tall { input x: f32  output p = x -> Unsqueeze(0) -> Dense(1) }
    train { target tall: f32[1]  loss = binary_cross_entropy(p, tall)  optimizer = sgd(lr=0.1) }
    """
    model, _, _ = made(tmp_path, text)
    found = run(model, {"x": LONG[:, 0]})
    np.testing.assert_array_equal(found["p_class"], (found["p"] > 0).astype(np.int64))
    np.testing.assert_allclose(found["p_probability"], 1 / (1 + np.exp(-found["p"])), rtol=1e-5)


REGRESSION = """
data {{
  source = csv("plants.csv")
  x = column("long") -> standardize
  y = columns("long", 1) -> {steps}
}}
model Sizes {{ input x: f32  output p = x -> Unsqueeze(0) -> Dense(2) }}
train {{ target y: f32[2]  loss = mse(p, y)  optimizer = sgd(lr=0.1) }}
"""


@pytest.mark.parametrize("steps", ["standardize", "minmax -> scale(0.5)", "scale(4)", ""])
def test_estimates_are_given_in_the_units_of_the_data(tmp_path: Path, steps: str) -> None:
    rows = ROWS.replace("6.125,,", "6.125,1,")
    text = REGRESSION.format(steps=f"impute(mean) -> {steps}".rstrip(" ->"))
    model, program, data = made(tmp_path, text, rows=rows)
    found = run(model, {"x": LONG[:, 0]})
    exact = restored(program, data.fitted, {"p": expected(program, data)})["p"]
    assert list(found) == (["p", "p_value"] if steps else ["p"])
    np.testing.assert_allclose(found.get("p_value", found["p"]), exact, rtol=1e-5, atol=1e-5)


def test_a_runtime_that_lacks_what_a_preparation_takes_is_named(tmp_path: Path) -> None:
    text = SPEC.format(numbers="impute(mean)", colors="one_hot", end="")
    text = text.replace('column("color") -> one_hot', 'columns("long", "wide", 0) -> impute(mean)')
    with pytest.raises(Failed) as failed:
        made(tmp_path, text, target="coreml")
    messages = {d.message for d in failed.value.diagnostics}
    assert "Core ML can't run the node `x/prepared/missing`: it has no operator IsNaN" in messages


@pytest.mark.parametrize(
    ("colors", "options", "words"),
    [
        ("one_hot", {"target": "tensorrt"}, "the runtime has no texts"),
        ("one_hot", {"opset": 18}, "since opset 19"),
    ],
)
def test_what_onnx_cannot_express_is_named(
    tmp_path: Path, colors: str, options: dict[str, Any], words: str
) -> None:
    text = SPEC.format(numbers="impute(mean)", colors=colors, end="")
    with pytest.raises(Failed) as failed:
        made(tmp_path, text, **options)
    (diagnostic,) = failed.value.diagnostics
    assert (diagnostic.code, words in diagnostic.message) == ("E718", True), diagnostic.message
    assert diagnostic.span
    assert explanation("E718")
