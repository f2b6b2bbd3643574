"""A run: the loop, and everything that is written of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from nnc.backends import weights as canonical
from nnc.backends.base import Arrays, Engine, Precision, Result
from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.ir import Program
from nnc.training import divergence, history, snapshot
from nnc.training.data import Dataset
from nnc.training.engines import load
from nnc.training.folder import Folder, Record, Status
from nnc.training.hold import Hold
from nnc.training.loop import Diverged, Epoch, Loop, Progress, Update, batches
from nnc.training.snapshot import Snapshot

_SHARE = 20
"""Training takes at least this many times as long as writing the snapshots of it."""
_WITHIN = 60.0
"""Seconds after which a snapshot is also written within an epoch."""


class Run:
    """Training into a folder, from its beginning or from a snapshot.

    `updates` trains; what it has come to stands in `record`. A process that is killed at any moment
    leaves a folder from which the same run goes on, to the same numbers.
    """

    def __init__(
        self,
        folder: Folder,
        record: Record,
        program: Program,
        data: Dataset,
        engine: Engine,
        begun: Snapshot,
        hold: Hold,
    ) -> None:
        """Raises ValueError for a snapshot of another program, Failed (E804) for a damaged
        history."""
        engine.restore(begun.engine)
        self._hold = hold
        self.folder = folder
        self.record = record
        self.engine = engine
        self.loop = Loop(program, data, engine, begun.progress, record.parts, replace(record.spent))
        self._best = begun.best
        self._results = history.results(folder.history, begun.progress.epoch)
        self._before = record.seconds
        self._begun = self._written = time.monotonic()
        self._cost = 0.0
        self._interrupted = False
        self._judge: Engine | None = None

    @property
    def progress(self) -> Progress:
        return self.loop.progress

    @property
    def ended(self) -> bool:
        """Whether the run has come to its end, and all of that is written."""
        return self.loop.over() and self.record.status in ("finished", "stopped")

    def interrupt(self) -> None:
        """End after the update that is being taken."""
        self._interrupted = True

    def updates(self) -> Iterator[Update]:
        """Train to the end, or to an interrupt; nothing when the end was reached before. Then the
        folder is given free for other processes.

        Raises Failed (E803) for a loss that is no finite number, OSError when the folder can't be
        written.
        """
        if self.ended:
            return
        epochs = self.progress.epoch
        with ExitStack() as stack:
            stack.callback(self._hold.close)
            journal = stack.enter_context(closing(self._journal(epochs)))
            journal.say(f"continued after epoch {epochs}" if self.progress.step else "begun")
            try:
                for update in self.loop:
                    self._take_note(update, journal)
                    yield update
                    if self._interrupted and not self.loop.over():
                        break
            except Diverged as diverged:
                raise Failed([self._diverged(diverged, journal)]) from None
            status: Status = "stopped" if self.progress.stopped else "finished"
            self._end(status if self.loop.over() else "interrupted", journal)

    def _journal(self, epochs: int) -> history.Journal:
        return history.Journal(
            self.folder,
            self.loop.program,
            epochs,
            validated="validation" in self.loop.data.splits,
            events=self.record.tensorboard,
        )

    def _take_note(self, update: Update, journal: history.Journal) -> None:
        """Write down what an update has come to."""
        epoch = update.epoch
        if epoch is not None:
            journal.add(epoch, self.engine.gradient_norms() if epoch.logged else None)
            self._results = epoch.results
            if epoch.is_best:
                self._best = self.engine.weights()
            self._keep(epoch.number)
        if not self.loop.over() and self._is_due(epoch):
            self._snapshot(journal)

    def _keep(self, epoch: int) -> None:
        """Keep the weights of an epoch as the spec's checkpoints say."""
        wanted = self.loop.training.checkpoint
        if wanted is None or epoch % wanted.epochs:
            return
        _write_weights(self.folder.kept(epoch), self.engine.weights())
        if wanted.keep is not None:
            self.folder.kept(epoch - wanted.keep * wanted.epochs).unlink(missing_ok=True)

    def _is_due(self, epoch: Epoch | None) -> bool:
        """Whether a snapshot is worth its time: all of them may cost a small share of the run."""
        waited = time.monotonic() - self._written
        return waited >= max(_SHARE * self._cost, 0.0 if epoch is not None else _WITHIN)

    def _snapshot(self, journal: history.Journal) -> None:
        """Write everything that the run is continued from, and its weights for others."""
        before = time.monotonic()
        journal.flush()
        _write_weights(self.folder.last, self.engine.weights())
        if self._best:
            _write_weights(self.folder.best, self._best)
        snapshot.write(self.folder.state, Snapshot(self.engine.state(), self._best, self.progress))
        self._record("unfinished", self._results)
        self._written = time.monotonic()
        self._cost = self._written - before

    def _end(self, status: Status, journal: history.Journal) -> None:
        """The end of a run that can be used or continued: weights, results, record."""
        self._snapshot(journal)
        tested: dict[str, Result] = {}
        if status != "interrupted" and "test" in self.loop.data.splits:
            tested = self._test()
        self._record(status, {**self._results, **tested})
        told = f": {history.shown(tested)}" if tested else ""
        journal.say(f"{status} after epoch {self.progress.epoch}{told}")
        self._report()

    def _test(self) -> dict[str, Result]:
        """The test examples by the weights that are the run's result."""
        measured = self._result().evaluate(batches(self.loop.data, "test"))
        return {f"test_{name}": value for name, value in measured.items()}

    def _result(self) -> Engine:
        """An engine with the weights that are the run's result, as their file has them."""
        if self._judge is None:
            path = self.folder.weights(self.record.keeps)
            weights = canonical.read(path, self.loop.program.graph)
            mine = self.engine.weights()
            same = all(np.array_equal(mine[name], weights[name]) for name in mine)
            self._judge = (
                self.engine if same else load(self.loop.program, dict(weights), self.record.setup)
            )
        return self._judge

    def _report(self, note: str = "") -> None:
        """Write the report, where one is wanted."""
        if not self.record.report:
            return
        from nnc.training.report import report

        engine = None
        with suppress(FileNotFoundError, Failed):  # a run that diverged may have no such weights
            engine = self._result()
        report.write(self.folder, self.record, self.loop.program, self.loop.data, engine, note)

    def _record(self, status: Status, results: dict[str, Result]) -> None:
        best = self.progress.best
        self.record = replace(
            self.record,
            status=status,
            epoch=self.progress.epoch,
            seconds=self._before + time.monotonic() - self._begun,
            spent=replace(self.loop.spent),
            best_epoch=best.epoch,
            best_value=best.value,
            results={**self.record.results, **results},
        )
        self.folder.write_record(self.record)

    def _diverged(self, diverged: Diverged, journal: history.Journal) -> Diagnostic:
        """The end of a run that can't go on."""
        self._record("diverged", self._results)
        saved = f"what it had come to before is in {self.folder.path}"
        program = self.loop.program
        asked = self.record.precision
        precision: Precision = "float32" if asked == "mixed" else asked
        found = divergence.explain(program, self.engine.weights(), diverged, precision, saved)
        journal.say(found.message)
        journal.flush()
        self._report(found.message)
        return found


def _write_weights(path: Path, weights: Arrays) -> None:
    """Write weights in float32, as all files of weights are."""
    path.parent.mkdir(exist_ok=True)
    canonical.write(path, {name: array.astype(np.float32) for name, array in weights.items()})
