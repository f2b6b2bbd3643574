"""The other verbs: what they write, where, and what they refuse."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

import nnc as package
from nnc import summary, templates
from nnc.backends import initial, weights
from nnc.plot.dot import quoted
from tests.cli.conftest import XOR, Nnc, contents, process

CLASSIC = "model M { input x: f32[6]  output y = x -> Dense(9) -> sigmoid -> Dense(4) }"
IMAGES = """\
model Images {
  input  x: f32[3, 32, 32]
  output y = x -> Conv2D(8, 3, padding=1, bias=false) as conv -> BatchNorm -> relu -> MaxPool2D(2)
    -> Conv2D(16, 3, stride=2) -> GlobalAvgPool -> Dense(10)
}
"""


def program(text: str) -> package.compiler.ir.Program:
    made, diagnostics = package.compile_text(text)
    assert made is not None, diagnostics
    return made


# ---- summary -----------------------------------------------------------------------------------


def test_a_summary_counts_what_the_lecture_counts(nnc: Nnc, folder: Path) -> None:
    (folder / "classic.nn").write_text(CLASSIC)
    found = json.loads(nnc("summary", "--format", "json", "classic.nn").stdout)
    assert [row["trained"] for row in found["rows"]] == [63, 0, 40]
    assert found["parameters"] == 103
    assert found["multiply_adds"] == 6 * 9 + 9 * 4
    assert found["weight_bytes"] == 4 * 103
    assert found["activation_bytes"] == 4 * (6 + 9 + 9 + 4)
    assert found["peak_bytes"] == 4 * (9 + 9)
    text = nnc("summary", "classic.nn").stdout
    assert re.search(r"dense +Dense +f32\[9\] +63 +54\n", text)
    assert "103 (103 trained, 0 not)" in text


def test_a_summary_of_images_tells_what_is_seen() -> None:
    found = {row.name: row for row in summary.summarize(program(IMAGES)).rows}
    assert found["conv"].field == (3, 3)
    assert found["batch_norm"].field == (3, 3)
    assert found["max_pool2d"].field == (4, 4)
    assert found["conv2d"].field == (8, 8)
    assert found["dense"].field is None
    assert (found["batch_norm"].trained, found["batch_norm"].not_trained) == (16, 16)


def test_a_summary_counts_shared_weights_once_and_frozen_ones_apart() -> None:
    text = """model M {
      input a: f32[4]
      input b: f32[4]
      layer one = Dense(4)
      output y = (a -> one) + (b -> one) -> Dense(2, trainable=false)
    }"""
    found = summary.summarize(program(text))
    assert (found.trained, found.not_trained) == (20, 10)
    assert found.multiply_adds == 16 + 16 + 8


def test_a_summary_says_which_sizes_are_free() -> None:
    text = "model M { input x: i64[T]  output y = x -> Embedding(10, 3) }"
    found = summary.summarize(program(text))
    assert found.free == ("T",)
    assert "T, counted as 1" in summary.to_text(found)


# ---- fmt ---------------------------------------------------------------------------------------

UNTIDY = "model M{input x:f32[4] # in\n output y=x->Linear(out_features=3,use_bias=false)->ReLU}"
TIDY = """\
model M {
  input  x: f32[4]  # in
  output y = x -> Dense(units=3, bias=false) -> relu
}
"""


def test_fmt_writes_in_place_only_what_changes(nnc: Nnc, folder: Path) -> None:
    (folder / "a.nn").write_text(UNTIDY)
    check = nnc("fmt", "--check", "a.nn")
    assert (check.exit_code, check.stdout, check.stderr) == (1, "", "would change: a.nn\n")
    diff = nnc("fmt", "--diff", "a.nn")
    assert (diff.exit_code, "+  input  x: f32[4]  # in" in diff.stdout) == (1, True)
    assert (folder / "a.nn").read_text() == UNTIDY
    assert nnc("fmt", "a.nn").exit_code == 0
    assert (folder / "a.nn").read_text() == TIDY
    before = (folder / "a.nn").stat()
    assert (nnc("fmt", "a.nn").exit_code, nnc("fmt", "--check", "a.nn").exit_code) == (0, 0)
    assert (folder / "a.nn").stat() == before


def test_fmt_goes_from_stdin_to_stdout(nnc: Nnc) -> None:
    result = nnc("fmt", "-", input=UNTIDY)
    assert (result.exit_code, result.stdout, result.stderr) == (0, TIDY, "")


def test_fmt_leaves_a_file_with_mistakes_alone(nnc: Nnc, folder: Path) -> None:
    (folder / "a.nn").write_text("model M { input")
    assert nnc("fmt", "a.nn").exit_code == 1
    assert (folder / "a.nn").read_text() == "model M { input"


def test_fmt_keeps_the_names_of_files_that_are_used(nnc: Nnc, folder: Path) -> None:
    blocks = "block reshape(n) {\n  input x\n  output y = x -> Dense(n)\n}\n"
    (folder / "blocks.nn").write_text(blocks, encoding="utf-8")
    text = 'use "blocks.nn"\n\nmodel M {\n  input  x: f32[4]\n  output y = x -> reshape(3)\n}\n'
    (folder / "a.nn").write_text(text, encoding="utf-8")
    assert nnc("fmt", "--check", "a.nn").exit_code == 0
    (folder / "blocks.nn").unlink()
    assert nnc("fmt", "--check", "a.nn").exit_code == 0
    alone = text.replace('use "blocks.nn"\n\n', "").replace("reshape(3)", "reshape([2, 2])")
    (folder / "a.nn").write_text(alone, encoding="utf-8")
    assert nnc("fmt", "a.nn").exit_code == 0
    assert "Reshape([2, 2])" in (folder / "a.nn").read_text(encoding="utf-8")


def test_fmt_keeps_the_names_that_a_spec_gives(nnc: Nnc) -> None:
    text = "block Linear(out_features) { input x  output y = x -> Dense(out_features) }\n"
    text += "model M { input x: f32[4]  output y = x -> Linear(out_features=3) }"
    shown = nnc("fmt", "-", input=text).stdout
    assert "Linear(out_features=3)" in shown


def test_conversion_to_json_and_back_is_exact(nnc: Nnc, folder: Path) -> None:
    first = nnc("fmt", "--to", "json", "xor.nn")
    assert (first.exit_code, json.loads(first.stdout)["name"]) == (0, "Xor")
    (folder / "a.json").write_text(first.stdout)
    back = nnc("fmt", "--to", "nn", "a.json")
    (folder / "b.nn").write_text(back.stdout)
    assert nnc("fmt", "--to", "json", "b.nn").stdout == first.stdout
    assert nnc("fmt", "--check", "a.json").exit_code == 0


# ---- compile -----------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["torch", "keras"])
def test_source_goes_to_stdout_and_the_same_to_a_file(nnc: Nnc, folder: Path, backend: str) -> None:
    shown = nnc("compile", "xor.nn", "--backend", backend)
    assert (shown.exit_code, shown.stderr) == (0, "")
    assert nnc("compile", "xor.nn", "--backend", backend, "-o", "net.py").exit_code == 0
    assert (folder / "net.py").read_text() == shown.stdout
    made = weights.read(folder / "net.safetensors", program(XOR).graph)
    drawn = initial.weights(program(XOR).graph, 0)
    assert all(np.array_equal(made[name], drawn[name]) for name in drawn)


def test_another_seed_draws_other_weights(nnc: Nnc, folder: Path) -> None:
    nnc("compile", "xor.nn", "--backend", "torch", "-o", "net.py", "--seed", "7")
    made = weights.read(folder / "net.safetensors", program(XOR).graph)
    drawn = initial.weights(program(XOR).graph, 7)
    assert all(np.array_equal(made[name], drawn[name]) for name in drawn)


def test_trained_weights_are_never_overwritten(nnc: Nnc, folder: Path) -> None:
    graph = program(XOR).graph
    trained = {name: array + 1 for name, array in initial.weights(graph, 3).items()}
    weights.write(folder / "net.safetensors", trained)
    before = contents(folder)
    refused = nnc("compile", "xor.nn", "--backend", "torch", "-o", "net.py")
    assert (refused.exit_code, "would be lost" in refused.stderr) == (2, True)
    assert contents(folder) == before
    used = nnc(
        "compile", "xor.nn", "--backend", "torch", "-o", "net.py", "--weights", "net.safetensors"
    )
    assert used.exit_code == 0
    assert (folder / "net.safetensors").read_bytes() in before.values()


def test_an_onnx_model_with_given_weights(nnc: Nnc, folder: Path) -> None:
    import onnxruntime

    nnc("compile", "xor.nn", "--backend", "torch", "-o", "net.py", "--seed", "5")
    made = nnc(
        *("compile", "xor.nn", "--backend", "onnx", "-o", "net.onnx"),
        *("--weights", "net.safetensors", "--opset", "18"),
    )
    assert (made.exit_code, made.stdout) == (0, "")
    session = onnxruntime.InferenceSession(folder / "net.onnx")
    piped = nnc("compile", "xor.nn", "--backend", "onnx", "--seed", "5", "--opset", "18")
    assert piped.stdout_bytes == (folder / "net.onnx").read_bytes()
    assert [value.name for value in session.get_outputs()] == ["p"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--backend", "onnx", "-o", "a.onnx", "--opset", "99"), "goes from 18 to 26"),
        (("--backend", "torch", "--opset", "20"), "is for `--backend onnx`"),
        (("--backend", "onnx", "-o", "w", "--weights", "w"), "is read here"),
        (("--backend", "onnx", "-o", "a.onnx", "--weights", "none"), "can't read none"),
    ],
)
def test_what_compile_refuses(nnc: Nnc, folder: Path, options: tuple[str, ...], words: str) -> None:
    (folder / "w").write_bytes(b"")
    before = contents(folder)
    result = nnc("compile", "xor.nn", *options)
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr
    assert contents(folder) == before


def test_a_binary_model_is_not_written_to_a_terminal(
    nnc: Nnc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nnc.cli.compile.is_terminal", lambda: True)
    for output in ([], ["-o", "-"]):
        result = nnc("compile", "xor.nn", "--backend", "onnx", *output)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "not for a terminal" in result.stderr


def test_weights_that_do_not_fit_are_findings(nnc: Nnc, folder: Path) -> None:
    weights.write(folder / "w.safetensors", {"dense.weight": np.zeros((2, 2), np.float32)})
    result = nnc(
        "compile", "xor.nn", "--backend", "onnx", "-o", "a.onnx", "--weights", "w.safetensors"
    )
    assert (result.exit_code, "error[E602]" in result.stderr) == (1, True)
    assert not (folder / "a.onnx").exists()


def test_a_backend_that_is_not_installed(nnc: Nnc, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnc.backends.registry.find_spec", lambda name: None)
    for arguments in (
        ("predict", "xor.nn", "--input", "x.csv", "--backend", "torch"),
        ("verify", "xor.nn", "--backend", "torch"),
    ):
        result = nnc(*arguments)
        assert (result.exit_code, "pip install 'nnc[torch]'" in result.stderr) == (2, True)


# ---- predict -----------------------------------------------------------------------------------

TWO = """\
model Two {
  input  a: f32[2]
  input  b: i64
  output sum = a * 2
  output same = b -> Embedding(5, 1, weight=[[0.5], [1.5], [2.5], [3.5], [4.5]])
}
"""


@pytest.mark.parametrize("backend", ["reference", "onnx"])
def test_predict_reads_a_table(nnc: Nnc, folder: Path, backend: str) -> None:
    (folder / "two.nn").write_text(TWO)
    (folder / "in.csv").write_text("b,a[1],a[0]\n4,1.5,-1\n0,2,3\n")
    result = nnc("predict", "two.nn", "--input", "in.csv", "--backend", backend)
    assert result.exit_code == 0, result.stderr
    assert result.stdout == "sum[0],sum[1],same[0]\n-2.0,3.0,4.5\n6.0,4.0,0.5\n"


def test_predict_reads_and_writes_arrays(nnc: Nnc, folder: Path) -> None:
    (folder / "two.nn").write_text(TWO)
    a = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.savez(folder / "in.npz", a=a, b=np.array([0, 1, 2]), other=np.zeros(3))
    result = nnc("predict", "two.nn", "--input", "in.npz", "-o", "out.npz")
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    with np.load(folder / "out.npz") as found:
        assert np.array_equal(found["sum"], a * 2)
        assert np.array_equal(found["same"], [[0.5], [1.5], [2.5]])


def test_predict_takes_one_array_without_a_name(nnc: Nnc, folder: Path) -> None:
    np.save(folder / "in.npy", np.zeros((3, 2)))
    result = nnc("predict", "xor.nn", "--input", "in.npy", "--backend", "reference")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 4)
    assert "untrained" in result.stderr


def test_predict_reads_columns_by_the_names_of_the_data_block(nnc: Nnc, folder: Path) -> None:
    data = 'data { source = csv("d.csv")  x = columns("left", "right") }\n'
    (folder / "named.nn").write_text(data + XOR)
    (folder / "a.csv").write_text("right,noise,left,kind\n1,9,0,red\n")
    (folder / "b.csv").write_text("0,1\n")
    arguments = ("--backend", "reference", "--input")
    by_name = nnc("predict", "named.nn", *arguments, "a.csv")
    assert by_name.exit_code == 0, by_name.stderr
    assert by_name.stdout == nnc("predict", "named.nn", *arguments, "b.csv").stdout


@pytest.mark.parametrize(
    ("name", "data", "code", "words"),
    [
        ("in.csv", b"a,b\n1,x\n", "E614", "row 2 of in.csv holds `x` in column `b`"),
        ("in.csv", b"1,\n", "E614", "holds nothing in column 2"),
        ("in.csv", b"1,2\n3\n", "E611", "row 2 of in.csv has 1 columns, not 2"),
        ("in.csv", b"1,2,3\n", "E612", "3 columns, but the model takes 2 numbers"),
        ("in.csv", b"x[0],y,z\n1,2,3\n", "E612", "no column `x[1]`"),
        ("in.csv", b"", "E611", "is empty"),
        ("in.csv", b"a,b\n", "E611", "no row below its names"),
        ("in.csv", b"5.1,setosa\n", "E614", "`setosa` in column 2"),
        ("in.csv", b"\xff\xfe1,2\n", "E611", "UTF-8"),
        ("in.npz", b"nonsense", "E611", "not a file of plain NumPy arrays"),
        ("in.npy", b"", "E611", "not a file of plain NumPy arrays"),
        ("in.txt", b"1 2", "E611", "none of .npz, .npy and .csv"),
    ],
)
def test_predict_says_what_is_wrong_with_data(
    nnc: Nnc, folder: Path, name: str, data: bytes, code: str, words: str
) -> None:
    (folder / name).write_bytes(data)
    result = nnc("predict", "xor.nn", "--input", name, "--backend", "reference")
    assert result.exit_code == 1
    assert f"error[{code}]" in result.stderr
    assert words in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arrays", "code", "words"),
    [
        ({"x": np.zeros(2)}, "E613", "`array[None]` makes a batch of one"),
        ({"x": np.zeros((0, 2))}, "E611", "in.npz: there are no examples"),
        ({"x": np.zeros((2, 3))}, "E613", "has the shape [2, 3], but the model takes [batch, 2]"),
        ({"x": np.zeros((2, 2, 1))}, "E613", "`array.reshape(-1, 2)`"),
        ({"x": np.array([["a", "b"]])}, "E614", "holds text, not numbers"),
        ({"x": np.array([[{}, {}]], object)}, "E611", "it holds Python objects"),
        ({"a": np.zeros((1, 2)), "b": np.zeros(1)}, "E612", "no array `x`"),
    ],
)
def test_predict_says_what_is_wrong_with_arrays(
    nnc: Nnc, folder: Path, arrays: dict[str, np.ndarray], code: str, words: str
) -> None:
    np.savez(folder / "in.npz", **arrays)  # type: ignore[arg-type]
    result = nnc("predict", "xor.nn", "--input", "in.npz", "--backend", "reference")
    assert (result.exit_code, f"error[{code}]" in result.stderr) == (1, True), result.stderr
    assert words in result.stderr


def test_predict_keeps_batches_and_whole_numbers_apart(nnc: Nnc, folder: Path) -> None:
    (folder / "two.nn").write_text(TWO)
    for b, words in (
        (np.zeros(2, int), "the batch is 3 in `a`"),
        (np.full(3, 0.5), "whole numbers"),
    ):
        np.savez(folder / "in.npz", a=np.zeros((3, 2)), b=b)
        result = nnc("predict", "two.nn", "--input", "in.npz", "--backend", "reference")
        assert (result.exit_code, words in result.stderr) == (1, True), result.stderr


@pytest.mark.parametrize("number", [-1, 5, 2**40])
def test_predict_refuses_rows_that_an_embedding_lacks(nnc: Nnc, folder: Path, number: int) -> None:
    text = "model M { input t: i64[2]  output y = t -> Permute([0]) -> Embedding(5, 3) as e }"
    (folder / "e.nn").write_text(text)
    np.savez(folder / "in.npz", t=[[0, number]])
    result = nnc("predict", "e.nn", "--input", "in.npz", "--backend", "onnx")
    assert result.exit_code == 1
    assert f"`t` in in.npz holds {number}, but `e` has rows 0 to 4" in result.stderr


# ---- plot --------------------------------------------------------------------------------------


def test_a_plot_shows_every_layer_once(nnc: Nnc, folder: Path) -> None:
    (folder / "i.nn").write_text(IMAGES)
    assert nnc("plot", "i.nn", "-o", "i.svg").exit_code == 0
    root = ET.parse(folder / "i.svg").getroot()
    texts = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[:2] == ["x", "f32[3, 32, 32]"]
    for name in ("conv", "batch_norm", "max_pool2d", "dense"):
        assert sum(str(text).startswith(f"{name} ") for text in texts) == 1
    page = nnc("plot", "i.nn", "--format", "html").stdout
    assert page.startswith("<!doctype html>")
    assert "<script" not in page


def test_a_mermaid_flowchart(nnc: Nnc) -> None:
    shown = nnc("plot", "xor.nn", "--format", "mermaid").stdout
    assert shown.startswith('flowchart TD\n  n0(["x<br/>f32#91;2#93;"])\n')
    assert shown.count("-->") == 5


def test_blocks_are_groups(nnc: Nnc, folder: Path) -> None:
    text = "block Pair { input x  output y = x -> Dense(3) -> relu }\n"
    text += "model M { input x: f32[3]  output y = x -> Pair as a -> Pair as b }"
    (folder / "b.nn").write_text(text)
    svg = nnc("plot", "b.nn").stdout
    assert ">Pair  a</text>" in svg
    assert ">Pair  b</text>" in svg
    mermaid = nnc("plot", "b.nn", "--format", "mermaid").stdout
    assert mermaid.count("subgraph") == mermaid.count("end\n") == 2


def test_a_graph_for_graphviz(nnc: Nnc, folder: Path) -> None:
    shown = nnc("plot", "xor.nn", "--format", "dot").stdout
    assert shown.startswith('digraph "Xor" {\n  rankdir=TB;\n')
    assert '  n0 [label="x\\nf32[2]", ' in shown
    assert shown.count(" -> ") == 5
    text = "block Pair { input x  output y = x -> Dense(3) -> relu }\n"
    text += "model M { input x: f32[3]  output y = x -> Pair as a -> Pair as b }"
    (folder / "b.nn").write_text(text)
    assert nnc("plot", "b.nn", "-o", "b.dot").exit_code == 0
    blocks = (folder / "b.dot").read_text()
    assert 'label="Pair  a"' in blocks
    assert blocks.count("{") == blocks.count("}") == 3
    assert quoted('a\\"b\n') == r'"a\\\"b\\n"'


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "sigmoid", "tanh", "gelu", "step"])
def test_the_curve_of_an_activation(nnc: Nnc, folder: Path, name: str) -> None:
    assert nnc("plot", name, "-o", f"{name}.svg").exit_code == 0
    ET.parse(folder / f"{name}.svg")
    assert nnc("plot", "--activation", name).stdout == (folder / f"{name}.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("relv",), "did you mean `relu`?"),
        (("softmax",), "has no curve"),
        (("--activation", "Dense"), "neither a file nor an activation"),
        (("xor.nn", "-o", "a.png"), "written as .svg, .html, .mmd or .dot, not as a.png"),
        (("xor.nn", "-o", "a.png"), "write .svg and convert it"),
        (("xor.nn", "-o", "a.doc"), "not as a.doc"),
        (("xor.nn", "-o", "xor.nn", "--format", "svg"), "is read here"),
    ],
)
def test_what_plot_refuses(nnc: Nnc, arguments: tuple[str, ...], words: str) -> None:
    result = nnc("plot", *arguments)
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr


# ---- new, ops, schema, explain -----------------------------------------------------------------


@pytest.mark.parametrize("template", templates.names())
def test_a_template_is_a_clean_tidy_spec(nnc: Nnc, folder: Path, template: str) -> None:
    made = nnc("new", "my-net", "--template", template)
    assert (made.exit_code, made.stdout) == (0, "")
    assert nnc("check", "--strict", "my-net.nn").exit_code == 0
    assert nnc("fmt", "--check", "my-net.nn").exit_code == 0
    assert "model MyNet {" in (folder / "my-net.nn").read_text()
    for backend in ("torch", "keras", "onnx"):
        result = nnc("compile", "my-net.nn", "--backend", backend, "-o", f"net-{backend}")
        assert result.exit_code == 0, result.stderr
        (folder / f"net-{backend}.safetensors").unlink(missing_ok=True)


def test_new_overwrites_nothing_and_brings_its_data(nnc: Nnc, folder: Path) -> None:
    assert nnc("new", "first").exit_code == 0
    assert '"first.txt"' in (folder / "first.nn").read_text()
    assert (folder / "first.txt").exists()
    before = contents(folder)
    (folder / "second.txt").write_text("mine")
    assert nnc("new", "first").exit_code == nnc("new", "second").exit_code == 2
    assert not (folder / "second.nn").exists()
    assert {**before, str(folder / "second.txt"): b"mine"} == contents(folder)


def test_new_lists_templates_and_takes_one_by_its_name(nnc: Nnc, folder: Path) -> None:
    shown = nnc("new", "--list").stdout
    assert [line.split()[0] for line in shown.splitlines()] == list(templates.names())
    assert nnc("new", "digits").exit_code == 0
    assert "Conv2D" in (folder / "digits.nn").read_text()
    assert "did you mean `digits`?" in nnc("new", "a", "--template", "digit").stderr


def test_ops_shows_what_a_word_takes(nnc: Nnc) -> None:
    shown = nnc("ops", "Linear").stdout
    assert shown.startswith("Dense(units, …)\n\ny = x · weightᵀ + bias")
    assert "units                a whole number above 0; required" in shown
    assert "f32[4] -> Dense(3) -> f32[3]" in shown
    assert "PyTorch  yes" in shown
    wrong = nnc("ops", "Dence")
    assert (wrong.exit_code, "did you mean `Dense`?" in wrong.stderr) == (2, True)


def test_schema_is_json(nnc: Nnc) -> None:
    assert json.loads(nnc("schema").stdout)["$schema"].startswith("https://json-schema.org/")


def test_explain(nnc: Nnc) -> None:
    assert nnc("explain", "e101").stdout.startswith("# E101: ")
    assert "E101  there is no such layer\n" in nnc("explain").stdout
    wrong = nnc("explain", "E10l")
    assert (wrong.exit_code, "did you mean `E101`?" in wrong.stderr) == (2, True)


# ---- verify ------------------------------------------------------------------------------------


def test_verify_agrees_and_says_so_in_both_forms(nnc: Nnc) -> None:
    result = nnc("verify", "xor.nn", "--backend", "onnx")
    assert (result.exit_code, "agrees" in result.stdout) == (0, True), result.stderr
    found = json.loads(nnc("verify", "xor.nn", "--backend", "onnx", "--format", "json").stdout)
    assert (found["agrees"], [b["backend"] for b in found["backends"]]) == (True, ["onnx"])


def test_verify_is_1_when_a_backend_differs(nnc: Nnc, monkeypatch: pytest.MonkeyPatch) -> None:
    from nnc.backends.onnx.run import OnnxRunner

    right = OnnxRunner.outputs

    def wrong(self: OnnxRunner, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: array + 0.01 for name, array in right(self, inputs).items()}

    monkeypatch.setattr(OnnxRunner, "outputs", wrong)
    assert nnc("verify", "xor.nn", "--backend", "onnx").exit_code == 1


@pytest.mark.slow
def test_verify_compares_steps_of_training(nnc: Nnc, folder: Path) -> None:
    train = "train { target y: f32[1] loss = mse(p, y) optimizer = adam(0.1) }"
    (folder / "trained.nn").write_text(XOR + train, encoding="utf-8")
    result = nnc("verify", "trained.nn", "--steps", "3", "--backend", "torch")
    assert result.exit_code == 0, result.output
    assert "3 steps of adam" in result.stdout
    assert "torch: the same training as the reference" in result.stdout
    options = ("--steps", "3", "--backend", "torch", "--float64", "--format", "json")
    found = json.loads(nnc("verify", "trained.nn", *options).stdout)
    assert [len(path["steps"]) for path in found["paths"]] == [3]
    untrained = nnc("verify", "xor.nn", "--steps", "3")
    assert (untrained.exit_code, "error[E721]" in untrained.stderr) == (1, True)


def test_verify_takes_random_examples_where_the_data_is_not(nnc: Nnc, folder: Path) -> None:
    text = 'data { source = csv("no.csv") x = columns("a", "b") y = column("c") }' + XOR
    text += "train { target y: f32[1] loss = mse(p, y) optimizer = sgd(0.1) }"
    (folder / "lost.nn").write_text(text, encoding="utf-8")
    result = nnc("verify", "lost.nn", "--steps", "2", "--backend", "torch", "--float64")
    assert result.exit_code == 0, result.output
    assert "no.csv does not exist" in result.stderr
    assert "random examples, batch 4" in result.stdout


@pytest.mark.slow
def test_verify_runs_every_backend_and_keeps_frameworks_quiet(tmp_path: Path) -> None:
    (tmp_path / "xor.nn").write_text(XOR)
    result = process("verify", "xor.nn", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, b"")
    for backend in (b"torch", b"keras", b"onnx"):
        assert backend in result.stdout
