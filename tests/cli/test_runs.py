"""`nnc evaluate`, `nnc predict RUN`, `nnc runs` and `nnc plot RUN`."""

from __future__ import annotations

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from nnc.training.folder import Folder
from tests.cli.conftest import Nnc, contents

SPEC = """\
data {
  source = csv("flowers.csv")
  x = columns("a", "b") -> standardize
  y = column("kind") -> category
  split = shares(validation=0.2, test=0.2)
}

model Flowers {
  input  x: f32[2]
  output p = x -> Dense(3) -> softmax
}

train {
  target y: i64
  loss      = cross_entropy(p, y)
  optimizer = adam(lr=0.1)
  metrics   = [accuracy(p, y)]
  epochs    = 20
  batch     = 16
}
"""
KINDS = ("red", "green", "blue")


@pytest.fixture(autouse=True)
def run(nnc: Nnc, folder: Path) -> Path:
    """A run on three kinds of points that are easily told apart."""
    rng = np.random.default_rng(0)
    rows = ["a,b,kind"]
    for number in range(60):
        a, b = rng.normal((3 * (number % 3), -3 * (number % 3)), 0.2)
        rows.append(f"{a:.5f},{b:.5f},{KINDS[number % 3]}")
    (folder / "flowers.csv").write_text("\n".join(rows) + "\n")
    (folder / "flowers.nn").write_text(SPEC)
    result = nnc("train", "flowers.nn", "--backend", "reference", "--quiet")
    assert result.stdout == "runs/flowers-1\n", result.stderr
    return folder / "runs/flowers-1"


def measured(nnc: Nnc, *arguments: str) -> dict[str, object]:
    result = nnc("evaluate", "runs/flowers-1", "--format", "json", *arguments)
    assert result.exit_code == 0, result.stderr
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_a_run_is_measured_on_what_it_has_not_seen(nnc: Nnc, run: Path) -> None:
    record = Folder(run).read_record()
    found = measured(nnc)
    assert (found["split"], found["examples"]) == ("test", 12)
    assert found["results"] == {
        "loss": record.results["test_loss"],
        "accuracy": record.results["test_accuracy"],
    }
    text = nnc("evaluate", "runs/flowers-1").stdout
    assert text.startswith("split     test\nexamples  12\nloss      ")
    assert text.endswith("accuracy  1\n")


def test_a_table_is_shown_with_the_names_of_its_classes(nnc: Nnc, folder: Path) -> None:
    (folder / "table.nn").write_text(SPEC.replace("[accuracy(p, y)]", "[confusion_matrix(p, y)]"))
    assert nnc("train", "table.nn", "--backend", "reference", "-q").exit_code == 0
    (folder / "new.csv").write_text("a,b,kind\n3,-3,green\n6,-6,blue\n0,0,green\n0,0,red\n")
    given = ("evaluate", "runs/table-1", "--data", "new.csv")
    found = json.loads(nnc(*given, "--format", "json").stdout)
    assert found["results"]["confusion_matrix"] == [[1, 0, 0], [0, 1, 1], [0, 0, 1]]
    assert found["classes"] == {"confusion_matrix": ["blue", "green", "red"]}
    numbers, table = nnc(*given).stdout.split("\n\n")
    assert numbers.startswith("split     all\nexamples  4\nloss      ")
    assert table == (
        "confusion_matrix\n"
        "  true \\ predicted  blue  green  red\n"
        "  blue                 1      0    0\n"
        "  green                0      1    1\n"
        "  red                  0      0    1\n"
    )
    for metric in ("confusion_matrix", "test_confusion_matrix"):
        sorted_ = nnc("runs", "--sort", metric)
        assert sorted_.exit_code == 2
        assert f"`{metric}` is a table, which has no order" in sorted_.stderr
    assert nnc("plot", "runs/table-1", "-o", "history.svg").exit_code == 0
    assert "confusion_matrix" not in (folder / "history.svg").read_text()


def test_yes_and_no_have_names_of_their_own(nnc: Nnc, folder: Path) -> None:
    text = SPEC.replace("Dense(3) -> softmax", "Dense(2) -> sigmoid")
    text = text.replace('column("kind") -> category', 'columns("a", "b") -> minmax')
    text = text.replace("target y: i64", "target y: f32[2]").replace("cross_entropy", "mse")
    (folder / "two.nn").write_text(text.replace("accuracy(p, y)", "confusion_matrix(p, y)"))
    assert nnc("train", "two.nn", "--backend", "reference", "-q").exit_code == 0
    heads = [line.split()[0] for line in nnc("evaluate", "runs/two-1").stdout.splitlines()[-2:]]
    assert heads == ["no", "yes"]


def test_other_splits_weights_and_backends(nnc: Nnc) -> None:
    assert measured(nnc, "--split", "all")["examples"] == 60
    validation = measured(nnc, "--split", "validation", "--weights", "best")
    assert (validation["split"], validation["examples"]) == ("validation", 12)
    ours, theirs = measured(nnc), measured(nnc, "--backend", "torch")
    assert isinstance(ours["results"], dict)
    assert theirs["results"] == pytest.approx(ours["results"], abs=1e-6)


def test_other_examples_are_prepared_as_the_run_has_learnt_to(nnc: Nnc, folder: Path) -> None:
    (folder / "new.csv").write_text("a,b,kind\n3.0,-3.0,green\n6.0,-6.0,blue\n")
    found = measured(nnc, "--data", "new.csv")
    assert (found["split"], found["examples"]) == ("all", 2)
    assert isinstance(found["results"], dict)
    assert found["results"]["accuracy"] == 1.0


def test_predictions_name_classes(nnc: Nnc, folder: Path) -> None:
    (folder / "new.csv").write_text("b,a\n0.1,-0.1\n-6.0,6.0\n")
    result = nnc("predict", "runs/flowers-1", "--input", "new.csv", "--backend", "reference")
    assert result.exit_code == 0, result.stderr
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert list(rows[0]) == ["p", "p[blue]", "p[green]", "p[red]"]
    assert [row["p"] for row in rows] == ["red", "blue"]
    for row in rows:
        shares = {kind: float(row[f"p[{kind}]"]) for kind in KINDS}
        assert sum(shares.values()) == pytest.approx(1)
        assert max(shares, key=lambda kind: shares[kind]) == row["p"]
    onnx = nnc("predict", "runs/flowers-1", "--input", "new.csv", "-o", "out.csv")
    assert onnx.exit_code == 0, onnx.stderr
    assert (folder / "out.csv").read_text().splitlines()[1].startswith("red,")


@pytest.mark.parametrize(
    ("end", "target", "preparation", "loss"),
    [
        ("", "i64", "category", "cross_entropy(p, y)"),
        ("", "i64", "category", "cross_entropy(p, y, from_logits=true)"),
        (" -> log_softmax", "i64", "category", "nll(p, y)"),
        ("", "i64", "category", "multiclass_hinge(p, y)"),
        ("", "f32[3]", "one_hot", "cross_entropy(p, y)"),
        (" -> softmax", "f32[3]", "one_hot", "mse(p, y)"),
    ],
)
def test_the_largest_number_names_the_class(
    nnc: Nnc, folder: Path, end: str, target: str, preparation: str, loss: str
) -> None:
    text = SPEC.replace(" -> softmax", end).replace("y: i64", f"y: {target}")
    text = text.replace("-> category", f"-> {preparation}").replace("cross_entropy(p, y)", loss)
    (folder / "ends.nn").write_text(text.replace("  metrics   = [accuracy(p, y)]\n", ""))
    trained = nnc("train", "ends.nn", "--backend", "reference", "--quiet")
    assert trained.exit_code == 0, trained.stderr
    (folder / "new.csv").write_text("a,b\n0,0\n3,-3\n6,-6\n")
    result = nnc("predict", "runs/ends-1", "--input", "new.csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert list(rows[0]) == ["p", "p[blue]", "p[green]", "p[red]"], result.stderr
    assert [row["p"] for row in rows] == list(KINDS)
    for row in rows:
        assert max(KINDS, key=lambda kind: float(row[f"p[{kind}]"])) == row["p"]
    if not end:
        assert sum(float(rows[0][f"p[{kind}]"]) for kind in KINDS) != pytest.approx(1)


def test_as_many_numbers_as_classes_are_named(nnc: Nnc, folder: Path) -> None:
    (folder / "four.nn").write_text(SPEC.replace("Dense(3) -> softmax", "Dense(4)"))
    assert nnc("train", "four.nn", "--backend", "reference", "--quiet").exit_code == 0
    (folder / "new.csv").write_text("a,b\n0,0\n")
    result = nnc("predict", "runs/four-1", "--input", "new.csv", "--backend", "reference")
    assert result.stdout.splitlines()[0] == "p[0],p[1],p[2],p[3]"


def test_what_is_not_a_number_is_no_class(nnc: Nnc, folder: Path) -> None:
    np.savez(folder / "inf.npz", x=np.array([[-0.1, 0.1], [6, np.inf]], np.float32))
    result = nnc("predict", "runs/flowers-1", "--input", "inf.npz")
    heads = [line.split(",")[0] for line in result.stdout.splitlines()]
    assert heads[0] == "p"
    assert [head in KINDS for head in heads[1:]] == [True, False]
    assert "warning: 1 of 2 examples of inf.npz" in result.stderr
    (folder / "inf.csv").write_text("b,a\n0.1,-0.1\n1e999,6.0\n")
    result = nnc("predict", "runs/flowers-1", "--input", "inf.csv")
    assert result.exit_code == 1
    assert "error[E614]: inf.csv: column 'b', row 2: inf is not finite" in result.stderr


BETWEEN = """\
data {
  source = csv("flowers.csv")
  x = column("a")
  y = column("kind") -> category
}

model Flowers {
  input  x: f32
  output p = x -> Unsqueeze(0) -> Dense(1, weight=[[1.0]], bias=[0.0])%s
}

train {
  target y: f32[1]
  loss      = %s
  optimizer = sgd(lr=0.001)
  epochs    = 1
}
"""


@pytest.mark.parametrize(
    ("end", "loss"),
    [
        (" -> sigmoid", "binary_cross_entropy(p, y)"),
        (" -> sigmoid", "mse(p, y)"),
        ("", "binary_cross_entropy(p, y)"),
        ("", "binary_cross_entropy(p, y, from_logits=true)"),
        ("", "focal(p, y)"),
        (" -> log_sigmoid", "binary_cross_entropy(p, y)"),
    ],
)
def test_one_number_between_two_classes_names_them(
    nnc: Nnc, folder: Path, end: str, loss: str
) -> None:
    """The logit is the input itself, and its sign tells the classes apart."""
    (folder / "two.nn").write_text(BETWEEN % (end, loss))
    (folder / "flowers.csv").write_text("a,kind\n1,red\n-1,green\n")
    trained = nnc("train", "two.nn", "--backend", "reference", "--quiet")
    assert trained.exit_code == 0, trained.stderr
    (folder / "new.csv").write_text("a\n0.25\n-0.25\n4\n-4\n")
    found = nnc("predict", "runs/two-1", "--input", "new.csv", "--backend", "reference").stdout
    rows = found.splitlines()
    assert rows[0] == "p,p[red]"
    assert [row.partition(",")[0] for row in rows[1:]] == ["red", "green", "red", "green"]


def test_a_probability_that_no_sigmoid_made_ends_at_a_half(nnc: Nnc, folder: Path) -> None:
    loss = "binary_cross_entropy(p, y, from_logits=false)"
    (folder / "two.nn").write_text(BETWEEN % ("", loss))
    (folder / "flowers.csv").write_text("a,kind\n1,red\n0,green\n")
    trained = nnc("train", "two.nn", "--backend", "reference", "--quiet")
    assert trained.exit_code == 0, trained.stderr
    (folder / "new.csv").write_text("a\n0.25\n0.75\n")
    found = nnc("predict", "runs/two-1", "--input", "new.csv", "--backend", "reference").stdout
    assert [row.partition(",")[0] for row in found.splitlines()[1:]] == ["green", "red"]


REGRESSION = """\
data {
  source = csv("prices.csv")
  x = column("size") -> standardize
  y = column("price") -> scale(0.001) -> %s
}

model Prices {
  input  x: f32[1]
  output p = x -> Dense(1)
}

train {
  target y: f32[1]
  loss      = mse(p, y)
  optimizer = sgd(lr=0.2)
  epochs    = 200
  batch     = all
}
"""


@pytest.mark.parametrize("preparation", ["standardize", "minmax"])
def test_estimates_come_in_the_units_of_the_data(nnc: Nnc, folder: Path, preparation: str) -> None:
    (folder / "prices.nn").write_text(REGRESSION % preparation)
    rows = [f"{size},{3000 * size + 50000}" for size in range(20, 120, 10)]
    (folder / "prices.csv").write_text("\n".join(["size,price", *rows]))
    assert nnc("train", "prices.nn", "--backend", "reference", "-q").exit_code == 0
    (folder / "new.csv").write_text("size\n33\n200\n")
    given = ("predict", "runs/prices-1", "--input", "new.csv", "--backend", "reference")
    result = nnc(*given)
    assert result.exit_code == 0, result.stderr
    found = [float(row["p[0]"]) for row in csv.DictReader(io.StringIO(result.stdout))]
    assert found == pytest.approx([149000, 650000], rel=1e-4)


def test_runs_are_a_table_by_a_metric(nnc: Nnc, folder: Path, run: Path) -> None:
    nnc("train", "flowers.nn", "--backend", "reference", "-q", "--epochs", "1")
    lines = nnc("runs").stdout.splitlines()
    assert lines[0].split() == ["run", "spec", "backend", "epochs", "best", "status", "started"]
    assert [line.split()[0] for line in lines[2:]] == ["flowers-1", "flowers-2"]
    assert lines[3].split()[1:4] == ["flowers.nn", "reference", "1/1"]
    by_loss = nnc("runs", "--sort", "val_loss").stdout.splitlines()
    assert [line.split()[0] for line in by_loss[2:]] == ["flowers-1", "flowers-2"]
    by_accuracy = json.loads(nnc("runs", "--sort", "val_accuracy", "--format", "json").stdout)
    values = [run["results"]["val_accuracy"] for run in by_accuracy]
    assert values == sorted(values, reverse=True)
    assert "did you mean `val_loss`?" in nnc("runs", "--sort", "val_los").stderr
    (run / "run.json").write_text("{")
    damaged = nnc("runs")
    assert (damaged.exit_code, "can't be read" in damaged.stderr) == (0, True)
    assert "flowers-2" in damaged.stdout


def test_no_runs(nnc: Nnc, folder: Path) -> None:
    (folder / "empty").mkdir()
    result = nnc("runs", "empty")
    assert (result.exit_code, result.stderr) == (0, "there are no runs in empty\n")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("evaluate", "nope"), 1, "error[E804]"),
        (("evaluate", "flowers.nn"), 1, "error[E804]"),
        (("evaluate", "runs/flowers-1", "--data", "nope.csv"), 1, "error[E611]"),
        (("evaluate", "runs/flowers-1", "--data", "wrong.csv"), 1, "error[E612]"),
        (("predict", "runs", "--input", "flowers.csv"), 1, "error[E804]"),
        (("predict", "runs/flowers-1", "--input", "nope.csv"), 1, "error[E611]"),
        (("predict", "runs/flowers-1", "--input", "wrong.csv"), 1, "error[E612]"),
        (("predict", "runs/flowers-1", "--input", "flowers.csv", "--set", "n=1"), 2, "--set"),
        (("runs", "nope"), 2, "no such file"),
        (("runs", "flowers.nn"), 2, "flowers.nn"),
    ],
)
def test_bad_input_is_one_message(
    nnc: Nnc, folder: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    (folder / "wrong.csv").write_text("p,q\n1,2\n")
    before = contents(folder)
    result = nnc(*arguments)
    assert (result.exit_code, words in result.stderr) == (code, True), result.stderr
    assert contents(folder) == before


def test_splits_and_weights_that_are_not_there(nnc: Nnc, folder: Path, run: Path) -> None:
    (folder / "none.nn").write_text(SPEC.replace(", test=0.2", ""))
    nnc("train", "none.nn", "--backend", "reference", "-q", "--epochs", "1")
    missing = nnc("evaluate", "runs/none-1", "--split", "test")
    assert (missing.exit_code, "error[E807]" in missing.stderr) == (1, True)
    assert json.loads(nnc("evaluate", "runs/none-1", "--format", "json").stdout)["split"] == (
        "validation"
    )
    Folder(run).last.unlink()
    assert "has no last weights yet" in nnc("evaluate", "runs/flowers-1").stderr
    Folder(run).last.write_bytes(b"damaged")
    assert "error[E601]" in nnc("evaluate", "runs/flowers-1").stderr


# ---- plot ----------------------------------------------------------------------------------


def test_the_history_of_a_run_is_drawn(nnc: Nnc, folder: Path) -> None:
    assert nnc("plot", "runs/flowers-1", "-o", "history.svg").exit_code == 0
    root = ET.parse(folder / "history.svg").getroot()
    labels = [e.get("aria-label") for e in root if "chart" in e.get("class", "") and e.get("role")]
    assert labels == ["loss", "accuracy", "learning rate", "gradient norm by layer"]
    assert nnc("plot", "runs/flowers-1").stdout == (folder / "history.svg").read_text("utf-8")
    page = nnc("plot", "runs/flowers-1", "--format", "html").stdout
    assert page.startswith("<!doctype html>")
    assert page.count('<svg xmlns="http://www.w3.org/2000/svg" class="chart"') == 4


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("runs/flowers-1", "--format", "dot"), "drawn as SVG or HTML"),
        (("runs/flowers-1", "--set", "n=1"), "a run has had its parameters"),
        (("runs",), "runs is not a run: it has no run.json"),
    ],
)
def test_what_is_no_history_is_refused(nnc: Nnc, arguments: tuple[str, ...], words: str) -> None:
    result = nnc("plot", *arguments)
    assert (result.exit_code > 0, words in result.stderr) == (True, True), result.stderr
