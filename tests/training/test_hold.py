"""One process at a time trains in a folder; what a killed one has left is taken over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from nnc.compiler.diagnostics import Failed
from nnc.training import start
from nnc.training.engines import Setup
from nnc.training.folder import Folder
from nnc.training.hold import NAME, Hold
from nnc.training.run import Run
from tests.cli.conftest import process
from tests.training.test_run import CHILD, ROOT, begun, content, points, program, trained

KEEPER = """\
import sys
from pathlib import Path
from nnc.training.hold import Hold
hold = Hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def child(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process that has said its first line, and waits."""
    with subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        try:
            assert other.stdout.readline()
            yield other
        finally:
            other.kill()


def refusal(folder: Path) -> str:
    """What is said of a folder that is in use."""
    with pytest.raises(Failed) as caught:
        Hold(folder)
    (found,) = caught.value.diagnostics
    assert found.code == "E808"
    return found.message


def test_a_folder_is_held_until_it_is_given_free(tmp_path: Path) -> None:
    first = Hold(tmp_path)
    mine = f"{tmp_path} is in use: process {os.getpid()} trains in it"
    assert refusal(tmp_path) == mine
    first.close()
    first.close()
    assert list(tmp_path.iterdir()) == []
    second = Hold(tmp_path)
    assert refusal(tmp_path) == mine
    del second
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_held_is_taken_over(tmp_path: Path) -> None:
    with child(KEEPER, str(tmp_path)) as other:
        assert refusal(tmp_path) == f"{tmp_path} is in use: process {other.pid} trains in it"
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert (tmp_path / NAME).read_text() == str(other.pid)
    hold = Hold(tmp_path)
    assert (tmp_path / NAME).read_text() == str(os.getpid())
    hold.close()
    # A process that has the dead one's number holds nothing by it.
    (tmp_path / NAME).write_text(str(os.getppid()))
    Hold(tmp_path).close()


def test_a_process_that_ends_leaves_nothing(tmp_path: Path) -> None:
    with child(KEEPER, str(tmp_path)) as other:
        other.communicate("\n")
        assert other.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_another_process_trains_is_refused_and_not_touched(tmp_path: Path) -> None:
    whole = trained(begun(tmp_path, "whole"))
    path = tmp_path / "run"
    with child(CHILD, str(path), "reference", "float64") as other:
        before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
        xor = str(ROOT / "specs/curriculum/xor.nn")
        for arguments in (("--resume", "run"), (xor, "-o", "run", "--force")):
            result = process("train", *arguments, cwd=tmp_path)
            said = result.stderr.decode()
            assert (result.returncode, result.stdout) == (1, b"")
            assert f"error[E808]: run is in use: process {other.pid} trains in it" in said
            assert "Traceback" not in said
        assert {f: f.read_bytes() for f in path.rglob("*") if f.is_file()} == before
        other.send_signal(signal.SIGKILL)
        other.wait()
    again = trained(start.resume(Folder(path)))
    assert content(again) == content(whole)
    assert not (path / NAME).exists()


def test_a_run_is_free_when_it_has_ended_or_failed(tmp_path: Path) -> None:
    run = begun(tmp_path, "run")
    assert "is in use" in refusal(run.folder.path)
    for _ in run.updates():
        break  # the walk is given up
    Hold(run.folder.path).close()
    ended = trained(start.resume(run.folder))
    assert start.resume(run.folder).ended
    assert start.resume(ended.folder).ended
    assert not (run.folder.path / NAME).exists()


def test_a_run_that_was_begun_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    ready = start.prepare(program(), Setup("reference", "float64"), base=points(tmp_path).parent)
    first = trained(begun(tmp_path, "run"))
    before = content(first)
    with pytest.raises(Failed, match="another process has begun a run in it"):
        ready.into(first.folder)
    assert content(first) == before
    assert trained(ready.into(first.folder, replaces=True)).record.status == "finished"


@pytest.mark.parametrize("written", [0, 1, 2, 3])
def test_a_process_that_is_killed_as_it_begins_leaves_a_folder_to_begin_in(
    tmp_path: Path, written: int
) -> None:
    xor = ROOT / "specs/curriculum/xor.nn"
    whole: Run = trained(begun(tmp_path, "run"))
    order = (whole.folder.spec, whole.folder.fitted, whole.folder.state)
    for path in whole.folder.own():
        if path not in order[:written]:
            path.unlink(missing_ok=True)
    (tmp_path / "run" / NAME).write_text("1")
    (tmp_path / "run" / ".state.safetensors.0123456789ab").write_bytes(b"half")
    result = process("train", str(xor), "-o", "run", "--epochs", "1", "-q", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, b"run\n"), result.stderr
    left = [path.name for path in (tmp_path / "run").iterdir() if path.name.startswith(".")]
    assert left == []
