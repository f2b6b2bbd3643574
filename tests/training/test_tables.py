"""Tables among the results of a training: counted alike on every backend, told alike by nnc and by
programs, kept in the history, and left out where only numbers can stand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn import metrics as sk

from nnc.backends import initial
from nnc.backends.base import Arrays, Counts, Result
from nnc.backends.registry import BACKENDS, REFERENCE
from nnc.compiler.diagnostics import Failed
from nnc.compiler.ir import Program
from nnc.training import history, start
from nnc.training.engines import Setup
from nnc.training.folder import Folder
from nnc.training.history import Table
from nnc.training.loop import Loop
from nnc.training.report import curves
from nnc.training.run import Run
from tests.training.engines import ENGINES, engine, of_text
from tests.training.report.test_report import matrix, page_of
from tests.training.test_events import events, files, scalars
from tests.training.test_programs import PROGRAMS, dataset
from tests.training.test_programs import SPEC as STEPS
from tests.training.test_run import SPEC, content, points, table, trained

BOTH = "[accuracy(p, y), confusion_matrix(p, y)]"
CLASSIFIED = (SPEC % "").replace("[accuracy(p, y)]", BOTH)
AS_IT_IS = """\
model M {
  input  x: f32[%s]
  output p = x -> Dense(%d, bias=false)
}
train {
  target y: %s
  loss = %s
  optimizer = sgd(0.1)
  metrics = [confusion_matrix(p, y%s)]
}
"""


def counted(backend: str, program: Program, *batches: Arrays) -> Result:
    """The table over batches of examples that the network gives as they are."""
    (name,) = program.graph.weights
    eye = np.eye(program.graph.weights[name].shape[0])
    found = REFERENCE if backend == REFERENCE.name else BACKENDS[backend]
    assert found.load_engine is not None
    return found.load_engine()(program, {name: eye}).evaluate(batches)["confusion_matrix"]


@pytest.mark.parametrize("backend", ENGINES)
def test_classes_by_hand(backend: str) -> None:
    """The first of two largest scores is the answer; what is ignored is not counted."""
    loss = "cross_entropy(p, y, ignore=-1)"
    program = of_text(AS_IT_IS % ("3", 3, "i64", loss, ""))
    first = {
        "x": np.array([[3.0, 1, 0], [1, 3, 3], [0, 1, 2], [2, 0, 2]]),
        "y": np.array([0, 2, 2, -1]),
    }
    second = {"x": np.array([[0.0, 5, 1], [4, 4, 4]]), "y": np.array([0, 0])}
    found = counted(backend, program, first, second)
    assert found == [[2, 1, 0], [0, 0, 0], [0, 1, 1]]


@pytest.mark.parametrize("backend", ENGINES)
def test_yes_and_no_by_hand(backend: str) -> None:
    """Rows are true, columns are answers, no comes before yes; each element is one of its own."""
    program = of_text(AS_IT_IS % ("2", 2, "f32[2]", "mse(p, y)", ", threshold=0.25"))
    first = {"x": np.array([[0.25, 0.5], [0.0, 1.0]]), "y": np.array([[1.0, 0.0], [0.0, 1.0]])}
    second = {"x": np.array([[0.5, 0.5]]), "y": np.array([[1.0, 0.5]])}
    assert counted(backend, program, first, second) == [[1, 2], [1, 2]]


@pytest.mark.parametrize("backend", ENGINES)
def test_every_place_of_a_sequence_counts(backend: str) -> None:
    program = of_text(AS_IT_IS % ("T, 3", 3, "i64[T]", "cross_entropy(p, y)", ""))
    rng = np.random.default_rng(6)
    batches: list[Arrays] = [
        {"x": rng.integers(0, 3, (count, 4, 3)) / 2, "y": rng.integers(0, 3, (count, 4))}
        for count in (5, 2)
    ]
    truth = np.concatenate([batch["y"].ravel() for batch in batches])
    answer = np.concatenate([batch["x"].argmax(-1).ravel() for batch in batches])
    expected = sk.confusion_matrix(truth, answer, labels=[0, 1, 2]).tolist()
    assert counted(backend, program, *batches) == expected
    assert sum(map(sum, expected)) == 28


@pytest.mark.parametrize("backend", PROGRAMS)
def test_a_program_says_what_a_run_says(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    program = of_text((STEPS % "batch = 6 log_every = 5").replace("[accuracy(p, y)]", BOTH))
    loop = Loop(program, dataset(), engine("reference", program, seed=11))
    told = [
        history.line(update.epoch)
        for update in loop
        if update.epoch is not None and update.epoch.logged
    ]
    assert all(", confusion_matrix [[" in line for line in told)
    assert all(", val_confusion_matrix [[" in line for line in told)
    capsys.readouterr()
    PROGRAMS[backend](program, dict(initial.weights(program.graph, 11)), dataset())
    assert capsys.readouterr().out.splitlines() == told


# ---- what is kept ----------------------------------------------------------------------------


def begun(
    folder: Path,
    text: str = CLASSIFIED,
    name: str = "run",
    *,
    report: bool = False,
    tensorboard: bool = False,
) -> Run:
    points(folder)
    (folder / name).mkdir()
    setup = Setup("reference", "float64")
    ready = start.prepare(of_text(text), setup, base=folder, report=report, tensorboard=tensorboard)
    return ready.into(Folder(folder / name))


def test_a_history_gives_tables_back(tmp_path: Path) -> None:
    run = begun(tmp_path)
    told = {u.epoch.number: u.epoch.results for u in run.updates() if u.epoch is not None}
    for number, results in told.items():
        assert history.results(run.folder.history, number) == results
    last = table(run.folder.history)[-1]
    counts = json.loads(last["val_confusion_matrix"])
    assert counts == told[8]["val_confusion_matrix"]
    assert sum(map(sum, counts)) == 12
    record = run.folder.read_record()
    assert record == run.record
    assert record.results["val_confusion_matrix"] == counts
    assert isinstance(record.results["test_confusion_matrix"], list)
    assert set(record.numbers) == {
        *("loss", "accuracy", "val_loss", "val_accuracy", "test_loss", "test_accuracy")
    }


def test_an_interrupted_run_goes_on_with_its_tables(tmp_path: Path) -> None:
    whole = trained(begun(tmp_path, name="whole"))
    run = begun(tmp_path)
    for update in run.updates():
        if update.step == 17:
            run.interrupt()
    assert run.record.status == "interrupted"
    assert isinstance(run.record.results["confusion_matrix"], list)
    again = trained(start.resume(run.folder))
    assert content(again) == content(whole)


def test_a_table_of_many_classes_is_read(tmp_path: Path) -> None:
    counts: Counts = np.random.default_rng(0).integers(0, 10**6, (400, 400)).tolist()
    path = tmp_path / "history.csv"
    for epochs in (0, 1):  # begun, and continued
        written = Table(path, ("epoch", "loss", "confusion_matrix"), epochs)
        written.add({"epoch": epochs + 1, "loss": 0.1 + 0.2, "confusion_matrix": counts})
        written.close()
    for epoch in (1, 2):
        assert history.results(path, epoch) == {"loss": 0.1 + 0.2, "confusion_matrix": counts}


@pytest.mark.parametrize("cell", ["[[1, 2], [3", "[1, 2]", '[["a"]]', "[[1.5]]", "[[true]]"])
def test_a_damaged_table_is_told(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "history.csv"
    quoted = cell.replace('"', '""')
    path.write_text(f'epoch,confusion_matrix\n1,"{quoted}"\n', encoding="utf-8")
    with pytest.raises(Failed) as caught:
        history.results(path, 1)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E804"
    assert "is no number and no table of counts" in diagnostic.message


# ---- where only numbers can stand ------------------------------------------------------------


def test_curves_and_events_have_no_tables(tmp_path: Path) -> None:
    run = trained(begun(tmp_path, tensorboard=True))
    titles = [chart.title for chart in curves.charts(run.folder, run.record)]
    assert titles == ["loss", "accuracy", "learning rate", "gradient norm by layer"]
    (path,) = files(run.folder, "train")
    assert {name for name in scalars(events(path)) if "/" not in name} == {
        *("loss", "accuracy", "rate")
    }
    (path,) = files(run.folder, "validation")
    assert set(scalars(events(path))) == {"loss", "accuracy"}


def test_a_report_draws_the_table_once(tmp_path: Path) -> None:
    run = trained(begun(tmp_path, report=True))
    page = page_of(run)
    assert matrix(page) == run.record.results["test_confusion_matrix"]
    assert "confusion_matrix" not in "".join(page.texts("div", "figures"))
    assert page.texts("h3").count("true (rows) and predicted (columns)") == 1


def test_a_report_draws_the_table_of_another_output(tmp_path: Path) -> None:
    text = CLASSIFIED.replace("output p", "output a = x -> Dense(2)\n  output p")
    text = text.replace("target y: i64", "target y: i64\n  target z: f32[2]")
    text = text.replace("cross_entropy(p, y)", "mse(a, z) + cross_entropy(p, y)")
    text = text.replace("  y = column", '  z = columns("a", "b")\n  y = column')
    page = page_of(run := trained(begun(tmp_path, text, report=True)))
    assert "test_confusion_matrix: true (rows) and predicted (columns)" in page.texts("h3")
    assert matrix(page) == run.record.results["test_confusion_matrix"]
    assert {"blue", "green", "red"} <= set(page.texts("th"))


def test_a_table_decides_what_the_report_judges(tmp_path: Path) -> None:
    """Its threshold is that of the matrix which is drawn, whatever that of the accuracy."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(40, 2)), rng.integers(0, 2, (40, 1))
    np.savez(tmp_path / "bits.npz", x=x, y=y)
    text = CLASSIFIED[CLASSIFIED.index("model") :].replace("Dense(3) -> softmax", "Dense(1)")
    text = text.replace("target y: i64", "target y: f32[1]").replace("cross_entropy", "mse")
    text = text.replace("confusion_matrix(p, y)", "confusion_matrix(p, y, threshold=0.3)")
    (tmp_path / "run").mkdir()
    setup = Setup("reference", "float64")
    path = tmp_path / "bits.npz"
    ready = start.prepare(of_text(text), setup, base=tmp_path, path=path, report=True)
    run = trained(ready.into(Folder(tmp_path / "run")))
    made = run.engine.outputs({"x": x})["p"]
    expected = [sk.confusion_matrix(y, made > limit).tolist() for limit in (0.3, 0.5)]
    assert expected[0] != expected[1]
    assert matrix(page_of(run)) == run.record.results["confusion_matrix"] == expected[0]
