"""Runs: what is in the folder, and that an interrupt or a kill changes nothing about the result."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import nnc
from nnc.backends import initial, weights
from nnc.compiler.diagnostics import Failed
from nnc.compiler.ir import Program
from nnc.training import divergence, start
from nnc.training.engines import Setup
from nnc.training.folder import Folder, new_folder, runs
from nnc.training.loop import Diverged
from nnc.training.run import Run
from tests.training.engines import ENGINES, of_text

ROOT = Path(__file__).resolve().parents[2]
SPEC = """\
data {
  source = csv("points.csv")
  x = columns("a", "b") -> standardize
  y = column("kind") -> category
  split = shares(validation=0.2, test=0.2)
}

model Points {
  input  x: f32[2]
  output p = x -> Dense(6) -> tanh -> Dropout(0.2) -> Dense(3) -> softmax
}

train {
  target y: i64
  loss      = cross_entropy(p, y)
  optimizer = adam(lr=0.02)
  schedule  = cosine
  metrics   = [accuracy(p, y)]
  epochs    = 8
  batch     = 7
  log_every = 3
  seed      = 5
  %s
}
"""


def points(folder: Path) -> Path:
    """A file of three kinds of points."""
    rng = np.random.default_rng(0)
    rows = ["a,b,kind"]
    for number in range(60):
        kind = number % 3
        a, b = rng.normal((kind, -kind), 0.4)
        rows.append(f"{a:.5f},{b:.5f},{('red', 'green', 'blue')[kind]}")
    path = folder / "points.csv"
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def program(settings: str = "") -> Program:
    return of_text(SPEC % settings)


def begun(
    folder: Path, name: str, backend: str = "reference", settings: str = "", parts: int = 1
) -> Run:
    points(folder)
    precision = "float64" if backend == "reference" else "float32"
    path = folder / name
    path.mkdir()
    setup = Setup(backend, precision, parts=parts)  # type: ignore[arg-type]
    return start.prepare(program(settings), setup, base=folder).into(Folder(path))


def trained(run: Run) -> Run:
    for _ in run.updates():
        pass
    return run


def content(run: Run) -> dict[str, bytes | dict[str, object]]:
    """Everything that the folder says about the result."""
    record = json.loads(run.folder.record.read_bytes())
    kept = {n: v for n, v in record.items() if n not in ("seconds", "started", "spent")}
    names = ("best", "last", "history", "gradients", "state")
    files = {name: getattr(run.folder, name).read_bytes() for name in names}
    return {**files, "record": kept}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("backend", ENGINES)
def test_a_run_writes_all_that_it_has_come_to(tmp_path: Path, backend: str) -> None:
    run = trained(begun(tmp_path, "run", backend))
    record = run.record
    assert (record.status, record.epoch, record.backend) == ("finished", 8, backend)
    assert record.examples == {"train": 36, "validation": 12, "test": 12}
    assert record.results["test_accuracy"] is not None
    assert record == run.folder.read_record()
    rows = table(run.folder.history)
    assert list(rows[0]) == [
        *("epoch", "step", "rate", "loss", "accuracy", "val_loss", "val_accuracy")
    ]
    assert [row["epoch"] for row in rows] == [str(n) for n in range(1, 9)]
    assert [bool(row["accuracy"]) for row in rows] == [n in (1, 3, 6, 8) for n in range(1, 9)]
    assert all(row["val_loss"] for row in rows)
    assert rows[-1]["step"] == "48"
    assert [row["epoch"] for row in table(run.folder.gradients)] == ["1", "3", "6", "8"]
    graph = run.folder.read_program().graph
    last = weights.read(run.folder.last, graph)
    for name, array in run.engine.weights().items():
        np.testing.assert_array_equal(last[name], array.astype(np.float32))
    best = min(rows, key=lambda row: float(row["val_loss"]))
    assert (record.best_epoch, record.monitor) == (int(best["epoch"]), "val_loss")
    assert json.loads(run.folder.fitted.read_bytes())["labels"] == {"y": ["blue", "green", "red"]}
    log = run.folder.log.read_text(encoding="utf-8")
    assert "epoch 3: loss " in log
    assert "finished after epoch 8: test_loss " in log


def test_the_spec_of_a_run_is_the_program(tmp_path: Path) -> None:
    run = begun(tmp_path, "run", settings="stop = early(patience=3)")
    assert run.folder.read_program() == program("stop = early(patience=3)")
    assert run.record.keeps == "best"


@pytest.mark.parametrize(
    ("backend", "stop_at"),
    [*(("reference", n) for n in (0, 3, 11, 17)), ("torch", 17), ("keras", 9)],
)
def test_an_interrupted_run_goes_on_to_the_same_result(
    tmp_path: Path, backend: str, stop_at: int
) -> None:
    whole = trained(begun(tmp_path, "whole", backend))
    run = begun(tmp_path, "run", backend)
    for update in run.updates():
        if update.step == stop_at:
            run.interrupt()
    assert run.record.status == "interrupted"
    assert run.progress.step == stop_at + 1
    again = trained(start.resume(run.folder))
    assert content(again) == content(whole)


def test_a_stopped_run_keeps_its_best_weights(tmp_path: Path) -> None:
    settings = 'epochs = 60 stop = early(patience=2, monitor="val_accuracy")'
    points(tmp_path)
    text = SPEC.replace("  epochs    = 8\n", "") % settings
    (tmp_path / "run").mkdir()
    given = of_text(text)
    setup = Setup("reference", "float64")
    run = start.prepare(given, setup, base=tmp_path).into(Folder(tmp_path / "run"))
    trained(run)
    record = run.record
    assert (record.status, record.keeps, record.larger_is_better) == ("stopped", "best", True)
    assert record.epoch == record.best_epoch + 2
    rows = table(run.folder.history)
    assert float(rows[record.best_epoch - 1]["val_accuracy"]) == record.best_value
    resumed = start.resume(run.folder)
    assert list(resumed.updates()) == []
    assert resumed.record.status == "stopped"


CHILD = """\
import sys
from pathlib import Path
from tests.training.test_run import program
from nnc.training import divergence, start
from nnc.training.engines import Setup
from nnc.training.folder import Folder
folder = Folder(Path(sys.argv[1]))
if len(sys.argv) > 2:
    folder.path.mkdir()
    setup = Setup(sys.argv[2], sys.argv[3])
    run = start.prepare(program(), setup, base=folder.path.parent).into(folder)
else:
    run = start.resume(folder)
for update in run.updates():
    print(update.step, flush=True)
    sys.stdin.readline()
"""


def kill_after(steps: int, *arguments: str) -> None:
    """Train in another process and kill it after some updates."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        for _ in range(steps):
            assert process.stdout.readline()
            process.stdin.write("\n")
            process.stdin.flush()
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


@pytest.mark.parametrize(
    "backend",
    ["reference", *(pytest.param(name, marks=pytest.mark.slow) for name in ENGINES[1:])],
)
def test_a_killed_run_goes_on_to_the_same_result(tmp_path: Path, backend: str) -> None:
    whole = trained(begun(tmp_path, "whole", backend))
    where = str(tmp_path / "run")
    kill_after(20, where, backend, whole.record.precision)
    folder = Folder(tmp_path / "run")
    assert folder.read_record().status == "unfinished"
    kill_after(9, where)
    again = trained(start.resume(folder))
    assert content(again) == content(whole)


def test_parts_of_batches_lead_to_the_same_weights(tmp_path: Path) -> None:
    whole = trained(begun(tmp_path, "whole"))
    parted = trained(begun(tmp_path, "parts", parts=3))
    for name, array in whole.engine.weights().items():
        np.testing.assert_allclose(parted.engine.weights()[name], array, rtol=0, atol=1e-12)


# ---- what goes wrong -------------------------------------------------------------------------


def failure(run: Run) -> str:
    with pytest.raises(Failed) as caught:
        trained(run)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "E803"
    return diagnostic.message


def test_a_run_that_diverges_names_the_step(tmp_path: Path) -> None:
    points(tmp_path)
    text = (SPEC % "").replace("adam(lr=0.02)", "sgd(lr=1e30)")
    text = text.replace("cross_entropy(p, y)", "cross_entropy(p, y) + l2(1)")
    text = text.replace("  schedule  = cosine\n", "")
    (tmp_path / "run").mkdir()
    setup = Setup("torch", "float32")
    run = start.prepare(of_text(text), setup, base=tmp_path).into(Folder(tmp_path / "run"))
    message = failure(run)
    assert message.startswith("the loss is inf at step 1 (epoch 1): every layer's result is finite")
    assert "weight` has numbers up to " in message
    assert run.folder.read_record().status == "diverged"


def test_a_weight_that_is_no_number_is_named() -> None:
    given = program()
    wrong = dict(initial.weights(given.graph, 5))
    wrong["dense.bias"] = wrong["dense.bias"] * np.nan
    batch = {"x": np.zeros((2, 2)), "y": np.zeros(2, np.int64)}
    found = divergence.explain(given, wrong, Diverged(np.nan, 8, 2, batch), "float32", "all saved")
    assert found.message == (
        "the loss is nan at step 8 (epoch 2): `dense.bias` has nan at [0] since the update before"
    )
    assert found.notes == ("all saved",)
    assert found.span is not None
    assert found.span.source.text[found.span.start : found.span.end] == "Dense(6)"


def test_a_layer_that_overflows_is_named(tmp_path: Path) -> None:
    points(tmp_path)
    text = (SPEC % "").replace("x -> Dense(6) -> tanh", "x -> Dense(6) -> exp -> exp -> exp")
    (tmp_path / "run").mkdir()
    given = of_text(text)
    start_weights = dict(initial.weights(given.graph, 5))
    start_weights["dense.bias"] = start_weights["dense.bias"] + 3
    setup = Setup("reference", "float64")
    ready = start.prepare(given, setup, base=tmp_path, weights=start_weights)
    run = ready.into(Folder(tmp_path / "run"))
    assert "is the first layer that gives inf at [" in failure(run)


def test_a_number_of_a_batch_that_is_not_finite_is_found() -> None:
    given = program()
    start_weights = dict(initial.weights(given.graph, 5))
    batch = {"x": np.array([[0, 1], [2, np.inf]]), "y": np.zeros(2, np.int64)}
    found = divergence.explain(given, start_weights, Diverged(np.nan, 8, 2, batch), "float32", "")
    assert found.message.endswith("the data has inf at [1, 1] in `x`")


@pytest.mark.parametrize(
    ("settings", "code"),
    [("stop = early", "E802"), ("schedule = plateau", "E802"), ("", "E801")],
)
def test_what_can_not_be_trained_is_refused(tmp_path: Path, settings: str, code: str) -> None:
    points(tmp_path)
    text = (SPEC % settings).replace("  split = shares(validation=0.2, test=0.2)\n", "")
    text = text.replace("  schedule  = cosine\n", "")
    if not settings:
        text = text[text.index("model") : text.index("train {")]
    with pytest.raises(Failed) as caught:
        start.prepare(of_text(text), Setup("reference", "float64"), base=tmp_path)
    assert [d.code for d in caught.value.diagnostics] == [code]


def of_ones(tmp_path: Path, body: str) -> start.Beginning:
    """A training over examples that are all 1."""
    path = tmp_path / "all.npz"
    np.savez(path, x=np.ones((4, 2), np.float32), y=np.ones((4, 1), np.float32))
    given = of_text(
        f"model M {{ input x: f32[2] {body} }} "
        "train { target y: f32[1] loss = mse(p, y) optimizer = sgd(0.1) }"
    )
    return start.prepare(given, Setup("reference", "float64"), base=tmp_path, path=path)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("output p = x -> Dense(1, trainable=false)", "no weight may change"),
        ("output p = x -> Dense(1) -> stop_gradient", "the loss depends on no weight"),
    ],
)
def test_a_training_that_would_change_nothing_is_refused(
    tmp_path: Path, body: str, why: str
) -> None:
    with pytest.raises(Failed) as caught:
        of_ones(tmp_path, body)
    (found,) = caught.value.diagnostics
    assert found.code == "E809"
    assert why in found.message


def test_a_gradient_that_is_0_is_one(tmp_path: Path) -> None:
    assert of_ones(tmp_path, "output p = x -> Dense(1) -> step").engine.weights()


@pytest.mark.parametrize(
    "loss", ["(p, y, class_weights=[1, 2, 3])", "(p, y, ignore=1)", '(p, y, reduction="sum")']
)
def test_losses_that_are_no_means_take_no_parts(tmp_path: Path, loss: str) -> None:
    given = of_text((SPEC % "").replace("(p, y)\n  optimizer", f"{loss}\n  optimizer"))
    with pytest.raises(Failed) as caught:
        start.check(given, Setup("reference", "float64", parts=2))
    assert [d.code for d in caught.value.diagnostics] == ["E805"]
    start.check(given, Setup("reference", "float64"))


def test_a_run_that_is_killed_at_its_end_gets_its_end(tmp_path: Path) -> None:
    whole = trained(begun(tmp_path, "whole"))
    run = trained(begun(tmp_path, "run"))
    early = replace(run.record, status="unfinished", results={}, epoch=7)
    run.folder.write_record(early)
    again = start.resume(run.folder)
    assert not again.ended
    assert list(again.updates()) == []
    assert content(again) == content(whole)


DAMAGE: dict[str, list[bytes | None]] = {
    "run.json": [b"", b"{", b"[]", b'{"version": 9}', b'{"version": 1}'],
    "spec.json": [b"", b"{}", b"{"],
    "data.json": [b"", b"[1]", b"{}"],
    "history.csv": [b"\xff\n", b"a,b\n1,2\n", b"epoch,loss\n0,x\n"],
    "state.safetensors": [b"", b"\x00" * 40, None],
}


@pytest.mark.parametrize(("name", "given"), [(n, g) for n, gs in DAMAGE.items() for g in gs])
def test_a_damaged_folder_is_refused(tmp_path: Path, name: str, given: bytes | None) -> None:
    folder = begun(tmp_path, "run").folder
    path = folder.path / name
    if given is None:
        path.write_bytes(path.read_bytes()[:-8])
    else:
        path.write_bytes(given)
    with pytest.raises(Failed) as caught:
        start.resume(folder)
    assert [d.code for d in caught.value.diagnostics] == ["E804"]
    assert name in caught.value.diagnostics[0].message


def test_the_state_of_another_run_is_refused(tmp_path: Path) -> None:
    folder, other = begun(tmp_path, "run").folder, begun(tmp_path, "other", "torch").folder
    folder.state.write_bytes(other.state.read_bytes())
    with pytest.raises(Failed, match="another program"):
        start.resume(folder)


def test_other_data_than_before_are_refused(tmp_path: Path) -> None:
    folder = begun(tmp_path, "run").folder
    path = tmp_path / "points.csv"
    path.write_text(path.read_text(encoding="utf-8") + "1,2,red\n", encoding="utf-8")
    with pytest.raises(Failed) as caught:
        start.resume(folder)
    assert [d.code for d in caught.value.diagnostics] == ["E806"]


def test_new_folders_are_counted(tmp_path: Path) -> None:
    made = [new_folder(tmp_path / "runs", "a b/c").path.name for _ in range(3)]
    assert made == ["a_b_c-1", "a_b_c-2", "a_b_c-3"]
    (tmp_path / "runs" / "a_b_c-2").rmdir()
    assert new_folder(tmp_path / "runs", "a b/c").path.name == "a_b_c-4"


def test_runs_of_a_folder(tmp_path: Path) -> None:
    first = begun(tmp_path, "run")
    other = tmp_path / "broken"
    other.mkdir()
    (other / "run.json").write_text("{", encoding="utf-8")
    found = runs(tmp_path)
    assert [(f.path.name, r) for f, r in found] == [("broken", None), ("run", first.record)]


def test_checkpoints_keep_the_newest(tmp_path: Path) -> None:
    run = trained(begun(tmp_path, "run", settings="checkpoint = every(2, keep=2)"))
    kept = sorted(path.name for path in (run.folder.path / "weights").iterdir())
    assert kept == [
        *("best.safetensors", "epoch-6.safetensors", "epoch-8.safetensors", "last.safetensors")
    ]
    assert run.folder.kept(8).read_bytes() == run.folder.last.read_bytes()
    run.folder.clear()
    assert list((run.folder.path / "weights").iterdir()) == []


def test_training_from_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points(tmp_path)
    (tmp_path / "points.nn").write_text("param units = 3\n" + SPEC % "", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    steps: list[int] = []
    run = nnc.train(
        tmp_path / "points.nn",
        backend="reference",
        epochs=2,
        batch=12,
        settings={"units": 4},
        watch=lambda update: steps.append(update.step),
    )
    assert steps == list(range(6))
    assert run.folder.path == Path("runs/points-1")
    assert run.folder.read_record() == run.record
    again = nnc.train(run.loop.program, backend="reference", output="again")
    assert content(again)["last"] == content(run)["last"]
    with pytest.raises(ValueError, match="no backend `nope`"):
        nnc.train("points.nn", backend="nope")
    with pytest.raises(ValueError, match="again is not empty"):
        nnc.train("points.nn", backend="reference", output="again")
    with pytest.raises(ValueError, match="`warp`"):
        nnc.train("points.nn", backend="reference", device="warp")
    with pytest.raises(Failed):
        nnc.train("points.nn", backend="reference", settings={"nothing": 1})
