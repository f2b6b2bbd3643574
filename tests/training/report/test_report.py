"""The report of a run: what it shows is what happened, and nothing in it is ever executed."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from nnc.backends import weights
from nnc.backends.base import Arrays
from nnc.backends.reference.engine import ReferenceEngine
from nnc.backends.reference.run import ReferenceRunner
from nnc.compiler.diagnostics import Failed
from nnc.compiler.ir import Program
from nnc.training import start
from nnc.training.engines import Setup, precision_of
from nnc.training.folder import Folder
from nnc.training.report import report
from nnc.training.run import Run
from tests.training.engines import ENGINES, of_text
from tests.training.test_run import SPEC, points, trained

VOID = {"meta", "img", "br"}
HOSTILE = "</td><script>alert(1)</script>\"'&<img src=http://x/y onerror=z>"


class Page(HTMLParser):
    """A page as elements: tag, attributes, the text inside. Refuses tags that don't match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            self.found.append((tag, dict(attrs), ""))
        else:
            self.open.append((tag, dict(attrs), []))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        name, attributes, parts = self.open.pop()
        assert name == tag
        self.found.append((tag, attributes, "".join(parts)))

    def handle_data(self, data: str) -> None:
        for _, _, parts in self.open:
            parts.append(data)

    def texts(self, tag: str, kind: str | None = None) -> list[str]:
        return [
            text
            for name, attributes, text in self.found
            if name == tag and (kind is None or kind in str(attributes.get("class")).split())
        ]


def run_of(folder: Path, given: Program, *, data: Path | None = None) -> Run:
    (folder / "run").mkdir()
    setup = Setup("reference", "float64")
    ready = start.prepare(given, setup, base=folder, path=data, report=True)
    return ready.into(Folder(folder / "run"))


def page_of(run: Run) -> Page:
    text = run.folder.report.read_text(encoding="utf-8")
    stands_alone(text)
    return Page(text)


def stands_alone(text: str) -> None:
    """Nothing is loaded, nothing runs, no control character is left."""
    page = Page(text)
    allowed = ("data:image/png;base64,", "#")
    for tag, attributes, _ in page.found:
        assert tag not in ("script", "link", "iframe", "object", "embed", "base", "form", "a")
        for name, value in attributes.items():
            assert not name.startswith("on")
            if name in ("src", "href", "xlink:href"):
                assert str(value).startswith(allowed)
            assert "url(" not in str(value) or name == "marker-end"
    (policy,) = [a["content"] for t, a, _ in page.found if a.get("http-equiv")]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert "@import" not in text
    assert "prefers-color-scheme:dark" in text
    assert 'name="viewport"' in text
    assert re.search("[\x00-\x09\x0b-\x1f\u202e]", text) is None


def matrix(page: Page) -> list[list[int]]:
    """The numbers of the confusion matrix."""
    cells = [
        int(text or 0)
        for tag, attributes, text in page.found
        if tag == "td" and str(attributes.get("style")).startswith("background")
    ]
    size = round(len(cells) ** 0.5)
    return [cells[i * size : (i + 1) * size] for i in range(size)]


def classified(folder: Path, **changes: str) -> Run:
    points(folder)
    text = SPEC % ""
    for before, after in changes.items():
        text = text.replace(f"{before} ", f"{after} ")
    return trained(run_of(folder, of_text(text)))


def outputs(run: Run) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The probabilities of the test examples by the weights in the run's file, and the batch."""
    program, data = run.loop.program, run.loop.data
    read = weights.read(run.folder.weights(run.record.keeps), program.graph)
    batch = data.batch(data.splits["test"])
    runner = ReferenceRunner(program, dict(read), "float64")
    return runner.outputs({"x": batch["x"]})["p"], batch


def test_a_classifier_has_its_matrix_and_its_mistakes(tmp_path: Path) -> None:
    run = classified(tmp_path)
    page = page_of(run)
    chances, batch = outputs(run)
    wanted = np.zeros((3, 3), int)
    for truth, answer in zip(batch["y"], chances.argmax(axis=1), strict=True):
        wanted[truth, answer] += 1
    assert matrix(page) == wanted.tolist()
    right = int(np.trace(wanted))
    assert f"{right} of 12 right: {right / 12:.2%}" in page.texts("p")
    wrong = np.flatnonzero(chances.argmax(axis=1) != batch["y"])
    order = sorted(wrong, key=lambda i: chances[i, batch["y"][i]])
    rows = [a["data-row"] for tag, a, _ in page.found if tag == "figure"]
    assert rows == [str(run.loop.data.splits["test"][i]) for i in order]
    names = ["blue", "green", "red"]
    for i, text in zip(order, page.texts("figure"), strict=True):
        assert f"true {names[batch['y'][i]]} {chances[i, batch['y'][i]]:.1%}" in text
        assert f"predicted {names[chances[i].argmax()]} {chances[i].max():.1%}" in text
    assert len(rows) == 12 - right > 0


@pytest.mark.parametrize("backend", ENGINES)
def test_every_backend_judges_its_run(tmp_path: Path, backend: str) -> None:
    points(tmp_path)
    (tmp_path / "run").mkdir()
    given = of_text((SPEC % "").replace("epochs    = 8", "epochs = 1"))
    ready = start.prepare(given, Setup(backend, precision_of(backend)), base=tmp_path, report=True)
    page = page_of(trained(ready.into(Folder(tmp_path / "run"))))
    assert sum(map(sum, matrix(page))) == 12


def test_a_page_tells_what_the_run_was(tmp_path: Path) -> None:
    run = classified(tmp_path)
    page = page_of(run)
    assert page.texts("span", "status") == ["finished"]
    facts = dict(zip(page.texts("dt"), page.texts("dd"), strict=True))
    assert facts["SHA-256 of the data"] == run.record.data_hash
    assert facts["examples"] == "36 train, 12 validation, 12 test"
    assert (facts["seed"], facts["batch"]) == ("5", "7")
    assert "numpy" in facts["versions"]
    (source,) = page.texts("pre")
    assert of_text(source).graph == run.loop.program.graph
    labels = [a["aria-label"] for t, a, _ in page.found if t == "svg" and a.get("aria-label")]
    assert labels == ["loss", "accuracy", "learning rate", "gradient norm by layer"]
    assert "of this time went into reading data." in " ".join(page.texts("p"))
    assert {"opening the data", "reading batches", "updates"} <= set(page.texts("td"))


def test_names_of_classes_are_only_text(tmp_path: Path) -> None:
    path = points(tmp_path)
    hostile = f"{HOSTILE}\x1b[1m\u202e".replace('"', '""')
    text = path.read_text(encoding="utf-8").replace("red", f'"{hostile}"')
    path.write_text(text, encoding="utf-8")
    given = (SPEC % "").replace("adam(lr=0.02)", "sgd(lr=1e-9)")
    run = trained(run_of(tmp_path, of_text(given)))
    page = page_of(run)
    shown = HOSTILE + "\\x1b[1m\\u202e"
    assert shown in page.texts("th")
    assert any(shown in text for text in page.texts("figure"))


def test_without_validation_metrics_and_more_than_an_epoch(tmp_path: Path) -> None:
    points(tmp_path)
    text = (SPEC % "").replace("  split = shares(validation=0.2, test=0.2)\n", "")
    text = text.replace("metrics   = [accuracy(p, y)]", "").replace("epochs    = 8", "epochs = 1")
    page = page_of(trained(run_of(tmp_path, of_text(text))))
    assert "On the 60 training examples" in page.texts("h2")
    assert sum(map(sum, matrix(page))) == 60


REGRESSION = """\
data {
  source = csv("points.csv")
  x = column("a") -> standardize
  y = column("b") -> standardize
  split = shares(test=0.4)
}

model Line { input x: f32[1]  output p = x -> Dense(1) }

train {
  target y: f32[1]
  loss = mse(p, y)
  optimizer = sgd(lr=0.2)
  epochs = 6
}
"""


def test_estimates_have_their_residuals_in_the_units_of_the_data(tmp_path: Path) -> None:
    table = np.genfromtxt(points(tmp_path), delimiter=",", names=True, dtype=None, encoding="utf-8")
    run = trained(run_of(tmp_path, of_text(REGRESSION)))
    page = page_of(run)
    program, data = run.loop.program, run.loop.data
    rows = data.splits["test"]
    runner = ReferenceRunner(program, dict(weights.read(run.folder.last, program.graph)), "float64")
    learning = table["b"][data.splits["train"]]
    made = runner.outputs({"x": data.batch(rows)["x"]})["p"][:, 0]
    made = made * learning.std() + learning.mean()
    apart = table["b"][rows] - made
    worst = rows[np.argsort(-np.abs(apart))[:12]]
    found = [a["data-row"] for tag, a, _ in page.found if tag == "figure"]
    assert found == [str(row) for row in worst]
    assert f"root mean square {np.sqrt(np.mean(apart**2)):.4g}" in page.texts("p")[1]
    (dots, _) = [a["d"] for t, a, _ in page.found if a.get("class") == "dots c0"]
    places = [tuple(map(float, p.split(","))) for p in re.findall(r"M([\d.,]+)h0", str(dots))]
    assert len(places) == len(rows)
    for at, values in ((0, made), (1, apart)):
        slope, offset = np.polyfit(values, [place[at] for place in places], 1)
        for place, value in zip(places, values, strict=True):
            assert abs(place[at] - (slope * value + offset)) < 0.06


def test_a_run_that_diverged_says_so(tmp_path: Path) -> None:
    points(tmp_path)
    text = (SPEC % "").replace("adam(lr=0.02)", "sgd(lr=1e300)")
    text = text.replace("cross_entropy(p, y)\n", "cross_entropy(p, y) + l2(1)\n")
    text = text.replace("  schedule  = cosine\n", "")
    run = run_of(tmp_path, of_text(text))
    with pytest.raises(Failed) as caught:
        trained(run)
    page = page_of(run)
    (status, note) = [*page.texts("span", "status"), *page.texts("div", "status")]
    assert (status, note) == ("diverged", caught.value.diagnostics[0].message)


def test_an_interrupted_run_has_a_report_of_what_it_came_to(tmp_path: Path) -> None:
    points(tmp_path)
    run = run_of(tmp_path, of_text(SPEC % ""))
    for update in run.updates():
        if update.step == 14:
            run.interrupt()
    page = page_of(run)
    assert page.texts("span", "status") == ["interrupted"]
    assert sum(map(sum, matrix(page))) == 12
    trained(start.resume(run.folder))
    assert page_of(run).texts("span", "status") == ["finished"]


def test_without_being_asked_there_is_none(tmp_path: Path) -> None:
    points(tmp_path)
    (tmp_path / "run").mkdir()
    ready = start.prepare(of_text(SPEC % ""), Setup("reference", "float64"), base=tmp_path)
    assert not trained(ready.into(Folder(tmp_path / "run"))).folder.report.exists()


Network = Callable[[np.random.Generator], dict[str, np.ndarray]]
NETWORKS: dict[str, tuple[str, str, str, Network, str]] = {
    "logits": (
        "x: f32[2]",
        "x -> Dense(4)",
        "target y: i64  loss = cross_entropy(p, y)",
        lambda rng: {"x": rng.normal(size=(9, 2)), "y": rng.integers(0, 4, 9)},
        "matrix",
    ),
    "shares": (
        "x: f32[2]",
        "x -> Dense(3) -> softmax",
        "target y: f32[3]  loss = cross_entropy(p, y)",
        lambda rng: {"x": rng.normal(size=(9, 2)), "y": np.eye(3)[rng.integers(0, 3, 9)]},
        "matrix",
    ),
    "yes or no": (
        "x: f32[2]",
        "x -> Dense(1)",
        "target y: f32[1]  loss = binary_cross_entropy(p, y, from_logits=true)",
        lambda rng: {"x": rng.normal(size=(9, 2)), "y": rng.integers(0, 2, (9, 1)) * 1.0},
        "matrix",
    ),
    "several answers": (
        "x: f32[2]",
        "x -> Dense(5) -> sigmoid",
        "target y: f32[5]  loss = binary_cross_entropy(p, y)",
        lambda rng: {"x": rng.normal(size=(9, 2)), "y": rng.integers(0, 2, (9, 5)) * 1.0},
        "matrix",
    ),
    "signs": (
        "x: f32[2]",
        "x -> Dense(1)",
        "target y: f32[1]  loss = hinge(p, y)",
        lambda rng: {"x": rng.normal(size=(9, 2)), "y": rng.choice([-1.0, 1.0], (9, 1))},
        "matrix",
    ),
    "places": (
        "x: f32[4, 2]",
        "x -> Dense(3) -> softmax",
        "target y: i64[4]  loss = cross_entropy(p, y, ignore=0)",
        lambda rng: {"x": rng.normal(size=(9, 4, 2)), "y": rng.integers(0, 3, (9, 4))},
        "matrix",
    ),
    "counts": (
        "x: f32[2]",
        "x -> Dense(1)",
        "target y: f32[1]  loss = poisson_log(p, y)",
        lambda rng: {"x": rng.normal(size=(9, 2)), "y": rng.poisson(3.0, (9, 1)) * 1.0},
        "residuals",
    ),
    "likelihood": (
        "x: f32[2]",
        "x -> Dense(1)\n  output s = x -> Dense(1) -> softplus",
        "target y: f32[1]  loss = gaussian_nll(p, s, y)",
        lambda rng: {"x": rng.normal(size=(9, 2)), "y": rng.normal(size=(9, 1))},
        "residuals",
    ),
    "pictures": (
        "x: f32[3, 9, 9]",
        "x -> Conv2d(3, 1) -> sigmoid",
        "target y: f32[3, 9, 9]  loss = binary_cross_entropy(p, y)",
        lambda rng: {n: rng.uniform(size=(9, 3, 9, 9)) for n in ("x", "y")},
        "residuals",
    ),
    "directions": (
        "x: f32[2]",
        "x -> Dense(3)",
        "target y: f32[3]  loss = cosine_distance(p, y)",
        lambda rng: {"x": rng.normal(size=(9, 2)), "y": rng.normal(size=(9, 3))},
        "",
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_all_kinds_have_a_report(tmp_path: Path, name: str) -> None:
    inputs, model, training, made, shown = NETWORKS[name]
    text = f"model M {{\n  input {inputs}\n  output p = {model}\n}}\ntrain {{\n  "
    text += training.replace("  loss", "\n  loss") + "\n  optimizer = sgd(lr=0.1)  epochs = 2\n}\n"
    arrays = made(np.random.default_rng(3))
    path = tmp_path / "ready.npz"
    kinds = {k: v.astype(np.float32) if v.dtype.kind == "f" else v for k, v in arrays.items()}
    np.savez(path, **kinds)  # type: ignore[arg-type]
    page = page_of(trained(run_of(tmp_path, of_text(text), data=path)))
    counted = np.asarray(matrix(page), int)
    expected = {"several answers": 45, "places": int((arrays["y"] != 0).sum())}.get(name, 9)
    assert (counted.sum() == expected) == (shown == "matrix")
    assert bool(page.texts("svg", "chart")) is True
    titles = [a.get("aria-label") for tag, a, _ in page.found if tag == "svg"]
    assert ("residuals: truth − prediction" in titles) == (shown == "residuals")
    pictures = [a for tag, a, _ in page.found if tag == "img"]
    assert len(pictures) == (27 if name == "pictures" else 0)


@pytest.mark.parametrize("name", ["logits", "yes or no", "counts", "pictures"])
@pytest.mark.filterwarnings("error")
def test_outputs_that_are_no_numbers_are_told_as_such(tmp_path: Path, name: str) -> None:
    inputs, model, training, made, _ = NETWORKS[name]
    text = f"model M {{\n  input {inputs}\n  output p = {model}\n}}\ntrain {{\n  "
    text += training.replace("  loss", "\n  loss") + "\n  optimizer = sgd(lr=0.1)  epochs = 1\n}\n"
    arrays = made(np.random.default_rng(3))
    path = tmp_path / "ready.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    run = trained(run_of(tmp_path, of_text(text), data=path))

    class Broken(ReferenceEngine):
        def outputs(self, inputs: Arrays) -> Arrays:
            return {n: np.full_like(x, np.nan) for n, x in super().outputs(inputs).items()}

    program, data = run.loop.program, run.loop.data
    engine = Broken(program, run.engine.weights(), "float64")
    report.write(run.folder, run.record, program, data, engine)
    assert page_of(run).texts("figure")
