"""`make browser`: pages of `nnc export --web` in headless Chromium against the numbers of Python.

Needs npm and a Chromium (the one named by CHROMIUM, else the one that is found), which is why it is
no part of `make test`.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from nnc.backends import weights
from nnc.backends.onnx.run import OnnxRunner
from nnc.compiler.ir import Program
from nnc.deployment.web.folder import write_page
from nnc.loading import compile_file
from nnc.training.data import Dataset, open_data, unprepared
from nnc.training.train import train
from nnc.training.units import restored

DIGITS = (Path(__file__).parents[2] / "specs" / "curriculum" / "digits_mlp.nn").read_text()
EARLY = (
    DIGITS.replace("test=0.2", "validation=0.2, test=0.2")
    .replace("rmsprop(lr=0.001)", "sgd(lr=0.5)")
    .replace(
        "[accuracy(p, label)]",
        "[accuracy(p, label), precision(p, label), recall(p, label), f1(p, label)]",
    )
    .replace(
        "epochs    = 5",
        "epochs = 30  schedule = plateau(0.5, 0, threshold=0.1, cooldown=1)  "
        "stop = early(patience=4, monitor=val_f1, min_delta=0.002)",
    )
)
"""Lowers its rate, ends early, and goes back to its best weights."""
NUMBERS = """\
data {
  source = sklearn("diabetes")
  x = column("data") -> standardize
  y = column("target") -> standardize
  split = shares(validation=0.2, test=0.1)
}
model Diabetes { input x: f32[10]  output p = x -> Dense(8) -> tanh -> Dropout(0.2) -> Dense(1) }
train {
  target y: f32[1]
  loss = mse(p, y)
  optimizer = adam(lr=0.01)
  metrics = [r2(p, y), rmse(p, y), mae(p, y)]
  stop = early(patience=3, monitor=r2, min_delta=0.005, restore_best=false)
  epochs = 40
  batch = 32
}
"""
YES = """\
data {
  source = sklearn("breast_cancer")
  x = column("data") -> standardize
  y = column("target")
  split = shares(validation=0.2, test=0.1)
}
model Cells { input x: f32[30]  output p = x -> Dense(4) -> tanh -> Dense(1) -> sigmoid }
train {
  target y: f32[1]
  loss = binary_cross_entropy(p, y)
  optimizer = sgd(lr=0.5)
  metrics = [auc(p, y), recall(p, y)]
  schedule = plateau(0.2, 0)
  epochs = 12
  batch = 64
}
"""
CHANGED = """\
data {
  source = sklearn("digits")
  image  = column("images") -> scale(1 / 16) -> reshape([1, 8, 8])
  label  = column("target")
  split  = shares(validation=0.2, test=0.5)
}
model Changed { input image: f32[1, 8, 8]  output p = image -> Flatten -> Dense(10) -> softmax }
train {
  target label: i64
  loss = cross_entropy(p, label)
  optimizer = sgd(lr=0.5)
  metrics = [accuracy(p, label)]
  augment = [flip(image, rate=0.2, vertical=true), crop(image, 1), rotate(image, 20),
             noise(image, 0.1), scale(image, 0.2)]
  epochs = 6
  batch = 50
}
"""
"""Every augmentation, and a last batch that is smaller than the others."""
PLANTS = """\
data {
  source = csv("plants.csv")
  x     = columns("long", "wide") -> impute(mean) -> standardize
  color = column("color") -> impute(constant, "blue") -> category
  note  = column("note") -> tokens(4)
  size  = column("size") -> standardize
  split = shares(validation=0.2, test=0.2)
}
model Plants {
  input x: f32[2]
  input color: i64
  input note: i64[4]
  named = color -> Embedding(3, 2)
  read  = note -> Embedding(20, 3) -> GlobalAvgPool
  output p = (x, named, read) -> Concat -> Dense(6) -> tanh -> Dense(1)
}
train {
  target size: f32[1]
  loss = mse(p, size)
  optimizer = adam(lr=0.02)
  epochs = 4
  batch = 16
}
"""
"""Takes numbers and choices some of which are missing, and texts, and estimates in units."""
NOTES = ("Tall, dry", "tall: ÉTÉ!", "été", "?", "a DRY one of five words", "seen")


def plants() -> str:
    """A table for it."""
    rng = np.random.default_rng(0)
    rows = ["long,wide,color,note,size"]
    for number in range(60):
        wide, long = rng.normal(2), "" if number % 7 == 3 else rng.normal(5)
        color, note = ("red", "green", "blue", "")[number % 4], NOTES[number % len(NOTES)]
        rows.append(f'{long},{wide},{color},"{note}",{10 + 3 * wide}')
    return "\n".join(rows)


SPECS = {
    "digits": DIGITS,
    "early": EARLY,
    "numbers": NUMBERS,
    "yes": YES,
    "changed": CHANGED,
    "plants": PLANTS,
}
PLAYWRIGHT = "playwright-core@1.64.1"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Say nothing about each file."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a folder on a plain static server."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def browser() -> str:
    """The path of a Chromium. Raises SystemExit when there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise SystemExit("there is no Chromium here: say where with CHROMIUM=/path")
    return found


def seen(address: str, folder: Path) -> dict[str, Any]:
    """What the browser shows."""
    shutil.copyfile(Path(__file__).with_name("page.mjs"), folder / "page.mjs")
    subprocess.run(["npm", "install", "--silent", "--no-save", PLAYWRIGHT], cwd=folder, check=True)
    command = ["node", "page.mjs", address, browser()]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def check(program: Program, data: Dataset, run: Path, found: dict[str, Any]) -> None:
    """The page's numbers are those of Python. Raises AssertionError."""
    assert found["state"] == "ready"
    assert found["problems"] == []
    check_answers(program, data, run / "weights" / "last.safetensors", found["answers"])
    check_units(program, data, found["answers"][-1], found["shown"])
    record = json.loads((run / "run.json").read_text())
    trained = found["trained"]
    history = np.genfromtxt(run / "history.csv", delimiter=",", names=True)
    names = [name for name in trained["history"][0] if name in (history.dtype.names or ())]
    assert {"loss", "rate"} <= {*names}
    assert len(trained["history"]) == len(history["loss"])
    for name in names:
        made = [epoch[name] for epoch in trained["history"]]
        np.testing.assert_allclose(made, history[name], rtol=1e-5, atol=1e-7, err_msg=name)
    validated = {f"val_{use.name}" for use in program.training.metrics} if program.training else {}
    assert "validation" not in data.splits or {*validated, "val_loss"} <= {*names}
    assert trained["stopped"] == (record["status"] == "stopped")
    assert trained["best"] == record["best_epoch"]
    check_answers(
        program, data, run / "weights" / f"{record['keeps']}.safetensors", found["learnt"]
    )


def check_answers(
    program: Program, data: Dataset, file: Path, answers: list[dict[str, list[float]]]
) -> None:
    """The page answers as Python does with these weights."""
    arrays = weights.read(file, program.graph)
    batch = data.batch(data.splits["test"][: len(answers)])
    expected = OnnxRunner(program, arrays).outputs(batch)["p"]
    made = np.array([answer["p"] for answer in answers])
    np.testing.assert_allclose(made, expected.reshape(made.shape), rtol=1e-4, atol=1e-6)


def check_units(program: Program, data: Dataset, answer: dict[str, list[float]], told: str) -> None:
    """An estimate of a target that was prepared is told in the units of the data."""
    scaled = np.array([answer["p"]])
    value = restored(program, data.fitted, {"p": scaled})["p"]
    if not np.array_equal(value, scaled):
        np.testing.assert_allclose([float(n) for n in told.split()], value[0], rtol=1e-4)


def main() -> None:
    """Train, write the page, look at it, compare: for each spec."""
    for name, text in SPECS.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            (folder / "spec.nn").write_text(text)
            (folder / "plants.csv").write_text(plants())
            program, problems = compile_file(folder / "spec.nn")
            assert program is not None, problems
            train(folder / "spec.nn", output=folder / "run")
            data = open_data(program, folder)
            arrays = weights.read(folder / "run" / "weights" / "last.safetensors", program.graph)
            columns = functools.partial(unprepared, program, folder)
            write_page(program, arrays, folder / "page", data=data, unprepared=columns)
            with served(folder / "page") as address:
                found = seen(address, folder)
            check(program, data, folder / "run", found)
            if name == "digits":
                assert found["drawn"] == "1"
        trained = found["trained"]
        losses = [round(epoch["loss"], 4) for epoch in trained["history"]]
        rates = sorted({epoch["rate"] for epoch in trained["history"]}, reverse=True)
        print(f"{name}: the page answers and trains as Python does: losses {losses}")
        print(f"  rates {rates}, best epoch {trained['best']}, ended early: {trained['stopped']}")


if __name__ == "__main__":
    main()
