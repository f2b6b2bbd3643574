"""Several processes beside one: they take the reference's steps, and what goes wrong is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path as File
from typing import Any

import pytest

from nnc.backends import initial
from nnc.backends.base import Artifact
from nnc.backends.torch.emit import emit
from nnc.backends.torch.ranks.engine import TorchRanks
from nnc.backends.torch.ranks.processes import Processes
from nnc.compiler.diagnostics import Failed
from nnc.compiler.ir import Program
from nnc.verify import Path, verify_steps
from nnc.verify.chart import render
from nnc.verify.feed import at_random
from tests.backends.keras.programs import of_text
from tests.cli.conftest import Nnc

MODEL = """model M {
  input x: f32[2, 6, 6]
  output p = x -> Conv2D(3, 3, padding=same, bias=false) -> BatchNorm -> relu -> MaxPool2D(2)
    -> SpatialDropout(0.2) -> Flatten -> Dense(5) -> relu -> Dropout(0.3) -> Dense(4) -> softmax
}
"""
PLAIN = "model M { input x: f32[5] output p = x -> Dense(6) -> tanh -> Dense(4) -> softmax }\n"
TRAIN = """train {
  target y: i64
  loss = cross_entropy(p, y) + l2(1e-3)
  optimizer = sgd(0.1, momentum=0.9)
  clip = global_norm(0.5)
  batch = 7
  seed = 3
}
"""
UNCLIPPED = TRAIN.replace("clip = global_norm(0.5)\n", "")
BATCH = 7
"""Which two processes divide unequally."""


def compared(text: str, *precisions: Any, steps: int = 4, ranks: int = 2) -> tuple[Path, ...]:
    program = of_text(text)
    return verify_steps(
        program,
        steps=steps,
        feed=at_random(program, BATCH, 1, steps),
        weights=dict(initial.weights(program.graph, program.seed)),
        backends=["torch"],
        precisions=precisions or ("float64",),
        ranks=ranks,
    ).paths


def test_two_and_three_take_the_steps_of_one() -> None:
    exact, both, single, singles = compared(MODEL + TRAIN, "float64", "float32", steps=12)
    assert [path.title for path in (exact, both)] == ["torch", "torch × 2 ranks"]
    for path in (exact, both, single, singles):
        assert path.agrees, path.message
        assert len(path.steps) == 12
    assert max(max(step.difference, step.worst) for step in both.steps) < 1e-12
    assert (both.ranks, singles.precision, singles.promised) == (2, "float32", 10)
    *_, three = compared(MODEL + TRAIN, steps=2, ranks=3)
    assert three.agrees, three.message


SLIPS = {
    "gradients added up": (
        PLAIN + UNCLIPPED,
        "(loss * dist.get_world_size()).backward()",
        "(loss * dist.get_world_size() ** 2).backward()",
        "added up, and not averaged",
    ),
    "parts that count the same": (
        PLAIN + UNCLIPPED,
        "* ((rows.stop - rows.start) / count)",
        "/ dist.get_world_size()",
        "counted no more than they",
    ),
    "statistics of its own rows": (
        MODEL.replace("-> Dropout(0.3)", "") + TRAIN,
        "self.conv2d = ",
        "GlobalBatchNorm.forward = nn.BatchNorm2d.forward\n        self.conv2d = ",
        "statistics of each process's own rows",
    ),
    "numbers of the first rows": (
        PLAIN.replace("-> tanh", "-> tanh -> Dropout(0.5)") + TRAIN,
        "set_step(self.model, step, rows.start)",
        "set_step(self.model, step, 0)",
        "drew the numbers of the first rows",
    ),
}


def slipping(monkeypatch: pytest.MonkeyPatch, right: str, wrong: str) -> None:
    """The program for several processes is written with something else in it."""

    def slipped(made: Program, **options: Any) -> Artifact:
        text = emit(made, **options).text
        assert right in text, text
        return Artifact(".py", (text.replace(right, wrong).encode(),))

    monkeypatch.setattr("nnc.backends.torch.ranks.engine.emit", slipped)


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_in_the_division_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, right, wrong, hint = SLIPS[name]
    slipping(monkeypatch, right, wrong)
    alone, both = compared(text)
    assert alone.agrees
    assert both.first is not None, both.message
    assert (both.first.step, both.first.way) == (0, "division"), both.first
    assert both.first.hint is not None, both.first
    assert hint in both.first.hint


def test_the_text_says_that_one_process_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    _, right, wrong, hint = SLIPS["gradients added up"]
    slipping(monkeypatch, right, wrong)
    program = of_text(PLAIN + UNCLIPPED)
    weights = dict(initial.weights(program.graph, program.seed))
    feed = at_random(program, BATCH, 1, 2)
    found = verify_steps(
        program, steps=2, feed=feed, weights=weights, backends=["torch"], precisions=["float64"],
        ranks=2,
    )  # fmt: skip
    said = render(found)
    assert "torch × 2 ranks in float64: weight `dense.weight` differs by" in said
    assert "one process takes this step as the reference does, of layer `dense` (Dense)" in said
    assert hint in said
    paths = json.loads(json.dumps(found.to_json(), allow_nan=False))["paths"]
    assert [path["ranks"] for path in paths] == [1, 2]


def begun(program: Program) -> TorchRanks:
    weights = dict(initial.weights(program.graph, program.seed))
    return TorchRanks(program, weights, "float64", 2, BATCH)


def stepping(ranks: TorchRanks, program: Program) -> None:
    ranks.step([at_random(program, BATCH, 1, 1).batch(0)], 0, 0.1)


AILMENTS = {
    "dies": ("os._exit(3)", "process 2 of 2: ended with exit code 3"),
    "is killed": ("os.kill(os.getpid(), 9)", "process 2 of 2: was ended by signal 9"),
    "complains": ("raise KeyError('out of luck')", "process 2 of 2: KeyError: 'out of luck'"),
    "hangs": ("import time; time.sleep(1000)", "processes 1, 2 of 2 gave no answer for 3 seconds"),
}


@pytest.mark.parametrize("name", AILMENTS)
def test_a_process_that_fails_ends_all(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ailment, told = AILMENTS[name]
    begin = "self.optimizer.zero_grad()"
    slipping(monkeypatch, begin, f"if dist.get_rank(): {ailment}\n        {begin}")
    program = of_text(PLAIN + TRAIN)
    ranks = begun(program)
    try:
        if name == "hangs":
            ranks._processes.patience = 3.0
        with pytest.raises(RuntimeError) as error:
            stepping(ranks, program)
        assert str(error.value) == told
        assert running(ranks) == []
    finally:
        ranks.close()


COMPLAINING = """
import os, sys, time
from nnc.backends.torch.ranks.messages import packed
import numpy as np
if os.environ["RANK"] == "0":
    sys.stdout.buffer.write(packed({"error": np.array("the other one has gone")}))
else:
    time.sleep(0.7)
    sys.exit(3)
"""


def test_who_has_died_is_told_and_not_who_complains_of_it() -> None:
    root = str(File(__file__).resolve().parents[2])
    settings = [{**os.environ, "PYTHONPATH": root, "RANK": str(rank)} for rank in (0, 1)]
    processes = Processes([sys.executable, "-c", COMPLAINING], settings, 60.0)
    with pytest.raises(RuntimeError, match="process 2 of 2: ended with exit code 3"):
        processes.ask({})


def running(ranks: TorchRanks) -> list[int]:
    """The numbers of processes that go on."""
    members = ranks._processes._members
    return [m._process.pid for m in members if m._process.poll() is None]


def test_a_failure_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = "self.optimizer.zero_grad()"
    slipping(monkeypatch, begin, f"raise ValueError('no luck')\n        {begin}")
    alone, both = compared(PLAIN + TRAIN, steps=2)
    assert alone.agrees
    assert both.state == "failed"
    assert both.message in {
        f"step 1: RuntimeError: process {n} of 2: ValueError: no luck" for n in (1, 2)
    }


def test_processes_that_part_from_each_other_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    slipping(
        monkeypatch,
        "descend(self.model, self.optimizer, rate)",
        "descend(self.model, self.optimizer, rate * (1 + dist.get_rank()))",
    )
    program = of_text(PLAIN + TRAIN)
    ranks = begun(program)
    try:
        with pytest.raises(RuntimeError, match=r"process 2 has another `dense\.weight`"):
            stepping(ranks, program)
    finally:
        ranks.close()
    assert running(ranks) == []


def test_what_can_not_be_divided_is_refused() -> None:
    with pytest.raises(Failed) as failed:
        compared(PLAIN + TRAIN, ranks=8)
    assert [d.code for d in failed.value.diagnostics] == ["E725"]
    with pytest.raises(Failed) as failed:
        compared(PLAIN + TRAIN.replace("(p, y)", "(p, y, ignore=0)"))
    assert [d.code for d in failed.value.diagnostics] == ["E805"]
    with pytest.raises(ValueError, match="can't be divided"):
        TorchRanks(of_text(PLAIN + TRAIN), {}, "float64", 2, 1)


def test_the_command(nnc: Nnc, folder: File, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "m.nn").write_text(PLAIN + TRAIN, encoding="utf-8")
    options = ("--steps", "2", "--ranks", "2", "--backend", "torch", "--float64")
    made = nnc("verify", "m.nn", *options, "--certificate", "c.json")
    assert made.exit_code == 0, made.output
    assert "torch × 2 ranks  loss" in made.stdout
    again = nnc("verify", "--cert", "c.json")
    assert again.exit_code == 0, again.output
    assert "training on torch × 2 ranks in float64" in again.stdout
    assert nnc("verify", "--cert", "c.json", "--ranks", "2").exit_code == 2
    assert nnc("verify", "m.nn", "--ranks", "2").exit_code == 2
    assert nnc("verify", "m.nn", "--steps", "2", "--ranks", "1").exit_code == 2
    other = nnc("verify", "m.nn", "--steps", "2", "--ranks", "2", "--backend", "keras")
    assert (other.exit_code, "`--backend torch`" in other.stderr) == (2, True)
    few = nnc("verify", "m.nn", "--steps", "2", "--ranks", "5")
    assert (few.exit_code, "error[E725]" in few.stderr) == (1, True)
    monkeypatch.setattr("torch.distributed.is_gloo_available", lambda: False)
    lacking = nnc("verify", "m.nn", *options)
    assert (lacking.exit_code, "built without gloo" in lacking.stderr) == (2, True)
    monkeypatch.setattr("nnc.backends.registry.find_spec", lambda name: None)
    missing = nnc("verify", "m.nn", "--steps", "2", "--ranks", "2")
    assert (missing.exit_code, "PyTorch is not installed" in missing.stderr) == (2, True)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in listed.stdout.split()]


def is_running(pid: int) -> bool:
    try:
        return "Z" not in File(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2]
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_behind(folder: File, how: signal.Signals) -> None:
    (folder / "m.nn").write_text(PLAIN + TRAIN, encoding="utf-8")
    options = ("--steps", "1000000", "--ranks", "2", "--backend", "torch", "--float64")
    root = str(File(__file__).resolve().parents[2])
    process = subprocess.Popen(
        [sys.executable, "-m", "nnc", "verify", "m.nn", *options],
        cwd=folder, env={**os.environ, "PYTHONPATH": root}, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        started = wait_for(lambda: children(process.pid) if len(children(process.pid)) == 2 else [])
        time.sleep(1)
        process.send_signal(how)
        process.communicate(timeout=60)
        assert process.returncode == (130 if how is signal.SIGINT else -how)
        wait_for(lambda: not any(map(is_running, started)))
    finally:
        process.kill()


def wait_for(found: Any) -> Any:
    """What a function gives once it gives something."""
    until = time.monotonic() + 60
    while not (result := found()):
        assert time.monotonic() < until
        time.sleep(0.1)
    return result
