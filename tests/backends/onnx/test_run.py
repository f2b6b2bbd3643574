"""The runner, and weights read back out of models, good and bad ones."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import nnc
from nnc.backends import initial
from nnc.backends.base import Arrays
from nnc.backends.files import write_whole
from nnc.backends.onnx.emit import emit
from nnc.backends.onnx.optimize import Level
from nnc.backends.onnx.run import OnnxRunner, read_weights
from nnc.backends.reference.run import ReferenceRunner
from nnc.compiler.diagnostics import Failed
from nnc.compiler.explain import explanation
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary.ops.base import parse_type
from nnc.compiler.vocabulary.ops.dense import Dense
from nnc.compiler.vocabulary.ops.merge import Add
from nnc.compiler.vocabulary.ops.recurrent import LSTM
from nnc.deployment.export import Options, exported
from tests.backends.onnx.networks import Network


def dense() -> Program:
    return Program(single(Dense(units=3), (parse_type("f32[4]"),)))


def drawn(program: Program) -> Arrays:
    return dict(initial.weights(program.graph, 0))


def data(program: Program) -> bytes:
    return b"".join(emit(program, drawn(program)).chunks)


def refusal(model: bytes, program: Program) -> str:
    with pytest.raises(Failed) as failed:
        read_weights(model, program.graph)
    (diagnostic,) = failed.value.diagnostics
    assert diagnostic.code == "E609"
    assert explanation("E609")
    return diagnostic.message


def test_a_runner_computes_and_keeps_its_weights() -> None:
    program = dense()
    weights = drawn(program)
    runner = OnnxRunner(program, weights)
    x = np.arange(8.0).reshape(2, 4)
    expected = x @ weights["dense.weight"].T + weights["dense.bias"]
    np.testing.assert_allclose(runner.outputs({"x0": x})["y0"], expected, rtol=1e-5, atol=1e-6)
    assert {n: a.tobytes() for n, a in runner.weights().items()} == {
        n: a.tobytes() for n, a in weights.items()
    }


def test_a_model_is_for_evaluation() -> None:
    runner = OnnxRunner(dense(), drawn(dense()))
    assert not runner.differentiates
    with pytest.raises(NotImplementedError):
        runner.outputs({"x0": np.zeros((1, 4))}, training=True)
    with pytest.raises(NotImplementedError):
        runner.gradients({}, {})


def test_weights_are_read_from_a_file(tmp_path: Path) -> None:
    program = Program(single(LSTM(units=3, bidirectional=True), (parse_type("f32[5, 4]"),)))
    path = tmp_path / "model.onnx"
    write_whole(path, emit(program, drawn(program)).chunks)
    found = read_weights(path, program.graph)
    assert all(found[name].tobytes() == a.tobytes() for name, a in drawn(program).items())


def test_a_layer_shared_by_vectors_and_sequences_comes_back() -> None:
    net = Network(a="f32[4]", b="f32[T, 4]")
    op = Dense(units=3)
    first = net.then("fc", op, net["a"])
    second = net.then("fc_2", op, net["b"], layer="fc")
    program = net.program(y=first, z=second)
    found = read_weights(data(program), program.graph)
    assert all(found[name].tobytes() == a.tobytes() for name, a in drawn(program).items())


def test_every_truncation_is_refused() -> None:
    whole = data(dense())
    for size in range(len(whole)):
        refusal(whole[:size], dense())


def test_random_damage_is_refused_or_changes_numbers_alone() -> None:
    rng = np.random.default_rng(0)
    whole = data(dense())
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] = rng.integers(256)
        with suppress(Failed):
            found = read_weights(bytes(damaged), dense().graph)
            shapes = {name: array.shape for name, array in found.items()}
            assert shapes == {"dense.weight": (3, 4), "dense.bias": (3,)}


def _changed(change: Any) -> bytes:
    model = onnx.load_model_from_string(data(dense()))
    change(model.graph.initializer[0])
    return bytes(model.SerializeToString())


def _outside(tensor: onnx.TensorProto) -> None:
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: setattr(t, "name", "other"), "lacks `dense.weight`"),
        (lambda t: setattr(t, "data_type", 11), "float32"),
        (lambda t: setattr(t, "raw_data", b"1234"), "incomplete"),
        (lambda t: t.dims.__setitem__(0, -3), "float32"),
        (lambda t: t.dims.append(2**62), "incomplete"),
        (lambda t: t.dims.reverse(), "has shape [4, 3]"),
        (_outside, "inside the file"),
    ],
)
def test_models_with_other_tensors_are_refused(change: Any, words: str) -> None:
    assert words in refusal(_changed(change), dense())


def test_other_files_and_other_models_are_refused() -> None:
    assert "opset 0" in refusal(b"", dense())
    assert "no ONNX file" in refusal(b"\x89PNG\r\n", dense())
    other = Program(single(Add(), (parse_type("f32[4]"),) * 2))
    assert "lacks `dense.weight`" in refusal(data(other), dense())


def test_a_model_of_another_opset_number_is_refused() -> None:
    model = onnx.load_model_from_string(data(dense()))
    model.opset_import[0].version = 7
    assert "opset 7" in refusal(model.SerializeToString(), dense())


def test_what_onnxruntime_would_rewrite_wrongly_runs_in_float64() -> None:
    """It joins a Relu with the Clip behind it, in float32 alone, and fails in float64."""
    program, problems = nnc.compile_text(
        "model M { input x: f32[4] output y = x -> relu -> clip(0.25, 2) }"
    )
    assert program is not None, problems
    x = np.array([[-1.0, 0.1, 1.0, 3.0]])
    found = OnnxRunner(program, {}, "float64").outputs({"x": x})["y"]
    np.testing.assert_array_equal(found, [[0.25, 0.25, 1.0, 2.0]])
    assert found.dtype == np.float64


def test_attention_to_a_scaled_input_can_be_loaded() -> None:
    """onnxruntime would lose the scaled input when it joins two scales."""
    program, problems = nnc.compile_text(
        "model M { input x: f32[4, 6]  output y = x * 2.5 -> ScaledDotProductAttention }"
    )
    assert program is not None, problems
    x = np.random.default_rng(0).normal(size=(2, 4, 6))
    (expected,) = ReferenceRunner(program, {}).outputs({"x": x}).values()
    (found,) = OnnxRunner(program, {}).outputs({"x": x.astype(np.float32)}).values()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "layers",
    [
        "ZeroPad(1) -> MaxPool2D(3, stride=2)",
        "ZeroPad(1) -> stop_gradient -> MaxPool2D(3)",
        "ZeroPad(2) -> MaxPool2D(2, stride=1)",
        "ZeroPad(2) -> MaxPool2D(2, dilation=2, stride=1)",
        "ZeroPad(3) -> AvgPool2D(3, stride=2)",
        "ZeroPad(2) -> AvgPool2D(3, padding=1, ceil_mode=true)",
        "Permute([0, 2, 1]) -> ZeroPad(2) -> Permute([0, 2, 1]) -> MaxPool2D(2)",
    ],
)
@pytest.mark.parametrize("level", ["none", "safe", "deploy", "fused"])
def test_padding_with_zeros_stays_in_front_of_pooling(layers: str, level: Level) -> None:
    """onnxruntime would make it part of the pooling, whose maximum then doesn't see the zeros."""
    program, problems = nnc.compile_text(
        f"model M {{ input x: f32[2, 6, 5] output y = x -> {layers} }}"
    )
    assert program is not None, problems
    x = -1 - np.random.default_rng(0).random((2, 2, 6, 5), np.float32)
    (expected,) = ReferenceRunner(program, {}).outputs({"x": x}).values()
    model = exported(program, {}, "m.onnx", Options(optimize=level)).files["m.onnx"]
    (found,) = onnxruntime.InferenceSession(b"".join(model)).run(None, {"x": x})
    np.testing.assert_allclose(found, expected, rtol=1e-6)
