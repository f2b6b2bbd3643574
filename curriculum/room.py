"""Where the specs of the lectures are trained: `nnc train` into folders that are thrown away."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from nnc.backends.base import Arrays, Engine, Precision, numbers
from nnc.backends.registry import BACKENDS, REFERENCE, Backend
from nnc.compiler.ir import Program
from nnc.loading import compile_file
from nnc.training import answers, engines, start
from nnc.training.data import Dataset
from nnc.training.engines import Setup
from nnc.training.folder import Folder, Record
from nnc.training.loop import batches
from nnc.training.run import Run
from nnc.training.units import restored
from nnc.training.watching import training_of

SPECS = Path(__file__).resolve().parents[1] / "specs"


@dataclass(frozen=True)
class Trained:
    """A finished run."""

    program: Program
    record: Record
    data: Dataset
    engine: Engine
    """With the weights that are the run's result."""
    history: tuple[dict[str, float], ...]
    """A row for each epoch; what was not measured is not there."""
    gradients: tuple[dict[str, float], ...]
    """For each logged epoch: the norm of the gradient of each weight."""

    @property
    def results(self) -> dict[str, float]:
        """What was measured at the end."""
        return self.record.numbers

    @property
    def loss(self) -> float:
        """The loss of the last epoch."""
        return self.results["loss"]

    def curve(self, name: str) -> tuple[list[float], list[float]]:
        """The epochs in which something was measured, and what was found."""
        rows = [row for row in self.history if name in row]
        return [row["epoch"] for row in rows], [row[name] for row in rows]

    def examples(self, split: str) -> Arrays:
        """The prepared examples of a split."""
        return self.data.batch(self.data.splits[split])

    def outputs(self, examples: Arrays) -> Arrays:
        """What the network gives in evaluation."""
        names = [value.name for value in self.program.graph.inputs]
        return self.engine.outputs({name: examples[name] for name in names})

    def measure(self, split: str) -> dict[str, float]:
        """The loss and the metrics over a split, in evaluation."""
        return numbers(self.engine.evaluate(batches(self.data, split)))

    def in_units(self, outputs: Arrays) -> Arrays:
        """Estimates in the units of the data."""
        return restored(self.program, self.data.fitted, outputs)


@dataclass
class Room:
    """Trains specs on one backend, each with the same settings once."""

    backend: str | None = None
    """The one that trains; without it that which `nnc train` takes by itself."""
    short: bool = False
    """Whether long trainings are cut, for tests."""
    _known: dict[str, Trained] = field(default_factory=dict)

    @property
    def backends(self) -> list[Backend]:
        """Those that answers are compared on: every one that is installed, in short two."""
        installed = [b for b in (REFERENCE, *BACKENDS.values()) if b.missing is None]
        return (
            [b for b in installed if b.name in ("reference", "onnx")] if self.short else installed
        )

    @property
    def trained(self) -> list[str]:
        """The backends that have trained here."""
        return sorted({run.record.backend for run in self._known.values()})

    def program(self, spec: str, settings: Mapping[str, Any] | None = None) -> Program:
        """The program of a spec below `specs/`, about which there is nothing to say."""
        program, diagnostics = compile_file(SPECS / f"{spec}.nn", settings or {})
        assert not diagnostics, [d.message for d in diagnostics]
        assert program is not None
        return program

    def train(
        self,
        spec: str,
        *,
        seed: int | None = None,
        short: int | None = None,
        settings: Mapping[str, Any] | None = None,
        watch: Callable[[Run], None] | None = None,
        **changes: Any,
    ) -> Trained:
        """Train a spec; `changes` are those of its train block, `short` are its epochs in a short
        room. `watch` is called before the first update and after each. Raises Failed."""
        key = repr((spec, seed, short, settings, changes))
        if watch is None and key in self._known:
            return self._known[key]
        program = self.program(spec, settings)
        if short is not None and self.short:
            changes = {**changes, "epochs": short}
        training = replace(training_of(program), **changes)
        chosen = program.seed if seed is None else seed
        program = replace(program, training=training, seed=chosen)
        self._known[key] = self._trained(program, (SPECS / spec).parent, watch)
        return self._known[key]

    def setup(self, program: Program) -> Setup:
        """What a program is trained on."""
        backend = self.backend or engines.default(program)
        precision: Precision = engines.precision_of(backend)
        return Setup(backend, precision)

    def _trained(
        self, program: Program, base: Path, watch: Callable[[Run], None] | None
    ) -> Trained:
        ready = start.prepare(program, self.setup(program), base=base)
        with tempfile.TemporaryDirectory() as place:
            folder = Folder(Path(place))
            run = ready.into(folder)
            for _ in _watched(run, watch):
                pass
            weights = answers.read_weights(folder, run.record, program)
            return Trained(
                program,
                run.record,
                ready.data,
                engines.load(program, weights, run.record.setup),
                tuple(_rows(folder.history)),
                tuple(_rows(folder.gradients)),
            )


def _watched(run: Run, watch: Callable[[Run], None] | None) -> Any:
    if watch is None:
        return run.updates()
    watch(run)
    return (watch(run) for _ in run.updates())


def _rows(path: Path) -> list[dict[str, float]]:
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{name: float(cell) for name, cell in row.items() if cell} for row in rows]
