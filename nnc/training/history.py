"""What a run tells of itself epoch by epoch, as CSV: `history.csv` and `gradients.csv`.

Rows are appended, and reach the disk before the snapshot that knows of their epoch; a run that is
continued from a snapshot first takes away what came after it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from nnc.backends.base import Counts, Result
from nnc.backends.files import write_whole
from nnc.compiler.ir import Graph, Program, Training
from nnc.training.events import Events
from nnc.training.folder import Folder, damaged
from nnc.training.loop import Epoch
from nnc.training.watching import training_of

_COUNTS = ("epoch", "step", "rate")
"""The columns that are no results."""
_SHOWN = 40
"""Characters that are shown of a cell that makes no sense."""


def columns(training: Training, *, validated: bool) -> list[str]:
    """The columns of `history.csv`: epoch, updates so far, the rate of the last one, the loss and
    every metric, and with validation the same of its examples."""
    measured = ["loss", *(use.name for use in training.metrics)]
    validation = [f"val_{name}" for name in measured] if validated else []
    return [*_COUNTS, *measured, *validation]


def trained(graph: Graph) -> list[str]:
    """The names of the weights that training changes."""
    return [
        name
        for name, weight in graph.weights.items()
        if weight.trainable and weight.role == "parameter"
    ]


class Table:
    """A CSV file that grows. A number is written so that it reads back as the same, a table of
    counts as JSON; what was not measured is left empty."""

    def __init__(self, path: Path, columns: Sequence[str], epochs: int = 0) -> None:
        """Begin a file, or go on after its first `epochs` epochs. Raises OSError."""
        self._columns = tuple(columns)
        kept = [row for row in rows(path) if int(row["epoch"]) <= epochs] if epochs else []
        write_whole(path, [self._text([dict(zip(columns, columns, strict=True)), *kept]).encode()])
        self._file: TextIO = path.open("a", encoding="utf-8", newline="")

    def add(self, row: Mapping[str, Result]) -> None:
        """Append the row of an epoch."""
        self._file.write(self._text([{name: _cell(value) for name, value in row.items()}]))

    def _text(self, rows: Iterable[Mapping[str, str]]) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([row.get(name, "") for name in self._columns] for row in rows)
        return text.getvalue()

    def flush(self) -> None:
        """Hand everything to the system."""
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def _cell(value: Result) -> str:
    return json.dumps(value) if isinstance(value, list) else repr(value)


class Journal:
    """The two tables and the log of a run, open for writing, and TensorBoard's events where they
    are asked for.

    `history.csv` has a row for each epoch, `gradients.csv` the norm of each weight's gradient in
    the last update of each logged epoch.
    """

    def __init__(
        self, folder: Folder, program: Program, epochs: int, *, validated: bool, events: bool
    ) -> None:
        """Begin them, or go on after a number of epochs. Raises OSError."""
        self._history = Table(
            folder.history, columns(training_of(program), validated=validated), epochs
        )
        self._gradients = Table(folder.gradients, ["epoch", *trained(program.graph)], epochs)
        self._log = folder.log.open("a", encoding="utf-8")
        self._events = Events(folder.events, epochs, validated=validated) if events else None

    def add(self, epoch: Epoch, norms: Mapping[str, float] | None) -> None:
        """Write down an epoch; `norms` are those of the gradients, for a logged one."""
        row: dict[str, Result] = {"epoch": epoch.number, "step": epoch.step}
        self._history.add({**row, "rate": epoch.rate, **epoch.results})
        if self._events is not None:
            self._events.add(epoch, norms)
        if norms is not None:
            self._gradients.add({"epoch": epoch.number, **norms})
            self.say(line(epoch))

    def say(self, text: str) -> None:
        """A line of the log, with the time in UTC."""
        self._log.write(f"{now()}  {text}\n")

    def flush(self) -> None:
        """Hand everything to the system."""
        for file in self._files():
            file.flush()

    def close(self) -> None:
        for file in self._files():
            file.close()

    def _files(self) -> Iterator[Table | TextIO | Events]:
        yield from (self._history, self._gradients, self._log)
        if self._events is not None:
            yield self._events


def line(epoch: Epoch) -> str:
    """What is said of an epoch, as generated programs say it."""
    return f"epoch {epoch.number}: {shown(epoch.results)}"


def shown(results: Mapping[str, Result]) -> str:
    """Results in one line."""
    return ", ".join(
        f"{name} {value if isinstance(value, list) else f'{value:.6g}'}"
        for name, value in results.items()
    )


def now() -> str:
    """The time in UTC as ISO 8601 says it, in seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of such a file, a last one that is cut short left out; none without a file.

    Raises OSError, and Failed (E804) for what is no such file.
    """
    if not path.exists():
        return []
    try:
        text = path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        found = _read(whole)
    except (UnicodeDecodeError, csv.Error):
        raise damaged(path, "it is no CSV in UTF-8") from None
    for number, row in enumerate(found, 2):
        if not str(row.get("epoch")).isdecimal() or None in row or None in row.values():
            raise damaged(path, f"line {number} is not that of an epoch")
    return found


def _read(text: str) -> list[dict[str, str]]:
    """The rows of a CSV text, however long a cell is: tables of many classes are. Raises
    csv.Error."""
    before = csv.field_size_limit(max(len(text), 1))
    try:
        return list(csv.DictReader(io.StringIO(text), strict=True))
    finally:
        csv.field_size_limit(before)


def results(path: Path, epoch: int) -> dict[str, Result]:
    """What was measured in an epoch; nothing when the file doesn't have it. Raises as `rows`."""
    for row in rows(path):
        if int(row["epoch"]) == epoch:
            cells = {name: text for name, text in row.items() if name not in _COUNTS and text}
            return {name: _result(path, text) for name, text in cells.items()}
    return {}


def is_table(cell: str) -> bool:
    """Whether a cell has a table and no number."""
    return cell.startswith("[")


def _result(path: Path, text: str) -> Result:
    try:
        return _counts(text) if is_table(text) else float(text)
    except (ValueError, RecursionError):
        raise damaged(path, f"{text[:_SHOWN]!r} is no number and no table of counts") from None


def _counts(text: str) -> Counts:
    """A table as it was written. Raises ValueError, RecursionError."""
    rows = json.loads(text)
    if not all(isinstance(row, list) and all(type(n) is int for n in row) for row in rows):
        raise ValueError
    found: Counts = rows
    return found
