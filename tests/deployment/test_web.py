"""The folder of a page: what is in it, and that it appears whole or not at all."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file

from nnc.backends import draws, initial
from nnc.cli.group import group
from nnc.compiler.diagnostics import Failed
from nnc.compiler.ir import Program
from nnc.deployment.web import folder as web
from nnc.deployment.web.description import describe
from nnc.deployment.web.runtime import FILES
from nnc.deployment.web.training import hindrance
from nnc.loading import compile_file, compile_text
from nnc.training.data import Dataset, open_data, unprepared

SPECS = Path(__file__).parents[2] / "specs"


def digits() -> tuple[Program, Dataset]:
    program, _ = compile_file(SPECS / "curriculum" / "digits_mlp.nn")
    assert program is not None
    return program, open_data(program, SPECS / "curriculum")


def described(text: str) -> dict[str, Any]:
    program, _ = compile_text(text)
    assert program is not None
    return describe(program, None)


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """What an unpacked onnxruntime-web looks like."""
    place = tmp_path / "onnxruntime-web" / "dist"
    place.mkdir(parents=True)
    for name in FILES:
        (place / name).write_text(name)
    return place.parent


def test_the_folder_holds_all_that_the_page_loads(tmp_path: Path, runtime: Path) -> None:
    program, data = digits()
    weights = initial.weights(program.graph, 0)
    made = tmp_path / "page"
    web.write_page(program, weights, made, data=data, runtime=runtime)
    assert sorted(file.name for file in (made / "runtime").iterdir()) == sorted(FILES)
    page = (made / "index.html").read_text("utf-8")
    assert 'src="page.js"' in page
    script = (made / "page.js").read_text("utf-8")
    for name in ("./inputs.js", "./outputs.js", "./runtime/ort.wasm.min.mjs"):
        assert name in script
        assert (made / name).is_file()
    session = ort.InferenceSession(made / "model.onnx")
    assert [given.name for given in session.get_inputs()] == ["pixels"]
    # Nothing is fetched from anywhere else.
    text = "".join((made / name).read_text("utf-8") for name in web.PAGE)
    assert set(re.findall(r"https?://[^\"]*", text)) <= {"http://www.w3.org/2000/svg"}


def test_examples_are_held_out_and_say_their_answer(tmp_path: Path) -> None:
    program, data = digits()
    found = describe(program, data)
    (pixels,) = found["inputs"]
    assert (pixels["kind"], pixels["pixels"]) == ("pixels", [8, 8])
    assert (pixels["low"], pixels["high"]) == (0.0, 1.0)
    assert len(found["samples"]) == 12
    held_out = data.batch(data.splits["test"][:12])
    for row, sample in enumerate(found["samples"]):
        np.testing.assert_array_equal(sample["inputs"]["pixels"], held_out["pixels"][row])
        assert sample["caption"] == str(held_out["label"][row])


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        ("f32[1, 8, 8]", "pixels"),
        ("f32[8, 8, 1]", "pixels"),
        ("f32[28, 28]", "pixels"),
        ("f32[784]", "pixels"),
        ("f32[3, 16, 16]", "image"),
        ("f32[4]", "numbers"),
        ("f32", "numbers"),
        ("f32[200]", "tokens"),
        ("f32[T, 3]", "tokens"),
        ("i64[T]", "tokens"),
    ],
)
def test_how_an_input_is_given(type_: str, kind: str) -> None:
    op = "Embedding(9, 2)" if type_.startswith("i64") else "identity"
    found = described(f"model M {{ input x: {type_}  output y = x -> {op} }}")
    assert found["inputs"][0]["kind"] == kind
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("end", "loss", "target", "kind", "logits"),
    [
        ("Dense(3) -> softmax", "cross_entropy", "i64", "classes", False),
        ("Dense(3)", "cross_entropy", "i64", "classes", True),
        ("Dense(1) -> sigmoid", "binary_cross_entropy", "f32[1]", "share", False),
        ("Dense(1)", "binary_cross_entropy", "f32[1]", "share", True),
        ("Dense(2)", "mse", "f32[2]", "numbers", None),
    ],
)
def test_what_an_output_says(
    end: str, loss: str, target: str, kind: str, logits: bool | None
) -> None:
    options = ", from_logits=true" if logits and loss == "binary_cross_entropy" else ""
    found = described(
        f"model M {{ input x: f32[4]  output y = x -> {end} }} "
        f"train {{ target t: {target} loss = {loss}(y, t{options}) optimizer = adam }}"
    )
    assert found["outputs"][0]["kind"] == kind
    assert found["outputs"][0].get("logits") is logits


PLANTS = """\
data {
  source = csv("plants.csv")
  x     = columns("long", "wide") -> impute(mean) -> standardize
  color = column("color") -> one_hot
  grade = column("grade") -> category
  soil  = column("soil") -> impute(most_frequent) -> category
  note  = column("note") -> tokens(3)
  size  = column("size") -> minmax
  split = in_order(test=0.5)
}
model Plants {
  input x: f32[2]
  input color: f32[2]
  input grade: i64
  input soil: i64
  input note: i64[3]
  ground = soil -> Embedding(2, 2)
  read = note -> Embedding(9, 2) -> GlobalAvgPool
  output p = (x, color, grade -> Embedding(2, 2), ground, read) -> Concat -> Dense(1)
}
train { target size: f32[1] loss = mse(p, size) optimizer = sgd(lr=0.1) }
"""
TABLE = """\
long,wide,color,grade,soil,note,size
1.5,2,red,7,1,A tall one,10
2.5,,green,9,2,small,30
0.1,4,green,7,2,?,15
,5,red,9,,tall été,20
"""


def test_inputs_are_asked_for_as_the_data_have_them(tmp_path: Path, runtime: Path) -> None:
    (tmp_path / "plants.csv").write_text(TABLE)
    program, problems = compile_text(PLANTS)
    assert program is not None, problems
    data = open_data(program, tmp_path)
    weights = initial.weights(program.graph, 0)
    made = tmp_path / "page"
    columns = functools.partial(unprepared, program, tmp_path)
    web.write_page(program, weights, made, data=data, unprepared=columns, runtime=runtime)
    found = json.loads((made / "model.json").read_text("utf-8"))
    x, color, grade, soil, note = found["inputs"]
    assert (x["kind"], x["names"], x["start"], x["missing"]) == (
        *("numbers", ["long", "wide"], [2.0, 2.0]),
        True,
    )
    assert (color["kind"], color["choices"], color["start"]) == (
        "choice",
        ["green", "red"],
        "green",
    )
    assert (grade["kind"], grade["choices"], grade["texts"]) == ("choice", [7.0, 9.0], False)
    assert (soil["kind"], soil["choices"], soil["start"]) == ("choice", [1.0, 2.0], 1.0)
    assert (note["kind"], note["start"], note["texts"]) == ("text", "A tall one", True)
    assert [sample["caption"] for sample in found["samples"]] == ["15", "20"]
    assert found["samples"][1]["inputs"] == {
        "x": [None, 5.0],
        "color": "red",
        "grade": 9.0,
        "soil": None,
        "note": "tall été",
    }
    assert found["outputs"][0]["units"] == {"factor": [20.0], "offset": [10.0]}
    session = ort.InferenceSession(made / "prepare.onnx")
    given: dict[str, list[Any]] = {about["name"]: [] for about in found["inputs"]}
    for sample in found["samples"]:
        for name, value in sample["inputs"].items():
            given[name].append(value)
    types = {
        "x": np.float32,
        "color": object,
        "grade": np.float32,
        "soil": np.float32,
        "note": object,
    }
    inputs = {name: np.array(values, types[name]) for name, values in given.items()}
    ready = dict(
        zip([o.name for o in session.get_outputs()], session.run(None, inputs), strict=True)
    )
    for name, array in data.batch(data.splits["test"]).items():
        if name in given:
            np.testing.assert_allclose(ready[f"{name}/ready"], array, rtol=1e-6)


def test_what_needs_no_preparation_stays_as_it_is(tmp_path: Path, runtime: Path) -> None:
    program, data = digits()
    columns = functools.partial(unprepared, program, SPECS / "curriculum")
    made = tmp_path / "page"
    weights = initial.weights(program.graph, 0)
    web.write_page(program, weights, made, data=data, unprepared=columns, runtime=runtime)
    found = json.loads((made / "model.json").read_text("utf-8"))
    assert found["inputs"][0]["kind"] == "pixels"
    assert "prepared" not in found["inputs"][0]
    assert not (made / "prepare.onnx").exists()


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path, runtime: Path) -> None:
    program, _ = digits()
    made = tmp_path / "page"
    made.mkdir()
    (made / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        web.write_page(program, initial.weights(program.graph, 0), made, runtime=runtime)
    assert [file.name for file in made.iterdir()] == ["mine.txt"]


def test_without_a_runtime_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, _ = digits()
    weights = initial.weights(program.graph, 0)
    with pytest.raises(Failed) as caught:
        web.write_page(program, weights, tmp_path / "page", runtime=tmp_path)
    assert caught.value.diagnostics[0].code == "E651"
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Failed) as caught:
        web.write_page(program, weights, tmp_path / "page")
    assert "npm" in caught.value.diagnostics[0].message
    assert list(tmp_path.iterdir()) == []


def test_what_the_page_trains_with(tmp_path: Path, runtime: Path) -> None:
    """The files of a step, the examples of the training split, and the key of their order."""
    program, data = digits()
    made = tmp_path / "page"
    weights = initial.weights(program.graph, program.seed)
    web.write_page(program, weights, made, data=data, runtime=runtime)
    told = json.loads((made / "model.json").read_text("utf-8"))["training"]
    assert told["examples"] == len(data.splits["train"])
    assert told["order"] == draws.key_of(program.seed, "order")
    names = sorted(file.name for file in (made / told["folder"]).iterdir())
    assert names == [
        *("eval.onnx", "examples.safetensors", "infer.onnx", "manifest.json"),
        *("state.safetensors", "train_step.onnx"),
    ]
    stored = load_file(made / told["folder"] / "examples.safetensors")
    batch = data.batch(data.splits["train"])
    assert stored.keys() == batch.keys()
    for name, array in batch.items():
        np.testing.assert_array_equal(stored[name], array)
    manifest = json.loads((made / told["folder"] / "manifest.json").read_text("utf-8"))
    assert manifest["train"]["rates"] == [0.001]  # a constant rate is told once


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("schedule = plateau", "`schedule` watches `val_loss`, but there are no validation"),
        ("stop = early(monitor=val_accuracy)", "`stop` watches `val_accuracy`, but there are no"),
    ],
)
def test_what_the_page_does_not_train(change: str, why: str) -> None:
    text = (SPECS / "curriculum" / "digits_mlp.nn").read_text("utf-8")
    program, _ = compile_text(text.replace("epochs    = 5", f"epochs = 5 {change}"))
    assert program is not None
    assert why in (hindrance(program, digits()[1]) or "")
    assert hindrance(program, None) is not None


def test_what_the_page_watches(tmp_path: Path, runtime: Path) -> None:
    text = (SPECS / "curriculum" / "digits_mlp.nn").read_text("utf-8")
    text = text.replace("test=0.2", "validation=0.1, test=0.2").replace(
        "epochs    = 5",
        "epochs = 5  schedule = plateau(0.5, 2, cooldown=1)  "
        "stop = early(patience=3, monitor=val_accuracy, min_delta=0.01)",
    )
    program, found = compile_text(text)
    assert program is not None, found
    data = open_data(program, SPECS)
    made = tmp_path / "page"
    weights = initial.weights(program.graph, program.seed)
    web.write_page(program, weights, made, data=data, runtime=runtime)
    told = json.loads((made / "model.json").read_text("utf-8"))["training"]
    assert told["goal"] == {"monitor": "val_accuracy", "larger": True, "min_delta": 0.01}
    assert told["stop"] == {"patience": 3, "restore_best": True}
    assert told["validation"] == len(data.splits["validation"])
    stored = load_file(made / "training" / "validation.safetensors")
    for name, array in data.batch(data.splits["validation"]).items():
        np.testing.assert_array_equal(stored[name], array)
    manifest = json.loads((made / "training" / "manifest.json").read_text("utf-8"))
    plateau = manifest["train"]["plateau"]
    assert (plateau["factor"], plateau["patience"], plateau["cooldown"]) == (0.5, 2, 1)
    # Whatever the manifest may ask for, the page can finish.
    script = (made / "watching.js").read_text("utf-8")
    for finish in ("ratio", "root_ratio", "explained", "precision", "recall", "f1", "ranked"):
        assert re.search(rf"^  {finish}[:,(]", script, re.MULTILINE)


def test_what_changes_the_examples_of_the_page(tmp_path: Path, runtime: Path) -> None:
    """The page's examples are as they are; the model beside them makes those of an epoch."""
    text = (SPECS / "curriculum" / "augmented.nn").read_text("utf-8")
    program, found = compile_text(text)
    assert program is not None, found
    data = open_data(program, SPECS)
    assert hindrance(program, data) is None
    made = tmp_path / "page"
    weights = initial.weights(program.graph, program.seed)
    web.write_page(program, weights, made, data=data, runtime=runtime)
    manifest = json.loads((made / "training" / "manifest.json").read_text("utf-8"))
    told = manifest["augment"]
    (image,) = told["inputs"]
    assert (image["name"], image["shape"]) == ("image", ["batch", 1, 8, 8])
    stored = load_file(made / "training" / "examples.safetensors")["image"]
    rows = data.splits["train"]
    np.testing.assert_array_equal(stored, data.batch(rows)["image"])
    session = ort.InferenceSession(made / "training" / told["file"])
    for epoch in (0, 7):
        drawn = np.array([17, 3, 91, 0])
        given = {"image": stored[drawn], told["places"]: drawn, told["epoch"]: np.array(epoch)}
        (changed,) = session.run([image["changed"]], given)
        expected = data.batch(rows[drawn], epoch)["image"]
        assert not np.array_equal(expected, stored[drawn])
        np.testing.assert_allclose(changed, expected, rtol=0, atol=1e-6)


def test_the_verb_writes_a_page_once(tmp_path: Path, runtime: Path) -> None:
    made = tmp_path / "page"
    spec = str(SPECS / "curriculum" / "digits_mlp.nn")
    command = ["export", spec, "--web", str(made), "--runtime", str(runtime)]
    first = CliRunner().invoke(group, command)
    assert first.exit_code == 0, first.output
    assert (made / "index.html").is_file()
    assert "doesn't train" not in first.output
    again = CliRunner().invoke(group, command)
    assert again.exit_code != 0
    assert "exists already" in again.output
    nowhere = CliRunner().invoke(group, ["export", spec])
    assert nowhere.exit_code == 2
    assert "--web DIR" in nowhere.output


def test_the_verb_says_why_a_page_does_not_train(tmp_path: Path, runtime: Path) -> None:
    text = (SPECS / "curriculum" / "digits_mlp.nn").read_text("utf-8")
    spec = tmp_path / "watched.nn"
    spec.write_text(text.replace("epochs    = 5", "epochs = 5 schedule = plateau"))
    command = ["export", str(spec), "--web", str(tmp_path / "page"), "--runtime", str(runtime)]
    result = CliRunner().invoke(group, command)
    assert result.exit_code == 0, result.output
    assert "the page doesn't train: `schedule` watches `val_loss`" in result.output
    assert not (tmp_path / "page" / "training").exists()
