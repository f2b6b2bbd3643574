"""How a run begins, and how it goes on from what was written of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from nnc.backends import initial, reach
from nnc.backends.base import Arrays, Engine
from nnc.backends.files import write_whole
from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.document.write import to_json
from nnc.compiler.ir import Program
from nnc.training import snapshot
from nnc.training.data import Dataset, open_data
from nnc.training.engines import TRAINING, Setup, check_parts, load, versions
from nnc.training.folder import Folder, Record, damaged
from nnc.training.history import now
from nnc.training.hold import Hold
from nnc.training.loop import Progress
from nnc.training.run import Run
from nnc.training.snapshot import Snapshot
from nnc.training.spent import Spent
from nnc.training.watching import goal, training_of, watched


def check(program: Program, setup: Setup) -> None:
    """Raise Failed (E801, E805) for a program that can't be trained so."""
    if program.training is None:
        message = f"`{program.name}` has no train block, so there is nothing to train it by"
        cure = "say what is to be learnt: `train { target y: f32[1]  loss = mse(p, y) … }`"
        raise Failed([Diagnostic("E801", message, help=cure)])
    if setup.parts > 1:
        check_parts(program)


def changed(
    program: Program,
    *,
    epochs: int | None = None,
    batch: int | None = None,
    log_every: int | None = None,
) -> Program:
    """The program with other numbers in its train block, where they are given."""
    numbers = {"epochs": epochs, "batch": batch, "log_every": log_every}
    given: dict[str, Any] = {name: n for name, n in numbers.items() if n is not None}
    if program.training is None or not given:
        return program
    return replace(program, training=replace(program.training, **given))


@dataclass(frozen=True)
class Beginning:
    """A run that is ready to begin: its data are read, its program is loaded, nothing is
    written."""

    program: Program
    data: Dataset
    engine: Engine
    record: Record

    def into(self, folder: Folder, *, replaces: bool = False) -> Run:
        """The run, in an empty folder, or in that of a run which it `replaces`. Raises OSError, and
        Failed (E808) when another process trains there, or has begun a run meanwhile."""
        hold = Hold(folder.path)
        if folder.is_run and not replaces:
            hold.close()
            message = f"{folder.path} is in use: another process has begun a run in it"
            raise Failed([Diagnostic("E808", message, help="give another folder")])
        folder.clear()
        begun = Snapshot(self.engine.state(), {}, Progress())
        # The record goes last: a folder that has one has all that a run is continued from.
        write_whole(folder.spec, [to_json(self.program).encode()])
        folder.write_fitted(self.data.fitted, self.data.labels)
        snapshot.write(folder.state, begun)
        folder.write_record(self.record)
        return Run(folder, self.record, self.program, self.data, self.engine, begun, hold)


def prepare(
    program: Program,
    setup: Setup,
    *,
    base: Path,
    spec: str = "",
    path: Path | None = None,
    weights: Arrays | None = None,
    report: bool = False,
    tensorboard: bool = False,
) -> Beginning:
    """Make ready to train a program.

    `base` is where the data block's paths start, `path` a file that stands in for its source,
    `spec` the place that the program came from; with `report` the run writes one in the end,
    with `tensorboard` event files on the way. Raises Failed, OSError, ImportError, and ValueError
    for a precision or a device that the backend doesn't have.
    """
    check(program, setup)
    reach.refuse_unmoved(program)
    begun = perf_counter()
    data = open_data(program, base, path=path)
    spent = Spent(opening=perf_counter() - begun)
    _check_monitors(program, data)
    given = dict(initial.weights(program.graph, program.seed)) if weights is None else weights
    engine = load(program, given, setup)
    where = None if path is None else str(path.resolve())
    record = _record(program, data, engine, setup)
    record = replace(record, spec=spec, base=str(base.resolve()), data=where)
    record = replace(record, report=report, tensorboard=tensorboard, spent=spent)
    return Beginning(program, data, engine, record)


def _record(program: Program, data: Dataset, engine: Engine, setup: Setup) -> Record:
    training = training_of(program)
    aim = goal(program, validated="validation" in data.splits)
    restores = training.stop is not None and training.stop.restore_best
    return Record(
        name=program.name,
        spec="",
        base="",
        data=None,
        backend=engine.backend,
        precision=setup.precision,
        device=setup.device,
        seed=program.seed,
        epochs=training.epochs,
        parts=setup.parts,
        versions=versions(TRAINING[engine.backend]),
        data_hash=data.hash,
        examples={name: len(rows) for name, rows in data.splits.items()},
        started=now(),
        monitor=aim.monitor,
        larger_is_better=aim.larger,
        keeps="best" if restores else "last",
    )


def resume(folder: Folder, *, path: Path | None = None, device: str | None = None) -> Run:
    """A run that goes on from its last snapshot, to the result that it would have had.

    `path` and `device` replace those that the run began with: data that was moved must be the same.
    Raises Failed (E804 for a damaged folder, E806 for other data, E808 when another process trains
    in it), OSError, ImportError.
    """
    folder.read_record()
    hold = Hold(folder.path)
    try:
        run = _continued(folder, hold, path, device)
    except BaseException:
        hold.close()
        raise
    if run.ended:
        hold.close()
    else:
        run.record = replace(run.record, status="unfinished")
        folder.write_record(run.record)
    return run


def _continued(folder: Folder, hold: Hold, path: Path | None, device: str | None) -> Run:
    """The run as its snapshot has it."""
    folder.sweep()
    record, program = folder.read_record(), folder.read_program()
    begun = folder.read_snapshot()
    if begun is None:
        raise damaged(folder.state, "there is no such file")
    if record.backend not in TRAINING:
        raise damaged(folder.record, f"there is no backend `{record.backend}`")
    opened = perf_counter()
    data = open_again(folder, record, program, path)
    spent = replace(record.spent, opening=record.spent.opening + perf_counter() - opened)
    if data.hash != record.data_hash:
        message = f"the data are not those that {folder.path} began with"
        cure = "bring the same file back, or train anew"
        raise Failed([Diagnostic("E806", message, help=cure)])
    record = replace(record, device=device or record.device, spent=spent)
    engine = load(program, dict(initial.weights(program.graph, program.seed)), record.setup)
    try:
        return Run(folder, record, program, data, engine, begun, hold)
    except ValueError as error:
        raise damaged(folder.state, str(error)) from None


def open_again(
    folder: Folder, record: Record, program: Program, path: Path | None = None
) -> Dataset:
    """The data of a run, or those of another file, prepared with what the run has learnt."""
    fitted, _ = folder.read_fitted()
    given = path if path is not None or record.data is None else Path(record.data)
    return open_data(program, Path(record.base), path=given, fitted=fitted)


def _check_monitors(program: Program, data: Dataset) -> None:
    """Raise Failed (E802) when something is watched that is not measured on these data."""
    if "validation" in data.splits:
        return
    faults = [
        Diagnostic(
            "E802",
            f"`{setting}` watches `{monitor}`, but there are no validation examples",
            help="give some: `split = shares(validation=0.2)` in the data block, or watch "
            f"`{monitor.removeprefix('val_')}`",
        )
        for monitor, setting in watched(training_of(program)).items()
        if monitor.startswith("val_")
    ]
    if faults:
        raise Failed(faults)
