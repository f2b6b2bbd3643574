"""`nnc predict` and `nnc bench` with ONNX models that prepare their data: texts, and what is
missing."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.cli.conftest import Nnc
from tests.deployment import test_texts
from tests.deployment.test_around import SPEC, made

COLORS = "impute(most_frequent) -> one_hot"
NEW = "kind,color,x[1],x[0]\noak,red,2.25,5.5\n?, green ,3.5,4.75\nash,blue,,6.125\n"
"""The first three rows of the data that the model was made with."""


@pytest.fixture
def plants(nnc: Nnc, folder: Path) -> Path:
    """A run, `plants`, and its model, `plants.onnx`, beside the data, `plants.csv`."""
    numbers = "impute(mean) -> standardize"
    made(folder, SPEC.format(numbers=numbers, colors=COLORS, end=""))
    text = SPEC.format(numbers=numbers, colors=COLORS, end="")
    (folder / "plants.nn").write_text(text.replace("lr=0.1)", "lr=0.1)\n  epochs = 3"))
    trained = nnc("train", "plants.nn", "-o", "plants", "--backend", "reference", "-q")
    assert trained.exit_code == 0, trained.stderr
    exported = nnc("export", "plants", "-o", "plants.onnx", "--with-preprocessing")
    assert exported.exit_code == 0, exported.stderr
    return folder


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_model_says_of_texts_and_gaps_what_its_run_says(nnc: Nnc, plants: Path) -> None:
    (plants / "new.csv").write_text(NEW)
    result = nnc("predict", "plants.onnx", "--input", "new.csv")
    assert (result.exit_code, result.stderr) == (0, "")
    found = table(result.stdout)
    heads = [f"p[{i}]" for i in range(3)]
    assert list(found[0])[:3] == heads
    assert list(found[0])[-2:] == ["p_class", "p_label"]
    run = table(nnc("predict", "plants", "--input", "plants.csv", "--backend", "reference").stdout)
    assert [row["p_label"] for row in found] == [row["p"] for row in run[:3]]
    ours = [[float(row[head]) for head in heads] for row in found]
    theirs = [[float(row[f"p[{kind}]"]) for kind in ("ash", "elm", "oak")] for row in run[:3]]
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_arrays_of_texts_are_read_and_written(nnc: Nnc, plants: Path) -> None:
    (plants / "new.csv").write_text(NEW)
    x = np.array([[5.5, 2.25], [4.75, 3.5], [6.125, np.nan]])
    np.savez(plants / "new.npz", x=x, color=np.array(["red", "green", "blue"]))
    wanted = table(nnc("predict", "plants.onnx", "--input", "new.csv").stdout)
    result = nnc("predict", "plants.onnx", "--input", "new.npz", "-o", "p.npz")
    assert (result.exit_code, result.stderr) == (0, "")
    with np.load(plants / "p.npz", allow_pickle=False) as found:
        assert found["p_label"].dtype.kind == "U"
        assert found["p_label"].tolist() == [row["p_label"] for row in wanted]
        assert found["p_class"].dtype == np.int64


def test_a_missing_text_is_empty_and_a_row_of_nothing_is_an_example(nnc: Nnc, plants: Path) -> None:
    """Both are filled in with what was learnt."""
    filling = json.loads((plants / "plants" / "data.json").read_text())["fitted"]["fields"]
    color = filling["color"][0]["filling"]
    mean = [float(number) for number in filling["x"][0]["filling"]]
    (plants / "gaps.csv").write_text("x[0],x[1],color\n,,\n")
    (plants / "full.csv").write_text(f"x[0],x[1],color\n{mean[0]},{mean[1]},{color}\n")
    gaps, full = (
        nnc("predict", "plants.onnx", "--input", f"{name}.csv") for name in ("gaps", "full")
    )
    assert (gaps.exit_code, len(gaps.stdout.splitlines())) == (0, 2), gaps.stderr
    assert gaps.stdout == full.stdout


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        ("x[0],x[1]\n1,2\n", "E612", "new.csv has no column `color`"),
        ("x[0],x[1],colour\n1,2,red\n", "E612", "did you mean `colour`"),
        ("1,2,red\n", "E612", "begin it with a line of names: x[0],x[1],color"),
        ("x[0],x[1],color\n1,two,red\n", "E614", "row 2 of new.csv holds `two` in column `x[1]`"),
        ("x[0],x[1],color\n1,two,red\n", "E614", "or leave the cell empty where it is missing"),
        ("x[0],x[1],color\n1,2\n", "E611", "row 2 of new.csv has 2 columns, not 3"),
        ("x[0],x[1],color\n", "E611", "an example is a row of numbers and texts"),
    ],
)
def test_what_is_wrong_with_a_table(
    nnc: Nnc, plants: Path, data: str, code: str, words: str
) -> None:
    (plants / "new.csv").write_text(data)
    result = nnc("predict", "plants.onnx", "--input", "new.csv")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("error[") == 1
    assert f"error[{code}]" in result.stderr
    assert words in result.stderr


@pytest.mark.parametrize(
    ("color", "code", "words"),
    [
        (np.array([0, 1]), "E614", "`color` in new.npz holds numbers, not texts"),
        (np.array([b"red", b"blue"]), "E614", "`color` in new.npz holds bytes, not texts"),
        (np.array(["red", "blue"], object), "E611", "and of texts as `array.astype(str)`"),
        (
            np.array([["red"], ["blue"]]),
            "E613",
            "has the shape [2, 1], but the model takes [batch]",
        ),
        (np.array([["red"], ["blue"]]), "E613", "the texts are as many: `array.reshape(-1)`"),
        (np.array(["red"]), "E613", "the batch is 2 in `x`, but 1 in `color`"),
        (None, "E612", "new.npz has no array `color`"),
    ],
)
def test_what_is_wrong_with_arrays(
    nnc: Nnc, plants: Path, color: np.ndarray | None, code: str, words: str
) -> None:
    x = np.zeros((2, 2))
    given = {"other": x} if color is None else {"color": color}
    np.savez(plants / "new.npz", x=x, **given)
    result = nnc("predict", "plants.onnx", "--input", "new.npz")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("error[") == 1
    assert f"error[{code}]" in result.stderr
    assert words in result.stderr


def test_a_text_in_place_of_a_number_is_refused(nnc: Nnc, plants: Path) -> None:
    np.savez(plants / "new.npz", x=np.array([["1", "2"]]), color=np.array(["red"]))
    result = nnc("predict", "plants.onnx", "--input", "new.npz")
    assert "`x` in new.npz holds text, not numbers" in result.stderr


def test_one_input_of_texts(nnc: Nnc, folder: Path) -> None:
    spec, data = test_texts.SPEC.format(arguments="6"), test_texts.table(test_texts.TEXTS)
    model, _, _ = made(folder, spec, data)
    onnx.save(model, str(folder / "reviews.onnx"))
    (folder / "new.csv").write_text('review\n"A film, a GREAT film!"\n""\n')
    result = nnc("predict", "reviews.onnx", "--input", "new.csv")
    assert (result.exit_code, len(result.stdout.splitlines())) == (0, 3), result.stderr
    np.save(folder / "new.npy", np.array(["A film, a GREAT film!", ""]))
    assert nnc("predict", "reviews.onnx", "--input", "new.npy").stdout == result.stdout
    (folder / "bare.csv").write_text("A great film\nbad\n")
    bare = nnc("predict", "reviews.onnx", "--input", "bare.csv")
    assert "begin it with a line of names: review" in bare.stderr


def test_an_empty_cell_is_no_number_where_nothing_is_prepared(nnc: Nnc, folder: Path) -> None:
    nnc("export", "xor.nn", "-o", "xor.onnx")
    (folder / "new.csv").write_text("x[0],x[1]\n1,\n")
    result = nnc("predict", "xor.onnx", "--input", "new.csv")
    assert "error[E614]: row 2 of new.csv holds nothing in column `x[1]`" in result.stderr
    assert "leave the row out" in result.stderr


CATEGORIES = """\
data {
  source = csv("plants.csv")
  long   = column("long") -> category
  color  = column("color") -> impute(most_frequent) -> category
  kind   = column("kind") -> category
}

model Plants {
  input long: i64
  input color: i64
  a = long -> Embedding(5, 4)
  b = color -> Embedding(3, 4)
  output p = a + b -> Dense(3)
}

train {
  target kind: i64
  loss = cross_entropy(p, kind)
  optimizer = sgd(lr=0.1)
}
"""


@pytest.mark.parametrize("optimize", ["none", "safe", "fused"])
def test_bench_draws_categories_that_have_a_row(nnc: Nnc, folder: Path, optimize: str) -> None:
    model, _, _ = made(folder, CATEGORIES, optimize=optimize)
    onnx.save(model, str(folder / "plants.onnx"))
    result = nnc("bench", "plants.onnx", "--batch", "64", "--rounds", "1", "--format", "json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [row["batch"] for row in json.loads(result.stdout)] == [64]


def test_bench_draws_texts(nnc: Nnc, folder: Path) -> None:
    spec, data = test_texts.SPEC.format(arguments="6"), test_texts.table(test_texts.TEXTS)
    model, _, _ = made(folder, spec, data)
    onnx.save(model, str(folder / "reviews.onnx"))
    result = nnc("bench", "reviews.onnx", "--rounds", "1")
    assert (result.exit_code, result.stderr) == (0, "")
