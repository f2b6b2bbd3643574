"""Models of other writers: what is refused, at once, with one message."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import nnc
from nnc.backends import initial
from nnc.backends.onnx.emit import emit
from nnc.backends.onnx.foreign.checks import inspected
from nnc.backends.onnx.foreign.compared import compared
from nnc.backends.onnx.foreign.session import ForeignModel
from nnc.backends.onnx.foreign.wire import LIMIT
from nnc.backends.protobuf import message
from nnc.compiler.diagnostics import Failed
from nnc.compiler.explain import explanation

WEIGHT = np.arange(6, dtype=np.float32).reshape(2, 3)


def model(**changes: Any) -> onnx.ModelProto:
    """y = x · weight, written by onnx itself."""
    node = helper.make_node("MatMul", ["x", "weight"], ["y"], name="product")
    graph = helper.make_graph(
        changes.get("nodes", [node]),
        "other",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])],
        changes.get("tensors", [numpy_helper.from_array(WEIGHT, "weight")]),
    )
    opsets = changes.get("opsets", [helper.make_opsetid("", 20)])
    made = helper.make_model(graph, opset_imports=opsets, functions=changes.get("functions", []))
    made.ir_version = changes.get("ir", 9)
    return made


def saved(folder: Path, made: onnx.ModelProto | bytes) -> Path:
    path = folder / "other.onnx"
    path.write_bytes(made if isinstance(made, bytes) else made.SerializeToString())
    return path


def refusal(path: Path) -> tuple[str, str]:
    """The code and the message of the one thing that is said, in less than a second."""
    inspected_before = time.process_time()
    with pytest.raises(Failed) as failed:
        ForeignModel(path)
    assert time.process_time() - inspected_before < 2
    (diagnostic,) = failed.value.diagnostics
    assert explanation(diagnostic.code)
    assert diagnostic.help
    return diagnostic.code, diagnostic.message


def outside(location: str, **more: str) -> TensorProto:
    tensor = TensorProto(name="weight", dims=[2, 3], data_type=1, data_location=1)
    for key, value in {"location": location, **more}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def test_a_good_model_of_another_writer_runs(tmp_path: Path) -> None:
    made = ForeignModel(saved(tmp_path, model()))
    (given,) = made.inputs
    assert (str(given), given.gaps, made.batch) == ("x: f32[2]", False, None)
    x = np.array([[1, 2], [3, 4]], np.float32)
    np.testing.assert_array_equal(made.tensors({"x": x})["y"], x @ WEIGHT)


def test_numbers_beside_it_are_read(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "numbers.bin").write_bytes(b"1234" + WEIGHT.tobytes())
    tensor = outside("parts/numbers.bin", offset="4", length="24")
    made = ForeignModel(saved(tmp_path, model(tensors=[tensor])))
    x = np.ones((1, 2), np.float32)
    np.testing.assert_array_equal(made.tensors({"x": x})["y"], x @ WEIGHT)


def test_functions_of_the_model_itself_are_operators(tmp_path: Path) -> None:
    inner = helper.make_node("MatMul", ["a", "b"], ["c"])
    function = helper.make_function(
        "mine", "Product", ["a", "b"], ["c"], [inner], [helper.make_opsetid("", 20)]
    )
    node = helper.make_node("Product", ["x", "weight"], ["y"], domain="mine")
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("mine", 1)]
    made = model(nodes=[node], functions=[function], opsets=opsets, ir=8)
    assert ForeignModel(saved(tmp_path, made)).nodes == 2


@pytest.mark.parametrize("name", ["cnn64", "tagger", "transformer"])
def test_our_own_models_are_good_ones(tmp_path: Path, root: Path, name: str) -> None:
    program, _ = nnc.compile_file(root / "specs" / "examples" / f"{name}.nn")
    assert program is not None
    weights = dict(initial.weights(program.graph, 0))
    path = saved(tmp_path, b"".join(emit(program, weights).chunks))
    read = onnx.load(str(path))
    found = inspected(path)
    assert [n.operator for n in found.nodes] == [n.op_type for n in read.graph.node]
    assert [n.inputs for n in found.nodes] == [list(n.input) for n in read.graph.node]
    assert [t.dims for t in found.tensors] == [list(t.dims) for t in read.graph.initializer]


@pytest.mark.parametrize(
    ("ir", "opset", "words"),
    [
        (2, 20, "IR version 2"),
        (99, 20, "IR version 99"),
        (9, 6, "opset 6"),
        (9, 27, "opset 27"),
        (9, 10**12, "opset 1000000000000"),
        (-1, 20, "IR version -1"),
    ],
)
def test_versions_that_are_not_read(tmp_path: Path, ir: int, opset: int, words: str) -> None:
    made = model(opsets=[helper.make_opsetid("", opset)])
    made.ir_version = ir
    code, said = refusal(saved(tmp_path, made))
    assert (code, words in said) == ("E712", True), said


FAULTS: dict[str, tuple[Callable[[Path], TensorProto], str, str]] = {
    "one folder up": (lambda f: outside("../secret.bin"), "E713", "leaves the folder"),
    "up again": (lambda f: outside("parts/../../secret.bin"), "E713", "leaves the folder"),
    "backslashes": (lambda f: outside("..\\secret.bin"), "E713", "leaves the folder"),
    "absolute": (lambda f: outside(str(f.parent / "secret.bin")), "E713", "an absolute path"),
    "a drive": (lambda f: outside("C:\\secret.bin"), "E713", "an absolute path"),
    "a link": (lambda f: outside("link.bin"), "E713", "is a link"),
    "below a link": (lambda f: outside("link/secret.bin"), "E713", "is a link"),
    "missing": (lambda f: outside("missing.bin"), "E713", "is missing"),
    "a folder": (lambda f: outside("parts"), "E713", "no ordinary file"),
    "a pipe": (lambda f: outside("pipe"), "E713", "no ordinary file"),
    "no name": (lambda f: outside(""), "E713", "no name of a file"),
    "a NUL": (lambda f: outside("a\0b"), "E713", "no name of a file"),
    "too short": (lambda f: outside("numbers.bin", offset="4"), "E714", "aren't in"),
    "another length": (lambda f: outside("numbers.bin", length="20"), "E714", "aren't in"),
    "before its start": (lambda f: outside("numbers.bin", offset="-4"), "E714", "aren't in"),
    "no number": (lambda f: outside("numbers.bin", offset="x"), "E714", "aren't in"),
    "huge": (
        lambda f: TensorProto(name="weight", dims=[2**40, 2**40], data_type=1),
        "E714",
        "declared as [1099511627776, 1099511627776]",
    ),
    "too few bytes": (
        lambda f: TensorProto(name="weight", dims=[2, 3], data_type=1, raw_data=b"1234"),
        "E714",
        "4 bytes are there, not 24",
    ),
    "a negative size": (
        lambda f: TensorProto(name="weight", dims=[-1, 3], data_type=1, raw_data=b""),
        "E714",
        "no such tensors",
    ),
    "ten thousand axes": (
        lambda f: TensorProto(name="weight", dims=[2**60] * 10_000, data_type=1),
        "E714",
        "no such tensors",
    ),
    "an element of no type": (
        lambda f: TensorProto(name="weight", dims=[2, 3], data_type=77),
        "E714",
        "no element type 77",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_tensors_that_lie(tmp_path: Path, fault: str) -> None:
    folder = tmp_path / "models"
    (folder / "parts").mkdir(parents=True)
    for place in (tmp_path / "secret.bin", folder / "numbers.bin"):
        place.write_bytes(WEIGHT.tobytes())
    (folder / "link.bin").symlink_to(folder / "numbers.bin")
    (folder / "link").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    make, code, words = FAULTS[fault]
    found, said = refusal(saved(folder, model(tensors=[make(folder)])))
    assert (found, words in said) == (code, True), said


def test_a_huge_tensor_that_a_node_makes(tmp_path: Path) -> None:
    shape = numpy_helper.from_array(np.array([10**6, 10**6]), "shape")
    weight = numpy_helper.from_array(WEIGHT, "weight")
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"], name="zeros"),
        helper.make_node("MatMul", ["x", "weight"], ["y"]),
    ]
    code, said = refusal(saved(tmp_path, model(nodes=nodes, tensors=[shape, weight])))
    assert (code, "[1000000, 1000000]" in said) == ("E714", True), said


@pytest.mark.parametrize(
    ("operator", "domain", "words"),
    [
        ("MatMal", "", "`MatMal`"),
        ("Attention", "", "`Attention`"),  # of opset 23
        ("RunCode", "evil.corp", "`evil.corp.RunCode`"),
        ("", "", "an operator without a name"),
    ],
)
def test_operators_that_nobody_knows(
    tmp_path: Path, operator: str, domain: str, words: str
) -> None:
    node = helper.make_node(operator or "Relu", ["x", "weight"], ["y"], domain=domain)
    node.op_type = operator
    opsets = [helper.make_opsetid("", 20), helper.make_opsetid("evil.corp", 1)]
    code, said = refusal(saved(tmp_path, model(nodes=[node], opsets=opsets)))
    assert (code, words in said) == ("E715", True), said


def test_operators_in_branches_are_seen_as_well(tmp_path: Path) -> None:
    inner = helper.make_graph(
        [helper.make_node("RunCode", [], ["z"], domain="evil.corp")],
        "inner",
        [],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["N", 3])],
    )
    node = helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner)
    assert refusal(saved(tmp_path, model(nodes=[node])))[0] == "E715"


def test_what_the_runtime_itself_refuses_is_told(tmp_path: Path) -> None:
    node = helper.make_node("MatMul", ["x", "nothing"], ["y"])
    code, said = refusal(saved(tmp_path, model(nodes=[node])))
    assert (code, "nothing" in said) == ("E716", True), said


def test_every_truncation_and_much_damage_is_refused_or_harmless(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = model().SerializeToString()
    for size in range(len(whole) - 8):
        with pytest.raises(Failed) as failed:
            inspected(saved(tmp_path, whole[:size]))
        assert len(failed.value.diagnostics) == 1
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] = rng.integers(256)
        with suppress(Failed):
            ForeignModel(saved(tmp_path, bytes(damaged)))
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 1000,
        b"\xff" * 1000,
        b"model M { input x: f32[2] }",
        b"\x3a\xff\xff\xff\xff\x7f",
        b"\x08\x09" * (LIMIT // 2 + 1),
        b"\x08" + b"\x80" * 100,
    ],
    ids=["empty", "zeros", "ones", "a spec", "a long length", "many parts", "a long number"],
)
def test_what_is_no_model(tmp_path: Path, data: bytes) -> None:
    assert refusal(saved(tmp_path, data))[0] == "E711"


def test_graphs_within_graphs_end(tmp_path: Path) -> None:
    graph = b""
    for _ in range(500):  # an attribute with the graph, a node with that, a graph with that
        graph = message(1, message(5, message(6, graph)))
    code, said = refusal(saved(tmp_path, message(7, graph)))
    assert (code, "too deep" in said) == ("E711", True), said


def test_what_is_no_ordinary_file(tmp_path: Path) -> None:
    for path in (Path("/dev/zero"), Path("/dev/null")):
        assert refusal(path)[0] == "E711"


def texts(known: list[str], nodes: int = 1) -> onnx.ModelProto:
    """y tells whether the texts of x are the known ones, by so many nodes."""
    stored = helper.make_tensor("known", TensorProto.STRING, [len(known)], known)
    same = [helper.make_node("Equal", ["column", "known"], [f"y{i}"]) for i in range(nodes)]
    upright = helper.make_node("Unsqueeze", ["x", "axes"], ["column"])
    graph = helper.make_graph(
        [upright, *same],
        "texts",
        [helper.make_tensor_value_info("x", TensorProto.STRING, ["N"])],
        [helper.make_tensor_value_info("y0", TensorProto.BOOL, ["N", len(known)])],
        [stored, numpy_helper.from_array(np.array([1]), "axes")],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    made.ir_version = 9
    return made


def test_a_model_takes_texts_and_says_which_it_knows(tmp_path: Path) -> None:
    made = ForeignModel(saved(tmp_path, texts(["red", "größer", ""])))
    assert [str(given) for given in made.inputs] == ["x: text"]
    assert made.compared == {"x": ["red", "größer", ""]}
    for kind in (object, str):
        found = made.tensors({"x": np.array(["größer", "blue"], kind)})
        assert found["y0"].tolist() == [[False, True, False], [False, False, False]]


def test_only_the_first_of_many_texts_are_read(tmp_path: Path) -> None:
    many = [f"text {i}" for i in range(100_000)]
    found = inspected(saved(tmp_path, texts(many)))
    tensor = next(tensor for tensor in found.tensors if tensor.name == "known")
    assert (tensor.strings, tensor.texts) == (100_000, many[:16])
    began = time.process_time()
    assert len(compared(inspected(saved(tmp_path, texts(many[:9], 20_000))))["x"]) == 180_000
    assert time.process_time() - began < 2


def test_what_is_no_tensor_is_refused(tmp_path: Path) -> None:
    made = model()
    made.graph.input[0].CopyFrom(
        helper.make_tensor_sequence_value_info("x", TensorProto.FLOAT, ["N", 2])
    )
    code, said = refusal(saved(tmp_path, made))
    assert (code, "has no tensor of numbers or texts" in said) == ("E716", True), said


def test_an_output_that_is_no_tensor_is_refused(tmp_path: Path) -> None:
    made = model(
        nodes=[
            helper.make_node("MatMul", ["x", "weight"], ["product"]),
            helper.make_node("ReduceSum", ["product"], ["sum"]),
            helper.make_node("SequenceConstruct", ["product", "sum"], ["y"]),
        ]
    )
    made.graph.output[0].CopyFrom(
        helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, None)
    )
    found = ForeignModel(saved(tmp_path, made))
    inputs = {"x": np.ones((2, 2), np.float32)}
    assert len(found.run(inputs)["y"]) == 2
    with pytest.raises(Failed, match="the output `y` of other"):
        found.tensors(inputs)
