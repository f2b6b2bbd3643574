"""The folder of a run: which file is where, and what `run.json` says."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any, Literal, TypeAlias

from pydantic import NonNegativeInt, PositiveInt, TypeAdapter, ValidationError

from nnc.backends.base import Arithmetic, Result, numbers
from nnc.backends.files import write_whole
from nnc.backends.safetensors import Malformed
from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.ir import Program
from nnc.training.engines import Setup
from nnc.training.hold import NAME
from nnc.training.snapshot import Snapshot, read
from nnc.training.spent import Spent

Status: TypeAlias = Literal["unfinished", "finished", "stopped", "interrupted", "diverged"]
"""`stopped`: by early stopping. `unfinished`: still running, or killed."""
_VERSION = 1
_HEX = "[0-9a-f]" * 12
"""What names of files that are being written end with (`write_whole`)."""


@dataclass(frozen=True)
class Record:
    """What `run.json` says of a run."""

    name: str
    spec: str
    """Where the spec was, as it was given; empty for stdin."""
    base: str
    """The folder from which the data block's paths start."""
    data: str | None
    """What stood in for the data block's source."""
    backend: str
    precision: Arithmetic
    device: str
    seed: NonNegativeInt
    epochs: NonNegativeInt
    """Epochs that were asked for."""
    parts: PositiveInt
    """Into how many parts each batch was divided (`--accumulate`)."""
    versions: dict[str, str]
    data_hash: str
    examples: dict[str, NonNegativeInt]
    """Examples in each split."""
    started: str
    """When it began, as ISO 8601 says it, in UTC."""
    report: bool = False
    """Whether a report is written in the end."""
    tensorboard: bool = False
    """Whether event files are written for TensorBoard."""
    status: Status = "unfinished"
    epoch: NonNegativeInt = 0
    """Epochs that are finished."""
    seconds: float = 0.0
    """Time spent in training."""
    spent: Spent = field(default_factory=Spent)
    """What the time was spent on."""
    monitor: str = "loss"
    larger_is_better: bool = False
    best_epoch: NonNegativeInt = 0
    best_value: float | None = None
    keeps: Literal["best", "last"] = "last"
    """Which weights are the run's result: the best ones where early stopping restores them."""
    results: dict[str, Result | None] = field(default_factory=dict)
    """Those of the last epoch, and with the test examples' as `test_…`; None for what is no finite
    number, which JSON doesn't have."""

    @property
    def numbers(self) -> dict[str, float]:
        """The results that are numbers."""
        return numbers(self.results)

    @property
    def setup(self) -> Setup:
        """What the run is trained on."""
        return Setup(self.backend, self.precision, self.device, self.parts)


_RECORDS = TypeAdapter(Record)


@dataclass(frozen=True)
class Folder:
    """A run's folder, by path."""

    path: Path

    @property
    def spec(self) -> Path:
        """The program as it was trained, expanded."""
        return self.path / "spec.json"

    @property
    def record(self) -> Path:
        return self.path / "run.json"

    @property
    def fitted(self) -> Path:
        """What the data block's preparations learnt, and the names of classes."""
        return self.path / "data.json"

    @property
    def best(self) -> Path:
        return self.path / "weights" / "best.safetensors"

    @property
    def last(self) -> Path:
        return self.path / "weights" / "last.safetensors"

    def kept(self, epoch: int) -> Path:
        """The weights of an epoch that a checkpoint keeps."""
        return self.path / "weights" / f"epoch-{epoch}.safetensors"

    @property
    def history(self) -> Path:
        return self.path / "history.csv"

    @property
    def gradients(self) -> Path:
        """The norm of each weight's gradient in the last update of each logged epoch."""
        return self.path / "gradients.csv"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def state(self) -> Path:
        """The snapshot to continue from."""
        return self.path / "state.safetensors"

    @property
    def events(self) -> Path:
        """The folder of TensorBoard's event files."""
        return self.path / "tensorboard"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    def weights(self, keeps: str) -> Path:
        """The file of the `best` or the `last` weights."""
        return self.best if keeps == "best" else self.last

    def own(self) -> list[Path]:
        """Every file that a run writes."""
        return [
            *(self.spec, self.record, self.fitted, self.best, self.last, self.history),
            *(self.gradients, self.log, self.state, self.report),
            *self.path.glob("weights/epoch-*.safetensors"),
            *self.events.glob("*/events.out.tfevents.*"),
        ]

    @property
    def is_left(self) -> bool:
        """Whether a process was killed here before its run had begun."""
        return (self.path / NAME).exists() and not self.is_run

    @property
    def is_run(self) -> bool:
        """Whether a run's record is here."""
        return self.record.is_file()

    def clear(self) -> None:
        """Remove what a run has written here, and nothing else. Raises OSError."""
        self.sweep()
        # The record goes last: until then the folder says that it is a run's.
        for path in sorted(self.own(), key=lambda path: path == self.record):
            path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Remove what a process that was killed has left of files half written. Raises OSError."""
        for path in self.own():
            for unfinished in path.parent.glob(f".{path.name}.{_HEX}"):
                unfinished.unlink(missing_ok=True)

    def write_record(self, record: Record) -> None:
        """Raises OSError."""
        results = {
            n: None if isinstance(x, float) and not isfinite(x) else x
            for n, x in record.results.items()
        }
        plain = asdict(replace(record, results=results))
        write_json(self.record, {"version": _VERSION, **plain})

    def read_record(self) -> Record:
        """Raises Failed (E804) when this is no run or its record is damaged."""
        found = read_json(self.record)
        if found.pop("version", None) != _VERSION:
            raise damaged(self.record, "it is of another version of nnc")
        try:
            return _RECORDS.validate_python(found)
        except ValidationError as wrong:
            place = ".".join(map(str, wrong.errors()[0]["loc"]))
            raise damaged(self.record, f"what it says of `{place}` makes no sense") from None

    def read_snapshot(self) -> Snapshot | None:
        """The snapshot; None before there is one. Raises Failed (E804) when it is damaged."""
        try:
            return read(self.state)
        except FileNotFoundError:
            return None
        except Malformed as wrong:
            raise damaged(self.state, str(wrong)) from None

    def read_program(self) -> Program:
        """The program as it was trained. Raises Failed (E804) when it can't be read."""
        from nnc.loading import compile_file

        try:
            program, diagnostics = compile_file(self.spec)
        except OSError as error:
            raise damaged(self.spec, (error.strerror or str(error)).lower()) from None
        if program is None or program.training is None:
            why = diagnostics[0].message if diagnostics else "it has no train block"
            raise damaged(self.spec, why)
        return program

    def read_fitted(self) -> tuple[dict[str, Any], dict[str, list[str]]]:
        """What preparations learnt, and the names of classes by field. Raises Failed (E804)."""
        found = read_json(self.fitted)
        fitted, labels = found.get("fitted"), found.get("labels")
        if not isinstance(fitted, dict) or not isinstance(labels, dict):
            raise damaged(self.fitted, "it lacks what preparations learnt")
        return fitted, labels

    def write_fitted(self, fitted: Mapping[str, Any], labels: Mapping[str, list[str]]) -> None:
        """Raises OSError."""
        write_json(self.fitted, {"fitted": fitted, "labels": labels})


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Raises OSError."""
    text = json.dumps(content, indent=2, ensure_ascii=False)
    write_whole(path, [text.encode(), b"\n"])


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a run. Raises Failed (E804)."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise damaged(path, "there is no such file") from None
    except OSError as error:
        raise damaged(path, (error.strerror or str(error)).lower()) from None
    except (ValueError, RecursionError):
        raise damaged(path, "it is not JSON") from None
    if not isinstance(found, dict):
        raise damaged(path, "it is not a JSON object")
    return found


def damaged(path: Path, why: str) -> Failed:
    """What is said of a file of a run that can't be used."""
    if path.name == "run.json" and not path.exists():
        message = f"{path.parent} is not a run: it has no run.json"
        return Failed([Diagnostic("E804", message, help="`nnc runs` lists the runs in a folder")])
    message = f"{path} can't be used: {why}"
    return Failed([Diagnostic("E804", message, help="restore the file, or train anew")])


def new_folder(parent: Path, name: str) -> Folder:
    """A folder of its own for a new run, `NAME-N`, made here. Raises OSError."""
    parent.mkdir(parents=True, exist_ok=True)
    plain = re.sub(r"[^\w.-]+", "_", name).strip(".") or "run"
    taken = re.compile(re.escape(plain) + r"-(\d+)")
    numbers = [int(m[1]) for entry in os.listdir(parent) if (m := taken.fullmatch(entry))]
    number = max(numbers, default=0) + 1
    while True:
        path = parent / f"{plain}-{number}"
        try:
            path.mkdir()
        except FileExistsError:
            number += 1
        else:
            return Folder(path)


def runs(parent: Path) -> list[tuple[Folder, Record | None]]:
    """Every run in a folder, oldest name first; None for a record that can't be read.

    Raises OSError.
    """
    found: list[tuple[Folder, Record | None]] = []
    for path in sorted(parent.iterdir()):
        folder = Folder(path)
        if not folder.is_run:
            continue
        try:
            found.append((folder, folder.read_record()))
        except Failed:
            found.append((folder, None))
    return found
