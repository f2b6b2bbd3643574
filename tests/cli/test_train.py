"""`nnc train`: runs from the command line, how they are shown, and what is refused."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Nnc, contents

LEARNT = """\
data {
  source = text("xor.txt")
  x = columns(0, 1)
  y = column(2)
}

model Xor {
  input  x: f32[2]
  output p = x -> Dense(4) -> tanh -> Dense(1) -> sigmoid
}

train {
  target y: f32[1]
  loss      = binary_cross_entropy(p, y)
  optimizer = adam(lr=0.1)
  metrics   = [accuracy(p, y)]
  epochs    = 200
  batch     = all
  log_every = 100
}
"""
ROWS = "0 0 0\n0 1 1\n1 0 1\n1 1 0\n"
REFERENCE = ("--backend", "reference")
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def examples(folder: Path) -> None:
    """A spec that can be trained, and its data."""
    (folder / "learn.nn").write_text(LEARNT, encoding="utf-8")
    (folder / "xor.txt").write_text(ROWS, encoding="utf-8")


def record(folder: Path, run: str) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / run / "run.json").read_bytes())
    return found


def test_training_says_an_epoch_a_line_and_where_the_run_is(nnc: Nnc, folder: Path) -> None:
    result = nnc("train", "learn.nn", *REFERENCE)
    assert (result.exit_code, result.stdout) == (0, "runs/learn-1\n"), result.stderr
    lines = result.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["epoch 1", "epoch 100", "epoch 200"]
    assert lines[-1].endswith("accuracy 1")
    assert record(folder, "runs/learn-1")["status"] == "finished"
    assert nnc("train", "learn.nn", *REFERENCE, "--quiet").stdout == "runs/learn-2\n"
    assert not nnc("train", "learn.nn", *REFERENCE, "-q", "--epochs", "1").stderr


def test_onnx_runtime_trains_where_nothing_else_is_asked_for(nnc: Nnc, folder: Path) -> None:
    result = nnc("train", "learn.nn", "-o", "run", "-q")
    assert result.exit_code == 0, result.stderr
    found = record(folder, "run")
    assert (found["backend"], found["precision"]) == ("onnx", "float32")
    assert found["results"] == pytest.approx({"loss": 0.0, "accuracy": 1.0}, abs=0.1)


def test_what_is_set_otherwise_stands_in_the_spec_of_the_run(nnc: Nnc, folder: Path) -> None:
    given = ("--epochs", "3", "--batch", "2", "--log-every", "2")
    result = nnc("train", "learn.nn", *REFERENCE, "-o", "some/run", *given)
    assert (result.exit_code, result.stdout) == (0, "some/run\n"), result.stderr
    assert result.stderr.count("epoch") == 3
    spec = json.loads((folder / "some/run/spec.json").read_bytes())
    assert [spec["train"][name] for name in ("epochs", "batch", "log_every")] == [3, 2, 2]


def test_a_run_is_not_overwritten(nnc: Nnc, folder: Path) -> None:
    nnc("train", "learn.nn", *REFERENCE, "-o", "run", "--epochs", "2")
    before = contents(folder / "run")
    result = nnc("train", "learn.nn", *REFERENCE, "-o", "run")
    assert (result.exit_code, "is a run already" in result.stderr) == (2, True)
    assert contents(folder / "run") == before
    (folder / "run/own.txt").write_text("mine")
    forced = nnc("train", "learn.nn", *REFERENCE, "-o", "run", "--epochs", "3", "--force")
    assert forced.exit_code == 0, forced.stderr
    assert record(folder, "run")["epochs"] == 3
    assert (folder / "run/own.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "give a spec"),
        (("learn.nn", "--resume", "run"), 2, "give a spec"),
        (("missing.nn",), 2, "no such file"),
        (("xor.nn", *REFERENCE), 1, "error[E801]"),
        (("wrong.nn", *REFERENCE), 1, "error[E101]"),
        (("learn.nn", *REFERENCE, "--set", "nope=1"), 1, "nope"),
        (("learn.nn", *REFERENCE, "--data", "nope.txt"), 1, "error[E611]"),
        (("learn.nn", *REFERENCE, "--weights", "nope.safetensors"), 2, "no such file"),
        (("learn.nn", *REFERENCE, "--weights", "xor.txt"), 1, "error[E601]"),
        (("learn.nn", *REFERENCE, "--precision", "float32"), 2, "float64"),
        (("learn.nn", *REFERENCE, "--device", "cuda"), 2, "`cuda`"),
        (("learn.nn", *REFERENCE, "-o", "xor.txt"), 2, "is a file"),
        (("learn.nn", *REFERENCE, "-o", "xor.txt/run"), 2, "can't write xor.txt/run: not a dir"),
        (("learn.nn", *REFERENCE, "-o", "."), 2, "is not empty"),
        (("learn.nn", *REFERENCE, "-o", "xor.txt/run"), 2, "xor.txt"),
        (("learn.nn", *REFERENCE, "--epochs", "0"), 2, "epochs"),
        (("--resume", "nope"), 1, "error[E804]"),
        (("--resume", "."), 1, "is not a run"),
        (("--resume", "nope", "--epochs", "3"), 2, "keeps its settings"),
    ],
)
def test_bad_input_is_one_message_and_leaves_nothing(
    nnc: Nnc, folder: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    before = contents(folder)
    result = nnc("train", *arguments)
    assert (result.exit_code, words in result.stderr) == (code, True), result.stderr
    assert "Traceback" not in result.stderr
    assert contents(folder) == before
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("backend", "device", "words"),
    [
        ("reference", "gpu", "the reference computes on `cpu` alone, not on `gpu`"),
        ("onnx", "cuda", "ONNX models are trained on `cpu` alone, not on `cuda`"),
        pytest.param(
            *("keras", "gpu", "TensorFlow has no device `gpu` here, only `cpu`"),
            marks=pytest.mark.slow,
        ),
        ("keras", "cuda", "Keras has no device `cuda`: it is trained on `cpu` or on `gpu`"),
        *(
            ("torch", name, f"PyTorch has no device `{name}` here, only `cpu`")
            for name in ("cuda", "cuda:1", "mps", "meta", "hpu", "mkldnn", "cpu:1", "CPU", "warp")
        ),
    ],
)
def test_a_device_that_is_not_there_is_one_message(
    nnc: Nnc, folder: Path, backend: str, device: str, words: str
) -> None:
    result = nnc("train", "learn.nn", "--backend", backend, "--device", device)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: {words}\n"
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("backend", ["reference", "onnx"])
def test_mixed_precision_is_refused_where_there_is_none(
    nnc: Nnc, folder: Path, backend: str
) -> None:
    result = nnc("train", "learn.nn", "--backend", backend, "--precision", "mixed")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "`--backend torch` and `keras` have mixed precision" in result.stderr
    assert not (folder / "runs").exists()


@pytest.mark.parametrize("backend", ["reference", "onnx"])
def test_the_xor_of_the_lecture_is_learnt(nnc: Nnc, folder: Path, backend: str) -> None:
    spec = str(ROOT / "specs/curriculum/xor.nn")
    result = nnc("train", spec, "--backend", backend, "-o", "run", "-q")
    assert result.exit_code == 0, result.stderr
    found = record(folder, "run")["results"]
    assert isinstance(found, dict)
    assert (found["accuracy"], found["loss"] < 0.1) == (1.0, True)


def test_arrays_that_are_ready(nnc: Nnc, folder: Path) -> None:
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    np.savez(folder / "ready.npz", x=x, y=(x.sum(1) == 1).astype(np.float32)[:, None])
    first = nnc("train", "learn.nn", *REFERENCE, "-o", "text")
    second = nnc("train", "learn.nn", *REFERENCE, "-o", "ready", "--data", "ready.npz")
    assert second.exit_code == 0, second.stderr
    assert first.stderr == second.stderr


def test_training_begins_with_given_weights(nnc: Nnc, folder: Path) -> None:
    nnc("train", "learn.nn", *REFERENCE, "-o", "first")
    trained = "first/weights/last.safetensors"
    result = nnc("train", "learn.nn", *REFERENCE, "--weights", trained, "--epochs", "1")
    assert result.stderr.endswith("accuracy 1\n")


def test_a_loss_that_is_no_number_is_a_finding(nnc: Nnc, folder: Path) -> None:
    spec = LEARNT.replace("tanh", "exp -> exp -> exp")
    (folder / "learn.nn").write_text(spec, encoding="utf-8")
    (folder / "xor.txt").write_text("0 0 0\n0 1 1\n99 -99 1\n")
    result = nnc("train", "learn.nn", *REFERENCE, "-o", "run")
    assert result.exit_code == 1
    assert "error[E803]: the loss is " in result.stderr
    assert "is the first layer that gives inf at [2, " in result.stderr
    assert "--> learn.nn:9:" in result.stderr
    assert record(folder, "run")["status"] == "diverged"


def test_data_that_is_not_finite_is_refused_before_a_run_begins(nnc: Nnc, folder: Path) -> None:
    (folder / "xor.txt").write_text("0 0 0\n0 1 1\n1 inf 1\n")
    result = nnc("train", "learn.nn", *REFERENCE, "-o", "run")
    assert result.exit_code == 1
    assert "error[E614]: xor.txt: column 1, row 3: inf is not finite" in result.stderr
    assert not (folder / "run").exists()


def child(folder: Path, *arguments: str, stderr: int) -> subprocess.Popen[bytes]:
    """`nnc train` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "nnc", "train", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "COLUMNS": "90"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=stderr,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_after_the_step_and_says_how_to_go_on(
    nnc: Nnc, folder: Path, number: signal.Signals
) -> None:
    more = (*REFERENCE, "--epochs", "100000", "--log-every", "50")
    with child(folder, "learn.nn", *more, "-o", "run", stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        while not process.stderr.readline().startswith(b"epoch 50:"):
            pass
        process.send_signal(number)
        said = process.stderr.read().decode()
        assert (process.wait(), process.stdout.read()) == (130, b"run\n")
    assert said.endswith("interrupted; `nnc train --resume run` continues\n")
    assert "Traceback" not in said
    found = record(folder, "run")
    assert found["status"] == "interrupted"
    state = folder / "run/state.safetensors"
    before = state.read_bytes()
    (folder / "xor.txt").rename(folder / "moved.txt")
    assert nnc("train", "--resume", "run").exit_code == 1
    assert state.read_bytes() == before


def test_a_run_goes_on_where_its_data_are_now(nnc: Nnc, folder: Path) -> None:
    nnc("train", "learn.nn", *REFERENCE, "-o", "run", "--epochs", "3")
    (folder / "xor.txt").rename(folder / "moved.txt")
    result = nnc("train", "--resume", "run", "--data", "moved.txt")
    assert (result.exit_code, result.stdout) == (0, "run\n"), result.stderr


def test_a_terminal_gets_a_bar(folder: Path) -> None:
    ours, theirs = pty.openpty()
    with child(folder, "learn.nn", *REFERENCE, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
        assert process.wait() == 0
    os.close(ours)
    text = shown.decode()
    assert "epoch 100: loss " in text
    assert "steps/s" in text
    assert "200/200" in text


def test_a_run_has_a_report_unless_it_is_left_out(nnc: Nnc, folder: Path) -> None:
    assert nnc("train", "learn.nn", *REFERENCE, "-o", "a", "-q").exit_code == 0
    assert "<title>Xor: a</title>" in (folder / "a/report.html").read_text("utf-8")
    again = nnc("train", "learn.nn", *REFERENCE, "-o", "a", "-q", "--force", "--no-report")
    assert again.exit_code == 0, again.stderr
    assert not (folder / "a/report.html").exists()
    result = nnc("train", "--resume", "a", "--no-report")
    assert (result.exit_code, "keeps its settings" in result.stderr) == (2, True)


def test_events_for_tensorboard(nnc: Nnc, folder: Path) -> None:
    assert nnc("train", "learn.nn", *REFERENCE, "-o", "a", "-q", "--tensorboard").exit_code == 0
    (path,) = (folder / "a/tensorboard/train").iterdir()
    assert path.name.startswith("events.out.tfevents.")
    assert not (folder / "a/tensorboard/validation").exists()
    assert record(folder, "a")["tensorboard"] is True
