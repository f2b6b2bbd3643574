"""Raw examples of a model that prepares them: its test vectors, its sample request, and what less
precision leaves of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from PIL import Image

import nnc
from nnc.backends import initial
from nnc.backends.base import Arrays
from nnc.deployment.export import Exported, Options, exported
from nnc.deployment.given import output_labels
from nnc.deployment.precision import reduced
from nnc.deployment.triton import repository
from nnc.deployment.vectors import vectors
from nnc.training.data import open_data

TABLE = """\
data {
  source = csv("plants.csv")
  x = columns("long", "wide") -> impute(mean) -> standardize
  color  = column("color") -> category
  leaves = column("leaves") -> scale(2)
  size   = column("wide") -> impute(constant, 0) -> minmax
  kind   = column("kind") -> category
  split  = in_order(test=0.4)
}
model Plants {
  input x: f32[2]
  input color: i64
  input leaves: i64
  input size: f32[1]
  named = color -> Embedding(3, 4)
  more = leaves -> Embedding(12, 2)
  output p = (x, named, more, size) -> Concat -> Dense(6) as hidden -> tanh -> Dense(3) as last
}
train {
  target kind: i64
  loss = cross_entropy(p, kind)
  optimizer = sgd(lr=0.1)
  metrics = [accuracy(p, kind)]
}
"""
IMAGES = """\
data {
  source = npz("images.npz")
  x = column("images") -> crop(13, 9) -> resize(8, 8) -> standardize
  t = column("t") -> scale(0.5)
  split = in_order(test=0.4)
}
model Images {
  input x: f32[1, 8, 8]
  output p = x -> Conv2D(3, 3) as conv -> relu -> Flatten -> Dense(1) -> sigmoid
}
train { target t: f32[1]  loss = binary_cross_entropy(p, t)  optimizer = sgd(lr=0.1) }
"""
WINDOWS = """\
data {
  x, y = series("load.csv", column="mw") -> minmax -> window(lookback=5, horizon=2)
}
model Windows {
  input x: f32[5, 1]
  output p = x -> LSTM(4) -> Flatten -> Dense(2)
}
train { target y: f32[2]  loss = mse(p, y)  optimizer = sgd(lr=0.1) }
"""
FOLDER = """\
data {
  source = folder("photos")
  flat = files("*.png") -> scale(0.01) -> reshape([210])
  small = files("*.png", channels=1) -> resize(5, 4)
  same = files("*.png")
  t = column("class") -> category
}
model Photos {
  layout channels_last
  input flat: f32[210]
  input small: f32[5, 4, 1]
  input same: f32[7, 10, 3]
  low = small -> Flatten
  mean = same -> Flatten -> Dense(2)
  output p = (flat, low, mean) -> Concat -> Dense(2)
}
train { target t: i64  loss = cross_entropy(p, t)  optimizer = sgd(lr=0.1) }
"""
TEXTS = """\
data {
  source = csv("plants.csv")
  color = column("color") -> impute(most_frequent) -> one_hot
  kind = column("kind") -> impute(constant, "c") -> category
  size = column("wide") -> minmax -> scale(3)
  t = column("leaves") -> scale(0.1)
}
model Texts {
  input color: f32[3]
  input kind: f32[1]
  input size: f32
  one = size -> Unsqueeze(0)
  output p = (color, kind, one) -> Concat -> Dense(1)
}
train { target t: f32[1]  loss = mse(p, t)  optimizer = sgd(lr=0.1) }
"""
SPECS = {
    "table": TABLE,
    "images": IMAGES,
    "windows": WINDOWS,
    "folder": FOLDER,
    "texts": TEXTS,
}


def model_of(folder: Path, name: str, **options: Any) -> tuple[Exported, dict[str, Any]]:
    """A model that prepares its inputs, and its weights."""
    colors = ["red", "green", "blue", "green", "red"]
    rows = [f"{5 + i % 3},{i % 4},{colors[i % 5]},{i % 6},{'abc'[i % 3]}" for i in range(20)]
    (folder / "plants.csv").write_text("long,wide,color,leaves,kind\n" + "\n".join(rows) + "\n")
    images = np.random.default_rng(1).integers(0, 256, (20, 16, 14)).astype(np.uint8)
    np.savez(folder / "images.npz", images=images, t=np.arange(20) % 2)
    for number in range(4):
        file = folder / "photos" / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 256, (7, 10, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(file)
    (folder / "load.csv").write_text("mw\n" + "\n".join(map(str, range(30))) + "\n")
    program, found = nnc.compile_text(SPECS[name])
    assert program is not None, found
    data = open_data(program, folder)
    labels = output_labels(program, data.labels)
    asked = Options(fitted=data.fitted, labels=labels, **options)
    weights = dict(initial.weights(program.graph, 0))
    if asked.precision == "float32":
        return exported(program, weights, "net.onnx", asked), weights
    return reduced(program, weights, "net.onnx", asked, data, 1.0)[0], weights


def tensors(files: dict[str, Any], kind: str) -> Arrays:
    found = {}
    for name, chunks in files.items():
        if f"/{kind}_" in name:
            proto = onnx.TensorProto.FromString(b"".join(chunks))
            array = onnx.numpy_helper.to_array(proto)
            texts = proto.data_type == onnx.TensorProto.STRING
            found[proto.name] = np.vectorize(_text, otypes=[object])(array) if texts else array
    return found


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def run(model: Exported, given: Arrays) -> Arrays:
    session = onnxruntime.InferenceSession(b"".join(model.files["net.onnx"]))
    assert [end.name for end in session.get_inputs()] == list(given)
    names = [end.name for end in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(given)), strict=True))


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("table", ["p", "p_probability", "p_class", "p_label"]),
        ("images", ["p", "p_class"]),
        ("windows", ["p", "p_value"]),
        ("folder", ["p", "p_probability", "p_class", "p_label"]),
        ("texts", ["p", "p_value"]),
    ],
)
def test_vectors_are_raw(tmp_path: Path, name: str, outputs: list[str]) -> None:
    model, weights = model_of(tmp_path, name)
    files = vectors(model, weights)
    expected = tensors(files, "output")
    found = run(model, tensors(files, "input"))
    assert list(found) == list(expected) == outputs
    for output, array in expected.items():
        if array.dtype.kind == "f":
            # The tolerances of ONNX's own runner of such tests.
            np.testing.assert_allclose(found[output], array, rtol=1e-3, atol=1e-6)
        else:
            assert found[output].tolist() == array.tolist()


@pytest.mark.parametrize("name", SPECS)
def test_a_request_is_raw(tmp_path: Path, name: str) -> None:
    model, _ = model_of(tmp_path, name)
    (path,) = [path for path in repository(model) if path.endswith("request.json")]
    request = json.loads(b"".join(map(bytes, repository(model)[path])))
    types = {"FP32": np.float32, "INT64": np.int64, "UINT8": np.uint8, "BYTES": object}
    given = {}
    for end, known in zip(request["inputs"], model.graph.inputs, strict=True):
        array = np.array(end["data"], types[end["datatype"]])
        given[end["name"]] = array.reshape(end["shape"][: len(known.shape)])
    found = run(model, given)
    assert all(len(array) == 2 for array in found.values())


@pytest.mark.parametrize("precision", ["fp16", "int8"])
@pytest.mark.parametrize("name", ["table", "images"])
def test_less_precision_is_for_the_network_inside(
    tmp_path: Path, name: str, precision: Any
) -> None:
    full, weights = model_of(tmp_path, name, optimize="deploy")
    less, _ = model_of(tmp_path, name, precision=precision)
    assert precision in less.judged
    ends = [(end.name, end.element, end.shape) for end in full.graph.inputs]
    assert [(end.name, end.element, end.shape) for end in less.graph.inputs] == ends
    made = onnx.load_model_from_string(b"".join(less.files["net.onnx"]))
    onnx.checker.check_model(made, full_check=True)
    kind = {"fp16": 10, "int8": 3}[precision]
    assert kind in {tensor.data_type for tensor in made.graph.initializer}
    around = {t.name: t.data_type for t in made.graph.initializer if "/prepared/" in t.name}
    assert around
    assert kind not in around.values()
    given = tensors(vectors(full, weights), "input")
    exact, found = run(full, given), run(less, given)
    assert list(found) == list(exact)
    for output, array in exact.items():
        if array.dtype == np.float32:
            allowed = {"fp16": 0.005, "int8": 0.05}[precision]
            np.testing.assert_allclose(found[output], array, atol=allowed)
            assert not np.array_equal(found[output], array)


def test_what_was_learnt_is_part_of_where_a_model_comes_from(tmp_path: Path) -> None:
    model, weights = model_of(tmp_path, "windows")
    assert model.options.fitted is not None
    fitted = json.loads(json.dumps(model.options.fitted))
    fitted["fields"]["x,y"][0]["low"] = 1.0
    other = exported(model.program, weights, "net.onnx", Options(fitted=fitted))
    key = "nnc.preparations.sha256"
    assert model.metadata[key] != other.metadata[key]
    plain = exported(model.program, weights, "net.onnx", Options())
    assert key not in plain.metadata
