"""`nnc export` as people use it: files, words, refusals."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.cli.conftest import Nnc, contents


def test_everything_that_was_asked_for_is_written(nnc: Nnc, folder: Path) -> None:
    result = nnc("export", "xor.nn", "-o", "xor.onnx", "--test-vectors", "--card")
    assert result.exit_code == 0, result.stderr
    assert "untrained" in result.stderr
    assert "opset 20, 4 nodes, for ONNX Runtime" in result.stderr
    new = {str(Path(path).relative_to(folder)) for path in contents(folder)}
    assert new - {"xor.nn", "wrong.nn", "warned.nn"} == {
        *("xor.onnx", "xor.card.md"),
        *("test_data_set_0/input_0.pb", "test_data_set_0/output_0.pb"),
    }
    assert "SHA-256" in (folder / "xor.card.md").read_text()


def test_trained_weights_are_taken(nnc: Nnc, folder: Path) -> None:
    nnc("compile", "xor.nn", "--backend", "torch", "-o", "xor.py", "--seed", "3")
    for name in ("a", "b"):
        result = nnc("export", "xor.nn", "-o", f"{name}.onnx", "--weights", "xor.safetensors")
        assert "untrained" not in result.stderr
    nnc("export", "xor.nn", "-o", "c.onnx")
    a, b, c = ((folder / f"{name}.onnx").read_bytes() for name in "abc")
    assert a == b != c


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "xor.nn"], "no name for a model"),
        (["-o", "-"], "no name for a model"),
        (["-o", "no/such/folder/xor.onnx"], "can't write"),
        (["-o", "xor.onnx", "--opset", "17"], "takes opsets 18 to 26, not 17"),
        (["-o", "x.onnx", "--target", "tensorrt", "--opset", "23"], "takes opsets 18 to 20"),
        (["-o", "xor.onnx", "--target", "toaster"], "toaster"),
        (["-o", "x.onnx", "--target", "web", "--optimize", "fused"], "goes with `--target ort`"),
        (["-o", "x.onnx", "--precision", "fp16", "--optimize", "fused"], "is for float32"),
        (["--web", "page", "--precision", "int8"], "`--precision` is not for a page"),
        (["--web", "page", "-o", "xor.onnx"], "`--output` is not for a page"),
        (["--web", "page", "--with-preprocessing"], "`--with-preprocessing` is not for a page"),
        (["-o", "xor.onnx", "--runtime", "page"], "`--runtime` is for the page"),
    ],
)
def test_what_cannot_be_is_2(nnc: Nnc, folder: Path, arguments: list[str], words: str) -> None:
    before = contents(folder)
    result = nnc("export", "xor.nn", *arguments)
    assert (result.exit_code, words in result.stderr) == (2, True), result.stderr
    assert contents(folder) == before


def test_verbs_that_take_specs_say_who_takes_models(nnc: Nnc, folder: Path) -> None:
    nnc("export", "xor.nn", "-o", "xor.onnx")
    result = nnc("check", "xor.onnx")
    assert (result.exit_code, "`nnc predict` and `nnc bench` take ONNX" in result.stderr) == (
        1,
        True,
    )


def test_a_layer_that_the_target_lacks_is_a_finding(nnc: Nnc, folder: Path) -> None:
    (folder / "words.nn").write_text(
        "model M { input x: i64[T]  output y = x -> Embedding(5, 4) -> LSTM(3) }"
    )
    before = contents(folder)
    result = nnc("export", "words.nn", "-o", "words.onnx", "--target", "coreml", "--card")
    assert (result.exit_code, contents(folder)) == (1, before)
    assert result.stderr.count("error[E706]") == 2
    assert "`lstm`" in result.stderr


def test_settings_of_the_spec_reach_the_model(nnc: Nnc, folder: Path) -> None:
    (folder / "wide.nn").write_text(
        "param units = 2\nmodel M { input x: f32[3]  output y = x -> Dense(units) }"
    )
    sizes = []
    for units in (2, 50):
        nnc("export", "wide.nn", "-o", "wide.onnx", "--set", f"units={units}")
        sizes.append((folder / "wide.onnx").stat().st_size)
    assert sizes[1] > sizes[0] + 4 * 4 * 40


def test_a_model_predicts_what_its_spec_predicts(nnc: Nnc, folder: Path) -> None:
    (folder / "corners.csv").write_text("0,0\n0,1\n1,0\n1,1\n")
    nnc("export", "xor.nn", "-o", "xor.onnx")
    found = [nnc("predict", name, "--input", "corners.csv") for name in ("xor.onnx", "xor.nn")]
    assert [result.exit_code for result in found] == [0, 0]
    assert found[0].stdout == found[1].stdout
    assert "untrained" not in found[0].stderr


def test_results_without_rows_are_written_as_arrays(nnc: Nnc, folder: Path) -> None:
    (folder / "corners.csv").write_text("0,0\n0,1\n1,0\n1,1\n")
    ends = [
        onnx.helper.make_tensor_value_info(name, 1, shape)
        for name, shape in (("x", ["N", 2]), ("file", []))
    ]
    nodes = [onnx.helper.make_node("ReduceSum", ["x"], ["file"], keepdims=0)]
    graph = onnx.helper.make_graph(nodes, "sum", ends[:1], ends[1:])
    opsets = [onnx.helper.make_opsetid("", 20)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=9), "sum.onnx")
    result = nnc("predict", "sum.onnx", "--input", "corners.csv")
    assert (result.exit_code, "without a row for each example" in result.stderr) == (2, True)
    assert nnc("predict", "sum.onnx", "--input", "corners.csv", "-o", "p.npz").exit_code == 0
    assert np.load(folder / "p.npz")["file"] == 4


@pytest.mark.parametrize(
    "more", [["--weights", "a"], ["--backend", "torch"], ["--set", "a=1"]], ids=lambda m: m[0]
)
def test_a_model_takes_no_options_of_a_spec(nnc: Nnc, folder: Path, more: list[str]) -> None:
    (folder / "corners.csv").write_text("0,0\n")
    nnc("export", "xor.nn", "-o", "xor.onnx")
    result = nnc("predict", "xor.onnx", "--input", "corners.csv", *more)
    assert (result.exit_code, "has its weights" in result.stderr) == (2, True)


@pytest.mark.parametrize("name", ["model.onnx", "MODEL.ONNX"])
def test_a_damaged_model_is_a_finding_everywhere(nnc: Nnc, folder: Path, name: str) -> None:
    (folder / "corners.csv").write_text("0,0\n")
    nnc("export", "xor.nn", "-o", "xor.onnx")
    (folder / name).write_bytes((folder / "xor.onnx").read_bytes()[:200])
    result = nnc("predict", name, "--input", "corners.csv")
    assert (result.exit_code, result.stderr.count("error[E711]")) == (1, 1), result.stderr
    for verb in (["check"], ["summary"], ["verify"], ["compile", "--backend", "torch"]):
        result = nnc(*verb, name)
        assert (result.exit_code, result.stderr.count("error[")) == (1, 1), result.stderr


def test_bench_measures_what_was_asked_for(nnc: Nnc, folder: Path) -> None:
    options = ["--rounds", "2", "--format", "json"]
    result = nnc("bench", "xor.nn", "--backend", "onnx", "--batch", "3", *options)
    (row,) = json.loads(result.stdout)
    assert (row["name"], row["batch"], row["ratio"]) == ("onnx", 3, 1)
    nnc("export", "xor.nn", "-o", "xor.onnx")
    rows = json.loads(nnc("bench", "xor.onnx", *options).stdout)
    assert [row["batch"] for row in rows] == [1, 32]
    assert all(row["low"] <= row["seconds"] <= row["high"] for row in rows)


def test_bench_refuses_what_no_memory_holds(nnc: Nnc, folder: Path) -> None:
    (folder / "huge.nn").write_text("model M { input x: f32[100_000]  output y = x -> relu }")
    result = nnc("bench", "huge.nn", "--backend", "onnx", "--batch", "60000")
    assert (result.exit_code, "E613" in result.stderr) == (1, True)
    (folder / "bad.onnx").write_bytes(b"\x08\x09")
    result = nnc("bench", "bad.onnx")
    assert (result.exit_code, "E711" in result.stderr) == (1, True)


IRIS = """\
data {
  source = csv("flowers.csv")
  x      = columns("a", "b") -> standardize
  kind   = column("kind") -> category
}

model Iris {
  input x: f32[2]
  output p = x -> Dense(2) -> softmax
}

train {
  target kind: i64
  loss = cross_entropy(p, kind)
  optimizer = sgd(lr=0.1)
  metrics = [accuracy(p, kind)]
  epochs = 1
}
"""


def test_a_run_is_exported_with_what_it_learnt(nnc: Nnc, folder: Path) -> None:
    rows = "".join(f"{i},{i % 3},{'elm' if i % 2 else 'oak'}\n" for i in range(12))
    (folder / "flowers.csv").write_text(f"a,b,kind\n{rows}")
    (folder / "flowers.nn").write_text(IRIS)
    trained = nnc("train", "flowers.nn", "-o", "run", "--backend", "reference")
    assert trained.exit_code == 0, trained.stderr
    result = nnc("export", "run", "-o", "flowers.onnx", "--with-preprocessing", "--card")
    assert result.exit_code == 0, result.stderr
    assert "untrained" not in result.stderr
    card = (folder / "flowers.card.md").read_text()
    assert "| `p_label` | output | text | `[batch]` |" in card
    assert "The classes of `p`: 0 elm, 1 oak" in card
    (folder / "new.csv").write_text("3,1\n4,0\n")
    shown = nnc("predict", "flowers.onnx", "--input", "new.csv").stdout
    assert shown.splitlines()[0] == "p[0],p[1],p_class,p_label"
    every = nnc(
        *("export", "run", "-o", "all/int8.onnx", "--with-preprocessing", "--test-vectors"),
        *("--precision", "int8", "--max-drop", "1"),
    )
    assert every.exit_code == 0, every.stderr
    assert (folder / "all" / "test_data_set_0" / "output_2.pb").is_file()
    half = nnc("export", "run", "-o", "half.onnx", "--precision", "fp16", "--max-drop", "1")
    assert half.exit_code == 0, half.stderr
    assert half.stderr.count("accuracy") == 1
    refused = nnc("export", "flowers.nn", "-o", "no.onnx", "--with-preprocessing")
    assert (refused.exit_code, "needs the folder of a run" in refused.stderr) == (2, True)


def test_a_repository_for_triton_is_new(nnc: Nnc, folder: Path) -> None:
    result = nnc("export", "xor.nn", "--triton", "models", "--card")
    assert result.exit_code == 0, result.stderr
    files = {str(path.relative_to(folder)) for path in (folder / "models").rglob("*.*")}
    assert files == {
        *("models/Xor/config.pbtxt", "models/Xor/request.json", "models/Xor/model.card.md"),
        "models/Xor/1/model.onnx",
    }
    before = contents(folder)
    again = nnc("export", "xor.nn", "--triton", "models")
    assert (again.exit_code, "exists already" in again.stderr) == (2, True)
    both = nnc("export", "xor.nn", "--triton", "models", "-o", "xor.onnx")
    assert (both.exit_code, "say where the result goes" in both.stderr) == (2, True)
    assert contents(folder) == before
