"""What a model looks like: names, sizes, versions, bytes."""

from __future__ import annotations

import subprocess
import sys
import timeit
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

import nnc
from nnc.backends import initial
from nnc.backends.onnx import model as format_of_models
from nnc.backends.onnx.emit import emit
from nnc.backends.onnx.run import OnnxRunner
from nnc.compiler.diagnostics import Failed
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary.ops.activation import Identity, Relu
from nnc.compiler.vocabulary.ops.attention import MultiHeadAttention
from nnc.compiler.vocabulary.ops.base import parse_type
from nnc.compiler.vocabulary.ops.conv import Conv2D
from nnc.compiler.vocabulary.ops.dense import Dense
from nnc.compiler.vocabulary.ops.regularization import Dropout
from tests.backends.onnx.networks import Network


def data(program: Program, **options: Any) -> bytes:
    weights: Any = initial.weights(program.graph, program.seed)
    return b"".join(emit(program, weights, **options).chunks)


def built(program: Program, **options: Any) -> onnx.ModelProto:
    model = onnx.load_model_from_string(data(program, **options))
    onnx.checker.check_model(model, full_check=True)
    return model


def classifier() -> Program:
    net = Network(x="f32[4]")
    hidden = net.then("fc1", Dense(units=8), net["x"])
    dropped = net.then("drop", Dropout(), net.then("relu", Relu(), hidden))
    return net.program(logits=net.then("fc2", Dense(units=3), dropped))


def of_file(path: Path) -> Program:
    program, _ = nnc.compile_file(path)
    assert program is not None
    return program


def sizes(value: onnx.ValueInfoProto) -> list[int | str]:
    return [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]


def test_names_are_those_of_the_spec() -> None:
    graph = built(classifier()).graph
    assert [(n.op_type, n.name) for n in graph.node] == [
        ("Gemm", "fc1"),
        ("Relu", "relu"),
        ("Gemm", "fc2"),
    ]
    assert [list(n.output) for n in graph.node] == [["fc1"], ["relu"], ["logits"]]
    assert [i.name for i in graph.initializer] == [
        *("fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias")
    ]
    assert graph.name == "Network"
    assert [sizes(v) for v in (*graph.input, *graph.output)] == [["batch", 4], ["batch", 3]]


@pytest.mark.parametrize(("opset", "ir"), [(18, 8), (20, 9), (22, 10), (23, 11), (26, 13)])
def test_versions_are_those_that_runtimes_of_their_time_read(opset: int, ir: int) -> None:
    model = built(classifier(), opset=opset)
    assert model.ir_version == ir
    assert [(o.domain, o.version) for o in model.opset_import] == [("", opset)]
    assert (model.producer_name, model.producer_version) == ("nnc", nnc.__version__)


def test_the_default_is_opset_20() -> None:
    assert built(classifier()).opset_import[0].version == 20


@pytest.mark.parametrize("opset", [17, 27])
def test_other_opsets_are_refused(opset: int) -> None:
    with pytest.raises(ValueError, match=str(opset)):
        data(classifier(), opset=opset)


def test_the_same_program_gives_the_same_bytes_in_every_process(root: Path) -> None:
    script = """
import sys
import timeit
from nnc.backends import initial
from nnc.backends.onnx.emit import emit
from tests.backends.onnx.test_model import classifier
program = classifier()
chunks = emit(program, initial.weights(program.graph, 0)).chunks
sys.stdout.buffer.write(b"".join(chunks))
"""
    run = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, check=True)
    assert run.stdout == data(classifier())


def test_the_bytes_are_those_that_onnx_itself_writes() -> None:
    written = data(classifier())
    model = onnx.load_model_from_string(written)
    assert model.SerializeToString(deterministic=True) == written
    weights = initial.weights(classifier().graph, 0)
    for tensor in model.graph.initializer:
        np.testing.assert_array_equal(onnx.numpy_helper.to_array(tensor), weights[tensor.name])


def test_large_weights_are_not_copied() -> None:
    large = Program(single(Dense(units=300), (parse_type("f32[400]"),)))
    arrays: Any = initial.weights(large.graph, 0)
    memory = [c for c in emit(large, arrays).chunks if isinstance(c, memoryview)]
    assert any(np.shares_memory(np.asarray(m), arrays["dense.weight"]) for m in memory)


def test_a_symbol_called_batch_is_not_the_batch() -> None:
    net = Network(x="f32[batch, 3]")
    program = net.program(y=net.then("relu", Relu(), net["x"]))
    assert sizes(built(program).graph.input[0]) == ["batch_2", "batch", 3]


def test_symbols_keep_their_names() -> None:
    net = Network(x="f32[3, H, W]")
    conv = net.then("conv", Conv2D(filters=4, kernel=3), net["x"])
    assert sizes(built(net.program(y=conv)).graph.output[0]) == [
        "batch",
        4,
        "H - 2",
        "W - 2",
    ]


def test_an_inner_value_gives_way_to_an_output_of_its_name() -> None:
    net = Network(x="f32[3]")
    first = net.then("y", Relu(), net["x"])
    graph = built(net.program(y=net.then("z", Relu(), first), z=first)).graph
    assert [list(n.output) for n in graph.node] == [["z"], ["y"]]
    assert [n.name for n in graph.node] == ["y", "z"]


def test_an_inner_value_gives_way_to_a_weight_of_its_name() -> None:
    net = Network(x="f32[3]")
    dense = net.then("fc", Dense(units=3), net["x"])
    inner = net.then("fc.weight", Relu(), dense)
    graph = built(net.program(y=net.then("out", Relu(), inner))).graph
    assert [list(n.output) for n in graph.node] == [["fc"], ["fc.weight_2"], ["y"]]


def test_one_value_may_be_several_outputs_and_an_input_one() -> None:
    net = Network(x="f32[3]")
    kept = net.then("same", Identity(), net["x"])
    relu = net.then("relu", Relu(), net["x"])
    program = net.program(a=relu, b=relu, c=kept)
    built(program)
    x = np.array([[-1, 0, 2]], np.float32)
    found = OnnxRunner(program, {}).outputs({"x": x})
    np.testing.assert_array_equal(found["a"], [[0, 0, 2]])
    np.testing.assert_array_equal(found["b"], [[0, 0, 2]])
    np.testing.assert_array_equal(found["c"], x)


def test_a_shared_layer_is_stored_once() -> None:
    net = Network(a="f32[4]", b="f32[4]")
    op = Dense(units=3)
    first = net.then("fc", op, net["a"])
    second = net.then("fc_2", op, net["b"], layer="fc")
    graph = built(net.program(y=first, z=second)).graph
    assert [i.name for i in graph.initializer] == ["fc.weight", "fc.bias"]
    assert [n.name for n in graph.node] == ["fc", "fc_2"]


@pytest.mark.parametrize("layout", ["channels_first", "channels_last"])
def test_axes_are_moved_only_where_two_worlds_meet(layout: Any) -> None:
    first = layout == "channels_first"
    net = Network(x="f32[3, 8, 8]" if first else "f32[8, 8, 3]")
    value = net["x"]
    for number in range(3):
        value = net.then(f"conv{number}", Conv2D(filters=4, kernel=2, layout=layout), value)
        value = net.then(f"relu{number}", Relu(), value)
    counted = Counter(n.op_type for n in built(net.program(y=value)).graph.node)
    assert counted["Conv"] == 3
    assert counted["Transpose"] == (0 if first else 2)


def test_no_padding_is_left_to_the_runtime() -> None:
    program = Program(
        single(Conv2D(filters=2, kernel=3, padding="same"), (parse_type("f32[3, 6, 6]"),))
    )
    (node,) = built(program).graph.node
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    assert "auto_pad" not in attributes
    assert attributes["pads"] == [1, 1, 1, 1]


def test_attention_is_one_operator_where_there_is_one() -> None:
    program = Program(single(MultiHeadAttention(heads=2, causal=True), (parse_type("f32[T, 4]"),)))
    assert "Attention" not in {n.op_type for n in built(program, opset=20).graph.node}
    kinds = Counter(n.op_type for n in built(program, opset=23).graph.node)
    assert kinds == {"MatMul": 2, "Add": 2, "Split": 1, "Attention": 1}


def test_an_input_and_an_output_of_one_name_are_refused() -> None:
    net = Network(x="f32[3]")
    with pytest.raises(Failed) as failed:
        data(net.program(x=net.then("relu", Relu(), net["x"])))
    assert [d.code for d in failed.value.diagnostics] == ["E702"]


@pytest.mark.parametrize("dtype", ["f16", "bf16", "f64"])
def test_other_precisions_are_refused(dtype: str) -> None:
    net = Network(x=f"{dtype}[3]")
    with pytest.raises(Failed) as failed:
        data(net.program(y=net.then("relu", Relu(), net["x"])))
    (diagnostic,) = failed.value.diagnostics
    assert (diagnostic.code, diagnostic.help) == ("E704", "declare it as `f32[3]`")


def test_a_model_beyond_the_limit_of_the_format_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(format_of_models, "MAXIMUM_BYTES", 1200)
    with pytest.raises(Failed) as failed:
        data(classifier())
    assert [d.code for d in failed.value.diagnostics] == ["E703"]


@pytest.mark.parametrize("where", ["examples", "curriculum"])
def test_specs_give_valid_quiet_models(
    where: str, root: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in sorted((root / "specs" / where).glob("*.nn")):
        program = of_file(path)
        built(program)
        built(program, opset=23)
        OnnxRunner(program, dict(initial.weights(program.graph, program.seed)))
    assert capfd.readouterr().err == ""


def test_importing_the_emitter_loads_no_onnx(root: Path) -> None:
    script = "import nnc.backends.onnx.run, sys; print({'onnx', 'onnxruntime'} & set(sys.modules))"
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "set()"


def test_time_grows_with_the_number_of_nodes_and_not_faster() -> None:
    def seconds(nodes: int) -> float:
        net = Network(x="f32[4]")
        value = net["x"]
        for number in range(nodes):
            value = net.then(f"relu{number}", Relu(), value)
        program = net.program(y=value)
        return min(timeit.repeat(lambda: emit(program, {}), number=1, repeat=3))

    assert seconds(8000) < 8 * 4 * seconds(1000)
