"""Event files, as TensorFlow itself reads them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnc.training import start
from nnc.training.engines import Setup
from nnc.training.events import EventFile, crc32c, framed, masked
from nnc.training.folder import Folder
from nnc.training.run import Run
from tests.training.engines import of_text
from tests.training.test_run import SPEC, points, table, trained


def events(path: Path) -> list[Any]:
    """The events of a file by TensorFlow's reader, which checks every sum."""
    from tensorflow.compat.v1.train import summary_iterator

    return list(summary_iterator(str(path)))


def files(folder: Folder, part: str) -> list[Path]:
    return sorted((folder.events / part).iterdir())


def scalars(found: list[Any]) -> dict[str, dict[int, float]]:
    """Numbers by name and step; what stands after a start is void from its step on."""
    made: dict[str, dict[int, float]] = {}
    for event in found:
        if event.HasField("session_log"):
            assert event.session_log.status == event.session_log.START
            made = {n: {s: x for s, x in of.items() if s < event.step} for n, of in made.items()}
        for value in event.summary.value:
            made.setdefault(value.tag, {})[event.step] = value.simple_value
    return made


def begun(folder: Path, text: str = SPEC % "") -> Run:
    points(folder)
    (folder / "run").mkdir()
    setup = Setup("reference", "float64")
    ready = start.prepare(of_text(text), setup, base=folder, tensorboard=True)
    return ready.into(Folder(folder / "run"))


def check(run: Run) -> None:
    """The events say what the tables say."""
    own, other = (
        scalars([event for path in files(run.folder, part) for event in events(path)])
        for part in ("train", "validation")
    )
    wanted: dict[str, dict[int, float]] = {}
    held: dict[str, dict[int, float]] = {}
    for row in table(run.folder.history):
        for name, told in row.items():
            if told and name not in ("epoch", "step"):
                into = held if name.startswith("val_") else wanted
                into.setdefault(name.removeprefix("val_"), {})[int(row["epoch"])] = float(told)
    for row in table(run.folder.gradients):
        for name, told in row.items():
            if name != "epoch":
                wanted.setdefault(f"gradients/{name}", {})[int(row["epoch"])] = float(told)
    for found, expected in ((own, wanted), (other, held)):
        assert {n: set(of) for n, of in found.items()} == {n: set(of) for n, of in expected.items()}
        for name, of in expected.items():
            for step, number in of.items():
                assert found[name][step] == float(np.float32(number))


def test_events_say_what_the_history_says(tmp_path: Path) -> None:
    run = trained(begun(tmp_path))
    first, *rest = events(files(run.folder, "train")[0])
    assert first.file_version == "brain.Event:2"
    times = [event.wall_time for event in (first, *rest)]
    assert times == sorted(times)
    assert abs(times[0] - run.folder.events.stat().st_mtime) < 100
    check(run)


def test_a_run_that_goes_on_voids_what_it_computes_again(tmp_path: Path) -> None:
    run = begun(tmp_path)
    before = (run.folder.state.read_bytes(), run.folder.record.read_bytes())
    for update in run.updates():
        if update.step == 14:
            run.interrupt()
    for path, content in zip((run.folder.state, run.folder.record), before, strict=True):
        path.write_bytes(content)  # as if killed before the first snapshot
    trained(start.resume(run.folder))
    assert len(files(run.folder, "train")) == 2
    check(run)
    run.folder.clear()
    assert files(run.folder, "train") == files(run.folder, "validation") == []


def test_without_being_asked_there_are_none(tmp_path: Path) -> None:
    points(tmp_path)
    (tmp_path / "run").mkdir()
    ready = start.prepare(of_text(SPEC % ""), Setup("reference", "float64"), base=tmp_path)
    run = trained(ready.into(Folder(tmp_path / "run")))
    assert not run.folder.events.exists()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 1e300, 0.0, -1e-300])
def test_every_number_can_be_written(tmp_path: Path, number: float) -> None:
    file = EventFile(tmp_path, 0)
    file.add(2**40, {"loss ü": number})
    file.close()
    (path,) = tmp_path.iterdir()
    ((event,),) = [[e for e in events(path) if e.summary.value]]
    assert event.step == 2**40
    (value,) = event.summary.value
    with np.errstate(over="ignore"):
        np.testing.assert_equal(value.simple_value, float(np.float32(number)))
    assert value.tag == "loss ü"


def test_the_check_is_that_of_its_papers() -> None:
    # RFC 3720, appendix B.4
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"123456789") == 0xE3069283
    assert masked(0) == 0xA282EAD8


@pytest.mark.parametrize("size", [0, 1, 255, 3000])
def test_frames_are_tensorflows(tmp_path: Path, size: int) -> None:
    import tensorflow as tf

    content = np.random.default_rng(size).bytes(size)
    with tf.io.TFRecordWriter(str(tmp_path / "records")) as writer:
        writer.write(content)
    assert (tmp_path / "records").read_bytes() == framed(content)
