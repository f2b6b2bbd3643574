"""An exported model: its bytes, its versions, its provenance, its proofs; what targets refuse."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import nnc
from nnc.backends import initial
from nnc.backends.files import write_whole
from nnc.backends.onnx import model as format_of_models
from nnc.backends.onnx.emit import drawn
from nnc.backends.onnx.external import SMALLEST
from nnc.backends.onnx.targets import TARGETS
from nnc.compiler.diagnostics import Failed
from nnc.compiler.explain import explanation
from nnc.compiler.ir import Program
from nnc.deployment.card import card
from nnc.deployment.export import Exported, Options, exported
from nnc.deployment.vectors import vectors
from tests.matrix.examples import cases, random_weights

IMAGES = """\
model Images {
  input  x: f32[3, 12, 12]
  output y = x -> Conv2D(8, 3) -> BatchNorm -> relu -> GlobalAvgPool -> Dense(40) -> softmax
}
"""
WORDS = """\
model Words {
  input  words: i64[T]
  output y = words -> Embedding(50, 8) -> LSTM(6) -> Dense(3)
}
"""


def compiled(text: str) -> Program:
    program, found = nnc.compile_text(text)
    assert program is not None, found
    return program


def made(text: str, **options: Any) -> Exported:
    program = compiled(text)
    weights = dict(initial.weights(program.graph, 0))
    return exported(program, weights, "net.onnx", Options(**options))


def saved(model: Exported, folder: Path) -> Path:
    for name, chunks in model.files.items():
        write_whole(folder / name, chunks)
    return folder / model.name


def outputs(path: Path, text: str) -> list[np.ndarray]:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    feeds = {
        value.name: rng.normal(size=(2, *map(int, map(str, value.type.shape)))).astype(np.float32)
        for value in compiled(text).graph.inputs
    }
    found: list[np.ndarray] = session.run(None, feeds)
    return found


def test_a_model_is_one_valid_file_with_its_provenance(tmp_path: Path) -> None:
    model = made(IMAGES, labels={"y": ("cat", "dog")})
    assert list(model.files) == ["net.onnx"]
    path = saved(model, tmp_path)
    onnx.checker.check_model(str(path), full_check=True)
    read = onnx.load(str(path))
    properties = {entry.key: entry.value for entry in read.metadata_props}
    assert properties["nnc.version"] == nnc.__version__
    assert properties["nnc.labels.y"] == "cat\ndog"
    assert len(properties["nnc.spec.sha256"]) == len(properties["nnc.weights.sha256"]) == 64
    assert read.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert (read.ir_version, read.opset_import[0].version) == (9, 20)
    assert model.sha256["net.onnx"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_same_gives_the_same_bytes_and_provenance_tells_the_rest_apart() -> None:
    first, again = made(IMAGES), made(IMAGES)
    assert first.sha256 == again.sha256
    other = made(IMAGES.replace("40", "41"))
    assert other.metadata["nnc.spec.sha256"] != first.metadata["nnc.spec.sha256"]
    # The layout of the text is not the network.
    laid_out = made(IMAGES.replace("  ", " "))
    assert laid_out.metadata == first.metadata


def test_levels_differ_in_nodes_and_not_in_results(tmp_path: Path) -> None:
    found = {}
    for level in ("none", "safe", "deploy"):
        model = made(IMAGES, optimize=level)
        (tmp_path / level).mkdir()
        found[level] = (len(model.graph.nodes), outputs(saved(model, tmp_path / level), IMAGES)[0])
    assert found["deploy"][0] == found["none"][0] - 2
    np.testing.assert_array_equal(found["safe"][1], found["none"][1])
    np.testing.assert_allclose(found["deploy"][1], found["none"][1], rtol=1e-5)


def test_numbers_beside_the_model_are_the_same_network(tmp_path: Path) -> None:
    model = made(IMAGES, external=True)
    assert list(model.files) == ["net.onnx", "net.onnx.data"]
    path = saved(model, tmp_path)
    onnx.checker.check_model(str(path), full_check=True)
    for tensor in onnx.load(str(path), load_external_data=False).graph.initializer:
        place = {entry.key: entry.value for entry in tensor.external_data}
        size = 4 * int(np.prod(tensor.dims))
        assert bool(place) == (size >= SMALLEST)
        if place:
            assert (place["location"], int(place["length"])) == ("net.onnx.data", size)
            assert int(place["offset"]) % 4096 == 0
    (tmp_path / "whole").mkdir()
    whole = saved(made(IMAGES), tmp_path / "whole")
    np.testing.assert_array_equal(outputs(path, IMAGES)[0], outputs(whole, IMAGES)[0])


def test_beyond_the_limit_of_the_format_the_numbers_go_beside(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    large = IMAGES.replace("40", "4000")
    assert made(large).size("net.onnx") > 100_000
    monkeypatch.setattr(format_of_models, "MAXIMUM_BYTES", 100_000)
    model = made(large)
    assert list(model.files) == ["net.onnx", "net.onnx.data"]
    assert model.size("net.onnx") < 5_000
    assert outputs(saved(model, tmp_path), large)[0].shape == (2, 4000)


@pytest.mark.parametrize("optimize", ["none", "deploy"])
def test_vectors_are_those_that_onnx_itself_would_check(tmp_path: Path, optimize: Any) -> None:
    program = compiled(IMAGES)
    weights = dict(initial.weights(program.graph, 0))
    model = exported(program, weights, "model.onnx", Options(optimize=optimize))
    path = saved(model, tmp_path)
    tensors = {}
    for name, chunks in vectors(model, weights).items():
        proto = onnx.TensorProto.FromString(b"".join(chunks))
        tensors[name] = (proto.name, onnx.numpy_helper.to_array(proto))
    assert list(tensors) == ["test_data_set_0/input_0.pb", "test_data_set_0/output_0.pb"]
    (name, given), (_, expected) = tensors.values()
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    # The tolerances of ONNX's own runner of such tests.
    np.testing.assert_allclose(session.run(None, {name: given})[0], expected, rtol=1e-3, atol=1e-7)


def test_a_card_says_what_there_is_to_say() -> None:
    model = made(IMAGES, labels={"y": ("cat", "dog")})
    text = card(model)
    assert model.sha256["net.onnx"] in text
    assert "| `x` | input | f32 | `[batch, 3, 12, 12]` |" in text
    assert "The classes of `y`: 0 cat, 1 dog" in text


# ---- targets -----------------------------------------------------------------------------------


def refusals(text: str, **options: Any) -> list[str]:
    with pytest.raises(Failed) as failed:
        made(text, **options)
    assert {d.code for d in failed.value.diagnostics} == {"E706"}
    assert all(d.span for d in failed.value.diagnostics)
    return [d.message for d in failed.value.diagnostics]


def test_what_a_runtime_lacks_is_named_with_its_layer() -> None:
    assert refusals(WORDS, target="coreml") == [
        "Core ML can't run the layer `embedding`: it has no operator Gather",
        "Core ML can't run the layer `lstm`: it has no operator LSTM",
    ]
    assert explanation("E706")


@pytest.mark.parametrize(
    ("target", "chain", "why"),
    [
        ("coreml", "f32[2, 5, 5, 5] | Conv3D(3, 2)", "has at most 2 axes, and this one has 3"),
        ("coreml", "f32[2, 9] | MaxPool1D(2)", "has 2 axes, and this one has 1"),
        (
            "coreml",
            "f32[2, 9, 9] | ConvTranspose2D(3, 3, stride=2, output_padding=1)",
            "takes no output padding",
        ),
        ("tensorrt", "f32[2, 9, 9] | MaxPool2D(2, dilation=2)", "its MaxPool has no dilation"),
        ("openvino", "f32[2, 9, 9] | CircularPad(1)", "doesn't go round in a circle"),
    ],
)
def test_limits_of_runtimes(target: Any, chain: str, why: str) -> None:
    type_, layer = chain.split(" | ")
    text = f"model M {{ input x: {type_}  output y = x -> {layer} }}"
    (message,) = refusals(text, target=target)
    assert why in message
    made(text)


RAGGED = """\
model Ragged {
  input x: f32[T, 3]
  input length: i64
  output y = (x, length) -> GRU(4)
}
"""


def test_a_runtime_that_runs_on_behind_the_end_of_a_sequence_is_not_given_one() -> None:
    (message,) = refusals(RAGGED, target="openvino")
    assert message.endswith("its GRU computes on behind the length of a sequence")
    made(RAGGED.replace("(x, length)", "x").replace("  input length: i64\n", ""), target="openvino")


def test_openvino_gets_reductions_that_stand_apart(tmp_path: Path) -> None:
    text = "model M {{ input x: f32[3, 5]  output y = x -> mean(1{}) -> {} }}"
    for keeps, layer, kind in (
        (", keep_axes=true", "BatchNorm", "Unsqueeze"),
        ("", "PReLU", "Squeeze"),
    ):
        one = text.format(keeps, layer)
        model = made(one, target="openvino")
        kinds = [node.operator for node in model.graph.nodes]
        assert kinds[kinds.index("ReduceMean") + 1] == kind
        (tmp_path / kind / "ort").mkdir(parents=True)
        np.testing.assert_array_equal(
            outputs(saved(model, tmp_path / kind), one)[0],
            outputs(saved(made(one), tmp_path / kind / "ort"), one)[0],
        )


@pytest.mark.parametrize(("target", "opset"), [("tensorrt", 20), ("openvino", 23)])
def test_every_operator_that_nnc_writes_was_looked_up(target: Any, opset: int) -> None:
    """A new one has to be looked up in the runtime's own documentation, and listed or left out."""
    rng = np.random.default_rng(0)
    used: set[str] = set()
    for case in {type(case.op): case for case in cases()}.values():
        graph = drawn(case.program, random_weights(case.graph, rng), opset=opset)
        used |= {node.operator for node in graph.nodes}
    known = TARGETS[target].operators
    assert known is not None
    assert used - known == set()


def test_core_ml_gets_what_it_has_in_place_of_what_it_lacks(tmp_path: Path) -> None:
    model = made(IMAGES, target="coreml")
    kinds = {node.operator for node in model.graph.nodes}
    assert not kinds & {"BatchNormalization", "Flatten"}
    np.testing.assert_allclose(
        outputs(saved(model, tmp_path), IMAGES)[0],
        outputs(saved(made(IMAGES), tmp_path), IMAGES)[0],
        rtol=1e-5,
    )


@pytest.mark.parametrize("target", ["ort", "web", "tensorrt", "openvino"])
def test_common_networks_run_everywhere(target: Any, root: Path) -> None:
    for name in ("cnn64", "mnist_mlp", "tagger", "transformer"):
        program, _ = nnc.compile_file(root / "specs" / "examples" / f"{name}.nn")
        assert program is not None
        weights = dict(initial.weights(program.graph, 0))
        model = exported(program, weights, "net.onnx", Options(target=target, optimize="deploy"))
        onnx.checker.check_model(onnx.ModelProto.FromString(b"".join(model.files["net.onnx"])))
