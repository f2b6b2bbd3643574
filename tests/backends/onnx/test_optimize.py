"""What rewriting a model keeps, bit by bit or to rounding, and what it takes away."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

import nnc
from nnc.backends.base import Arrays
from nnc.backends.onnx.emit import drawn
from nnc.backends.onnx.graph import OnnxGraph, written
from nnc.backends.onnx.optimize import Level, optimize
from nnc.backends.onnx.targets import TARGETS
from nnc.compiler.ir import Program
from nnc.compiler.vocabulary.ops.base import Op
from nnc.compiler.vocabulary.ops.conv import Conv1D, Conv2D
from nnc.compiler.vocabulary.ops.conv_transpose import ConvTranspose2D
from nnc.compiler.vocabulary.ops.dense import Dense
from nnc.compiler.vocabulary.ops.merge import Multiply
from nnc.compiler.vocabulary.ops.normalization import BatchNorm
from nnc.compiler.vocabulary.ops.recurrent import GRU, LSTM
from nnc.verify import sample
from tests.backends.onnx.networks import Network
from tests.matrix.examples import cases, random_weights

ROLLED_OUT = """\
model Normal {
  input x: f32[5, 6]
  mean = x -> mean(axes=-1, keep_axes=true)
  apart = x - mean
  variance = apart * apart -> mean(axes=-1, keep_axes=true)
  output y = apart / (variance + 0.001 -> sqrt)
}
"""
BENT = """\
model Bent {
  input x: f32[7]
  output y = 0.5 * x * (1 + (0.7978845608028654 * (x + 0.044715 * x ** 3) -> tanh))
}
"""


def compiled(text: str) -> Program:
    program, found = nnc.compile_text(text)
    assert program is not None, found
    return program


def graph_of(program: Program, level: Level, weights: Arrays, opset: int = 20) -> OnnxGraph:
    graph = drawn(program, weights, opset=opset)
    optimize(graph, level)
    return graph


def run(graph: OnnxGraph, inputs: Arrays) -> list[Any]:
    data = b"".join(written(graph, "test").whole)
    onnx.checker.check_model(onnx.load_model_from_string(data), full_check=True)
    options = onnxruntime.SessionOptions()
    # The runtime's own rewriting would hide what ours does.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    results: list[Any] = session.run(None, dict(inputs))
    return results


def kinds(graph: OnnxGraph) -> Counter[str]:
    return Counter(node.operator for node in graph.nodes)


def compare(program: Program, level: Level, opset: int = 20) -> tuple[OnnxGraph, OnnxGraph]:
    """Plain and rewritten model: `safe` gives the same bits, `deploy` the same to rounding."""
    rng = np.random.default_rng(0)
    inputs = sample.inputs(program.graph, 3, rng)
    weights = sample.weights(program.graph, 1)
    plain = graph_of(program, "none", weights, opset)
    expected = run(plain, inputs)
    made = graph_of(program, level, weights, opset)
    for one, other in zip(run(made, inputs), expected, strict=True):
        if level in ("deploy", "fused"):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-6)
        else:
            np.testing.assert_array_equal(one, other)
    return plain, made


def test_every_word_keeps_its_meaning() -> None:
    rng = np.random.default_rng(3)
    changed = 0
    for case in cases():
        inputs = case.inputs(case.sizes()[-1], rng)
        taken = {n: a.astype(np.float32) if a.dtype == float else a for n, a in inputs.items()}
        weights = random_weights(case.graph, rng)
        plain = drawn(case.program, weights, opset=20)
        made = graph_of(case.program, "deploy", weights)
        if [n.operator for n in made.nodes] == [n.operator for n in plain.nodes]:
            continue
        changed += 1
        for one, other in zip(run(made, taken), run(plain, taken), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-6, err_msg=case.name)
    assert changed > 5


def test_none_changes_nothing() -> None:
    program = compiled(
        "model M { input x: f32[3, 8, 8] output y = x -> Conv2D(4, 3) -> BatchNorm }"
    )
    plain, made = compare(program, "none")
    assert [n.name for n in made.nodes] == [n.name for n in plain.nodes]


def normed(op: Op, shape: str) -> Program:
    net = Network(x=shape)
    return net.program(y=net.then("norm", BatchNorm(), net.then("layer", op, net["x"])))


@pytest.mark.parametrize(
    ("op", "shape"),
    [
        (Conv2D(filters=6, kernel=3, groups=2), "f32[4, 7, 6]"),
        (Conv2D(filters=6, kernel=3, bias=False), "f32[4, 7, 6]"),
        (Conv1D(filters=5, kernel=3, flip=True), "f32[4, 9]"),
        (ConvTranspose2D(filters=6, kernel=3, groups=2), "f32[4, 5, 6]"),
        (ConvTranspose2D(filters=5, kernel=3, bias=False), "f32[4, 5, 6]"),
        (Dense(units=5), "f32[4]"),
    ],
)
def test_batch_norm_becomes_part_of_the_layer_before(op: Op, shape: str) -> None:
    plain, made = compare(normed(op, shape), "deploy")
    assert "BatchNormalization" in kinds(plain)
    assert [(n.operator, n.name) for n in made.nodes] == [(plain.nodes[0].operator, "layer")]


def test_batch_norm_stays_where_the_layer_is_used_twice() -> None:
    net = Network(x="f32[3, 6, 6]")
    conv = net.then("conv", Conv2D(filters=4, kernel=3), net["x"])
    norm = net.then("norm", BatchNorm(), conv)
    _, made = compare(net.program(y=norm, z=conv), "deploy")
    assert kinds(made)["BatchNormalization"] == 1


def test_a_shared_weight_is_folded_for_each_use_apart() -> None:
    net = Network(a="f32[4]", b="f32[4]")
    op = Dense(units=3)
    first = net.then("norm", BatchNorm(), net.then("fc", op, net["a"]))
    second = net.then("fc_2", op, net["b"], layer="fc")
    _, made = compare(net.program(y=first, z=second), "deploy")
    assert kinds(made) == {"Gemm": 2}
    assert len(made.tensors) == 4


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("op", [LSTM, GRU])
def test_between_recurrent_layers_time_stays_first(op: Any, bidirectional: bool) -> None:
    net = Network(x="f32[T, 3]")
    value = net["x"]
    for number in range(3):
        layer = op(units=4, bidirectional=bidirectional, return_sequences=True)
        value = net.then(f"rnn{number}", layer, value)
    plain, made = compare(net.program(y=value), "safe")
    assert kinds(plain)["Transpose"] == 6
    # One in front and one behind; both directions have to be brought together between two layers.
    assert kinds(made)["Transpose"] == (4 if bidirectional else 2)


def test_what_is_known_beforehand_is_computed_beforehand() -> None:
    program = compiled(
        "model M { input x: f32[6, 8] output y = x -> MultiHeadAttention(heads=2, causal=true) }"
    )
    plain, made = compare(program, "safe")
    assert kinds(plain) - kinds(made) == {"Unsqueeze": 1, "GreaterOrEqual": 1}


def test_a_layer_norm_that_was_written_out_is_one_operator() -> None:
    plain, made = compare(compiled(ROLLED_OUT), "deploy")
    assert len(plain.nodes) > 5
    assert kinds(made) == {"LayerNormalization": 1}


def test_a_gelu_that_was_written_out_is_one_operator() -> None:
    plain, made = compare(compiled(BENT), "deploy")
    assert len(plain.nodes) > 5
    assert kinds(made) == {"Gelu": 1}
    _, older = compare(compiled(BENT), "deploy", opset=18)
    assert "Tanh" in kinds(older)


@pytest.mark.parametrize("change", ["0.5", "0.044715", "** 3", "1 +"])
def test_what_is_nearly_a_gelu_is_none(change: str) -> None:
    other = {"0.5": "0.51", "0.044715": "0.0447", "** 3": "** 2", "1 +": "2 +"}[change]
    _, made = compare(compiled(BENT.replace(change, other, 1)), "deploy")
    assert "Gelu" not in kinds(made)


def test_what_doubles_at_every_step_takes_no_time() -> None:
    net = Network(x="f32[2]")
    value = net["x"]
    for number in range(60):
        value = net.then(f"square{number}", Multiply(), value, value)
    compare(net.program(y=value), "deploy")


# ---- operators that onnxruntime alone has ------------------------------------------------------


@pytest.mark.parametrize(
    "bent",
    ["relu", "sigmoid", "tanh", "LeakyReLU(0.3)", "HardSigmoid", "relu6", "clip(-0.5, 0.25)"],
)
@pytest.mark.parametrize("bias", ["true", "false"])
def test_an_activation_becomes_part_of_the_convolution(bent: str, bias: str) -> None:
    layer = f"Conv2D(4, 3, bias={bias})"
    text = f"model M {{ input x: f32[3, 6, 5] output y = x -> {layer} -> {bent} }}"
    _, made = compare(compiled(text), "fused")
    assert kinds(made) == {"FusedConv": 1}


@pytest.mark.parametrize(
    ("bent", "expected"),
    [
        ("relu", {"FusedGemm": 1}),
        ("sigmoid", {"FusedGemm": 1}),
        ("tanh", {"FusedGemm": 1}),
        ("LeakyReLU(0.3)", {"FusedGemm": 1}),
        ("HardSigmoid", {"Gemm": 1, "HardSigmoid": 1}),
        ("relu6", {"Gemm": 1, "Clip": 1}),
    ],
)
def test_an_activation_becomes_part_of_the_product(bent: str, expected: dict[str, int]) -> None:
    text = f"model M {{ input x: f32[5] output y = x -> Dense(4) -> {bent} }}"
    _, made = compare(compiled(text), "fused")
    assert kinds(made) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("output y = x + (x -> Conv2D(3, 3, padding=1)) -> relu", {"FusedConv": 1}),
        ("output y = (x -> Conv2D(3, 3, padding=1, bias=false)) + x", {"FusedConv": 1}),
        (
            "output y = (x -> Conv2D(4, 1)) + (x -> Conv2D(4, 3, padding=1)) -> tanh",
            {"Conv": 1, "FusedConv": 1},
        ),
        ("c = x -> Conv2D(4, 3)\n output y = c + c -> relu", {"Conv": 1, "Add": 1, "Relu": 1}),
        (
            "c = x -> Conv2D(4, 3)\n output y = c -> relu\n output z = c -> tanh",
            {"Conv": 1, "Relu": 1, "Tanh": 1},
        ),
        ("output c = x -> Conv2D(4, 3)\n output y = c -> relu", {"Conv": 1, "Relu": 1}),
        (
            "output y = (x -> Conv2D(3, 1)) + (x -> mean(axes=[-1, -2], keep_axes=true)) -> relu",
            {"Conv": 1, "ReduceMean": 1, "Add": 1, "Relu": 1},
        ),
        ("output y = x -> Conv2D(4, 3) -> relu -> relu6", {"FusedConv": 1, "Clip": 1}),
    ],
)
def test_what_is_added_between_and_what_stays_apart(lines: str, expected: dict[str, int]) -> None:
    text = f"model M {{\n input x: f32[3, 6, 5]\n {lines}\n}}"
    _, made = compare(compiled(text), "fused")
    assert kinds(made) == expected


# ---- what onnxruntime computes faster ----------------------------------------------------------

ENCODER = """\
model Encoder {
  layout channels_last
  input x: f32[5, 8]
  output y = x -> for i in 0..2 { TransformerEncoder(2, 12, activation=gelu) } as layers
}
"""


def test_an_encoder_in_the_form_that_processors_like() -> None:
    program = compiled(ENCODER)
    weights = sample.weights(program.graph, 1)
    inputs = sample.inputs(program.graph, 3, np.random.default_rng(0))
    plain = graph_of(program, "deploy", weights)
    made = graph_of(program, "deploy", weights)
    for rewrite in TARGETS["ort"].tuned:
        rewrite(made)
    (found,), (expected,) = run(made, inputs), run(plain, inputs)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=2e-6)
    assert kinds(plain)["Split"] == kinds(plain)["Mul"] == 2
    assert kinds(made) & Counter({"Split": 1, "Mul": 1}) == {}
    assert kinds(made)["Sum"] == 6
    assert kinds(made)["MatMul"] == kinds(plain)["MatMul"] + 4


@pytest.mark.parametrize(
    ("lines", "folded"),
    [
        ("d = x -> Dense(6)\n  y = d * 3", True),
        ("d = x -> Dense(6)\n  y = d * 3 + d", False),  # two uses of the product
        ("d = x -> Dense(6)\n  y = d * x", False),  # no number
        ("d = x -> Dense(6) -> relu\n  y = d * 3", False),  # not only moved
        ("d = x -> Dense(6) -> Permute([1, 0]) -> Permute([1, 0])\n  y = d * 3", True),
    ],
)
def test_a_scale_is_folded_where_it_can_be(lines: str, folded: bool) -> None:
    made = tuned_keeps(
        compiled(f"model M {{\n  input x: f32[5, 6]\n  {lines}\n  output z = y -> tanh\n}}")
    )
    assert ("Mul" not in kinds(made)) == folded


def test_a_scale_that_is_an_output_stays() -> None:
    text = "model M {\n  input x: f32[5, 6]\n  d = x -> Dense(6)\n  output y = d * 3\n}"
    assert kinds(tuned_keeps(compiled(text)))["Mul"] == 1


def test_a_split_of_a_shared_projection_keeps_its_meaning() -> None:
    text = """model M {
      input x: f32[5, 6]
      output y = x -> Dense(8) -> GLU
      output z = x -> Dense(8, bias=false) -> GLU
    }"""
    made = tuned_keeps(compiled(text))
    assert kinds(made)["Split"] == 0
    assert kinds(made)["MatMul"] == 4


def tuned_keeps(program: Program) -> OnnxGraph:
    weights = sample.weights(program.graph, 1)
    inputs = sample.inputs(program.graph, 3, np.random.default_rng(0))
    made = graph_of(program, "deploy", weights)
    expected = run(graph_of(program, "none", weights), inputs)
    for rewrite in TARGETS["ort"].tuned:
        rewrite(made)
    for one, other in zip(run(made, inputs), expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-6)
    return made
