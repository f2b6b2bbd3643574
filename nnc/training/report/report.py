"""`report.html`: what a run was, and what it has come to, on a page that stands alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nnc import summary
from nnc.backends.base import Engine
from nnc.backends.files import write_whole
from nnc.catalogue import call_text
from nnc.compiler.ir import Program
from nnc.loading import to_text
from nnc.plot.drawing import drawing
from nnc.plot.lines import number, text
from nnc.plot.svg import svg
from nnc.training.answers import answer_names
from nnc.training.data import Dataset
from nnc.training.folder import Folder, Record
from nnc.training.report import curves, examples, page, sections
from nnc.training.report.predictions import Answers, Predictions, predictions
from nnc.training.watching import training_of

_DRAWN = 150
"""Layers of a network that is drawn; of a larger one the table is enough."""


def write(
    folder: Folder,
    record: Record,
    program: Program,
    data: Dataset,
    engine: Engine | None,
    note: str = "",
) -> None:
    """Write the report of a run that has ended.

    `engine` has the weights that are its result; without it no example is judged. `note` says why
    it has ended. Raises OSError, and Failed (E804) when its history is damaged.
    """
    with np.errstate(all="ignore"):  # weights that are no numbers give no numbers
        found = None if engine is None else predictions(program, data, engine)
        judged = [] if found is None else list(_judged(program, data, found))
    parts = [
        *_head(folder, record, program, note),
        *_curves(folder, record),
        *judged,
        *_tables(record, program, data, found),
        *_model(program),
        *_facts(record, program),
        *_source(program),
    ]
    write_whole(folder.report, [page.page(f"{record.name}: {folder.path.name}", parts).encode()])


def _head(folder: Folder, record: Record, program: Program, note: str) -> Iterator[str]:
    bad = "" if record.status in ("finished", "stopped") else " bad"
    status = f'<span class="status{bad}">{record.status}</span>'
    yield f"<h1>{text(record.name)}{status}</h1>"
    asked = f"{record.epoch} of {record.epochs} epochs"
    where = f"{folder.path.name} · {record.backend}, {record.precision} · {asked}"
    yield f'<p class="soft">{text(where)} · {text(record.started)}</p>'
    if note:
        yield f'<div class="card status bad">{text(note)}</div>'
    told = dict(_results(record))
    told["parameters"] = f"{summary.summarize(program).parameters:,}"
    told["time"] = _duration(record.seconds)
    figures = "".join(f"<div><b>{text(x)}</b>{text(name)}</div>" for name, x in told.items())
    yield f'<div class="card figures">{figures}</div>'


def _results(record: Record) -> Iterator[tuple[str, str]]:
    """The best value and the results over the test examples; without these the last ones."""
    if record.best_value is not None:
        name = f"best {record.monitor} (epoch {record.best_epoch})"
        yield name, number(float(f"{record.best_value:.4g}"))
    tested = {n: x for n, x in record.numbers.items() if n.startswith("test_")}
    for name, value in (tested or record.numbers).items():
        yield name.replace("test_", "test "), number(float(f"{value:.4g}"))


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _curves(folder: Folder, record: Record) -> Iterator[str]:
    found = curves.charts(folder, record)
    if found:
        yield "<h2>Training</h2>"
        yield page.charts(found)


def _judged(program: Program, data: Dataset, found: Predictions) -> Iterator[str]:
    count = f"{len(found.rows):,}"
    which = f"the {count} {_name(found)}" if found.whole else f"the first {count} {_name(found)}"
    yield f"<h2>On {which} examples</h2>"
    if isinstance(found.found, Answers):
        yield from sections.answers(found.found)
    else:
        yield from sections.estimates(found.found, found.output)
    wrong = examples.figures(program, data, found)
    if wrong:
        yield f"<h2>Got most wrong</h2>\n{wrong}"


def _tables(
    record: Record, program: Program, data: Dataset, found: Predictions | None
) -> Iterator[str]:
    """The tables among the results, but for that of the answers that are shown as they are."""
    shown = found.output if found and isinstance(found.found, Answers) else None
    for use in training_of(program).metrics:
        places = (f"{split}{use.name}" for split in ("test_", "val_", ""))
        name = next((name for name in places if name in record.results), "")
        counts = record.results.get(name)
        if use.output == shown or not isinstance(counts, list):
            continue
        title = f"{name}: true (rows) and predicted (columns)"
        names = answer_names(use.target, data.labels, len(counts))
        yield f'<div class="grid">{sections.confusion(title, names, np.array(counts))}</div>'


def _name(found: Predictions) -> str:
    return {"train": "training"}.get(found.split, found.split)


def _model(program: Program) -> Iterator[str]:
    yield "<h2>Network</h2>"
    yield '<div class="grid">'
    if len(program.graph.nodes) <= _DRAWN:
        yield f'<div class="card scroll model">{svg(drawing(program.graph))}</div>'
    rows = [
        (row.name, row.op, " ".join(row.shapes), *map(_count, (row.parameters, row.multiply_adds)))
        for row in summary.summarize(program).rows
    ]
    head = ("layer", "op", "shape", "parameters", "multiply-adds")
    yield f'<div class="card">{page.table(head, rows, numbers=2)}</div></div>'


def _count(amount: int) -> str:
    return f"{amount:,}" if amount else ""


def _facts(record: Record, program: Program) -> Iterator[str]:
    training = training_of(program)

    shares = ", ".join(f"{count:,} {name}" for name, count in record.examples.items())
    batch = "all examples" if training.batch is None else str(training.batch)
    found = [
        ("spec", record.spec),
        ("param", ", ".join(f"{n} = {x}" for n, x in program.parameters.items())),
        ("optimizer", call_text(training.optimizer)),
        ("schedule", call_text(training.schedule)),
        ("batch", batch + (f" in {record.parts} parts" if record.parts > 1 else "")),
        ("seed", str(record.seed)),
        ("examples", shares),
        ("data", record.data or ""),
        ("SHA-256 of the data", record.data_hash),
        ("device", record.device),
        ("versions", ", ".join(f"{n} {v}" for n, v in record.versions.items())),
        ("result", f"the {record.keeps} weights"),
    ]
    yield "<h2>Run</h2>"
    yield f'<div class="grid"><div class="card">{page.facts(found)}</div>'
    yield f'<div class="card"><h3>time</h3>{sections.time(record.spent)}</div></div>'


def _source(program: Program) -> Iterator[str]:
    yield "<h2>Spec, as it was trained</h2>"
    lines = (text(line) for line in to_text(program).split("\n"))
    yield f'<div class="card"><pre>{chr(10).join(lines)}</pre></div>'
