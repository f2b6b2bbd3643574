"""A folder with a training step: trained by its manifest alone, with nothing of nnc."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner
from safetensors.numpy import load_file

from nnc.backends.base import Arrays
from nnc.backends.reference.engine import ReferenceEngine
from nnc.cli.group import group
from nnc.loading import compile_text
from nnc.training.data.augmenting import changes

SPEC = """\
model M {
  input  x: f32[4]
  output p = x -> Dense(6, bias=false) -> BatchNorm -> tanh -> Dropout(0.2) -> Dense(3) -> softmax
}

train {
  target y: i64
  loss = cross_entropy(p, y) + l2(1e-3)
  optimizer = nadam(0.02)
  schedule = cosine(warmup_steps=3)
  clip = global_norm(1.0)
  metrics = [accuracy(p, y), confusion_matrix(p, y)]
  batch = 8
}
"""
NUMPY: dict[str, Any] = {"f32": np.float32, "f64": np.float64, "i64": np.int64}


def written(folder: Path, *options: str, text: str = SPEC) -> Any:
    spec = folder / "m.nn"
    spec.write_text(text, encoding="utf-8")
    target = str(folder / "out")
    given = ["compile", str(spec), "--backend", "onnx", "--train", "-o", target, *options]
    return CliRunner().invoke(group, given)


class Trainer:
    """The loop that a user of the folder writes."""

    def __init__(self, folder: Path) -> None:
        self.about = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        self.state = load_file(folder / self.about["state"]["file"])
        self.sessions = {
            part: onnxruntime.InferenceSession(folder / self.about[part]["file"])
            for part in ("train", "augment", "evaluate", "infer")
            if part in self.about
        }
        described = (*self.about["train"]["inputs"], *self.about["train"]["targets"])
        self.types = {end["name"]: NUMPY[end["type"]] for end in described}

    def run(self, part: str, given: dict[str, Any]) -> dict[str, Any]:
        session = self.sessions[part]
        known = {**self.state, **given}
        feeds = {end.name: known[end.name] for end in session.get_inputs()}
        names = [end.name for end in session.get_outputs()]
        return dict(zip(names, session.run(names, feeds), strict=True))

    def changed(self, batch: dict[str, Any], places: Any, epoch: int) -> dict[str, Any]:
        """A batch as it is in an epoch."""
        augment = self.about["augment"]
        numbers = {augment["places"]: places, augment["epoch"]: np.array(epoch)}
        made = self.run("augment", {**batch, **numbers})
        return batch | {end["name"]: made[end["changed"]] for end in augment["inputs"]}

    def step(self, batch: dict[str, Any], number: int) -> float:
        train = self.about["train"]
        rates = train["rates"]
        given = {name: np.asarray(x, self.types[name]) for name, x in batch.items()}
        given[train["step"]] = np.array(number, np.int64)
        given[train["row"]] = np.array(0, np.int64)
        given[train["rate"]] = np.array(rates[min(number, len(rates) - 1)], np.float64)
        made = self.run("train", given)
        tensors = self.about["state"]["tensors"]
        self.state |= {part["name"]: made[part["next"]] for part in tensors if part["next"]}
        return float(made[train["loss"]])


def test_it_trains_by_its_manifest(tmp_path: Path) -> None:
    result = written(tmp_path, "--updates", "12")
    assert result.exit_code == 0, result.output
    trainer = Trainer(tmp_path / "out")
    program, _ = compile_text(SPEC)
    assert program is not None
    weights = {name: trainer.state[name].astype(np.float64) for name in program.graph.weights}
    reference = ReferenceEngine(program, weights)
    rng = np.random.default_rng(1)
    batch: Arrays = {"x": rng.normal(size=(8, 4)).astype(np.float32), "y": rng.integers(0, 3, 8)}
    for number in range(12):
        expected = reference.step([batch], number, reference.rate(number, 12))
        assert trainer.step(batch, number) == pytest.approx(expected, rel=2e-5)
    for name, array in reference.weights().items():
        np.testing.assert_allclose(trainer.state[name], array, atol=2e-5)
    truth = reference.evaluate([batch])
    found = trainer.run("evaluate", batch)
    assert found[trainer.about["evaluate"]["loss"]] == pytest.approx(truth["loss"], rel=2e-5)
    metric, other = trainer.about["evaluate"]["metrics"]
    assert (metric["name"], metric["finish"]) == ("accuracy", "ratio")
    right, count = found[metric["statistics"]]
    assert right / count == truth["accuracy"]
    assert (other["name"], other["finish"]) == ("confusion_matrix", "confusion_matrix")
    halves = [{name: x[rows] for name, x in batch.items()} for rows in (slice(3), slice(3, 8))]
    parts = [trainer.run("evaluate", half)[other["statistics"]] for half in halves]
    assert sum(parts).tolist() == truth["confusion_matrix"]
    made = trainer.run("infer", batch)["p"]
    np.testing.assert_allclose(made, reference.outputs(batch)["p"], atol=2e-5)


def test_examples_are_changed_by_the_manifest(tmp_path: Path) -> None:
    """The losses are those of the reference, which takes the batches that nnc changes."""
    text = SPEC.replace("batch = 8", "augment = [noise(x, 0.3), scale(x, 0.2)]  batch = 8")
    result = written(tmp_path, "--updates", "12", text=text)
    assert result.exit_code == 0, result.output
    trainer = Trainer(tmp_path / "out")
    program, _ = compile_text(text)
    assert program is not None
    weights = {name: trainer.state[name].astype(np.float64) for name in program.graph.weights}
    reference = ReferenceEngine(program, weights)
    rng = np.random.default_rng(1)
    batch: Arrays = {"x": rng.normal(size=(8, 4)).astype(np.float32), "y": rng.integers(0, 3, 8)}
    places = np.array([4, 0, 7, 6, 1, 2, 3, 5])
    for number in range(12):
        x = batch["x"]
        for _, change in changes(program):
            x = change(x, places, number)
        expected = reference.step([batch | {"x": x}], number, reference.rate(number, 12))
        made = trainer.step(trainer.changed(batch, places, number), number)
        assert made == pytest.approx(expected, rel=2e-5)


def test_without_augment_nothing_changes_examples(tmp_path: Path) -> None:
    assert written(tmp_path, "--updates", "3").exit_code == 0
    assert not (tmp_path / "out" / "augment.onnx").exists()
    assert "augment" not in json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))


def test_the_same_spec_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert written(tmp_path / name, "--updates", "3").exit_code == 0
    first, second = (sorted((tmp_path / name / "out").iterdir()) for name in ("a", "b"))
    assert [path.name for path in first] == [path.name for path in second]
    assert all(x.read_bytes() == y.read_bytes() for x, y in zip(first, second, strict=True))


def test_rates_that_change_are_asked_for(tmp_path: Path) -> None:
    result = written(tmp_path)
    assert result.exit_code == 2
    assert "--updates" in result.output
    assert not (tmp_path / "out").exists()


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    result = written(tmp_path, "--updates", "3")
    assert result.exit_code == 2
    assert "out exists already" in result.output
    assert "= help: choose another folder" in result.output
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "options", [["--backend", "torch", "--train"], ["--backend", "onnx", "--updates", "3"]]
)
def test_options_that_do_not_go_together(tmp_path: Path, options: list[str]) -> None:
    spec = tmp_path / "m.nn"
    spec.write_text(SPEC, encoding="utf-8")
    result = CliRunner().invoke(group, ["compile", str(spec), "-o", str(tmp_path / "x"), *options])
    assert result.exit_code == 2
    assert "is for" in result.output
