"""`nnc train`: a spec with a train block and data becomes a run."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING, Any

import click

from nnc.cli import specs
from nnc.cli.terminal import Unusable, give, running
from nnc.cli.verb import FILE, Verb

if TYPE_CHECKING:
    from nnc.training.folder import Folder
    from nnc.training.run import Run

BACKENDS = ("onnx", "torch", "keras", "reference")
_FIXED = (
    *("output", "backend", "epochs", "batch", "weights", "parts", "precision", "log_every"),
    *("report", "tensorboard"),
)
"""Options that a run which is continued has had from its beginning."""


@click.command(
    "train",
    cls=Verb,
    example=(
        "nnc train xor.nn\n"
        "nnc train digits.nn --backend torch -o runs/wide --set units=512 --epochs 5\n"
        "nnc train --resume runs/wide"
    ),
    short_help="train a spec on its data; a run can be continued",
)
@click.argument("file", type=FILE, required=False)
@click.option("--backend", type=click.Choice(BACKENDS), help="onnx without it, where it can")
@click.option("-o", "--output", metavar="RUN", type=FILE, help="the folder; without it runs/NAME-N")
@click.option("--data", metavar="FILE", type=FILE, help="in place of the data block's source")
@click.option("--weights", metavar="FILE", type=FILE, help="safetensors to begin with")
@click.option("--epochs", type=click.IntRange(min=1), help="instead of the spec's")
@click.option("--batch", type=click.IntRange(min=1), help="instead of the spec's")
@click.option("--log-every", type=click.IntRange(min=1), help="instead of the spec's")
@click.option(
    "--accumulate",
    "parts",
    type=click.IntRange(min=1),
    metavar="N",
    help="compute each batch in N parts, which take one step together",
)
@click.option(
    "--precision",
    type=click.Choice(["float32", "float64", "mixed"]),
    help="float32 without it; `mixed`: products in 16 bits, on torch and keras",
)
@click.option("--device", metavar="NAME", help="what the backend calls it: `cuda`, `mps`")
@click.option("--resume", metavar="RUN", type=FILE, help="continue a run that was interrupted")
@click.option(
    "--tensorboard", flag_value=True, default=None, help="also write events, in RUN/tensorboard"
)
@click.option("--no-report", "report", flag_value=False, default=None, help="no report.html")
@click.option("--force", is_flag=True, help="replace the run that is in the folder")
@click.option("--quiet", "-q", is_flag=True, help="say nothing but where the run is")
@specs.set_option
def command(file: str | None, resume: str | None, **options: Any) -> None:
    """Train a spec by its train block, on its data block's examples.

    The run's folder gets weights, history, log, and all that is needed to continue: it is told on
    stdout when training ends. Ctrl-C ends after the step that is being taken.
    """
    if (file is None) == (resume is None):
        raise click.UsageError("give a spec, or a run to `--resume`")
    with running() as stream:
        run = _resumed(resume, options) if resume is not None else _begun(str(file), options)
        _train(run, stream, quiet=options["quiet"])
    give(str(run.folder.path))
    if run.record.status == "interrupted":
        raise click.exceptions.Exit(130)


def _begun(file: str, options: dict[str, Any]) -> Run:
    """A new run of a spec."""
    program = specs.program(file, options["settings"])
    from nnc.training import engines, start

    numbers = {name: options[name] for name in ("epochs", "batch", "log_every")}
    program = start.changed(program, **numbers)

    backend = options["backend"] or engines.default(program)
    specs.require(backend)
    precision = options["precision"] or engines.precision_of(backend)
    setup = engines.Setup(backend, precision, options["device"] or "cpu", options["parts"] or 1)
    start.check(program, setup)
    weights = specs.weights(program, options["weights"])
    output = options["output"]
    _check_folder(output, force=options["force"])
    with _usable():
        ready = start.prepare(
            program,
            setup,
            base=Path.cwd() if file == "-" else Path(file).parent,
            spec="" if file == "-" else file,
            path=Path(options["data"]) if options["data"] else None,
            weights=weights,
            report=options["report"] is not False,
            tensorboard=bool(options["tensorboard"]),
        )
    try:
        folder = _folder(output, program.name.lower() if file == "-" else Path(file).stem)
        return ready.into(folder, replaces=options["force"])
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Unusable(f"can't write {output or 'runs'}: {reason}", "`-o` names another") from None


def _check_folder(output: str | None, *, force: bool) -> None:
    """Raise Unusable for a folder that a new run must not go into."""
    if output is None:
        return
    from nnc.training.folder import Folder

    path = Path(output)
    if path.exists() and not path.is_dir():
        raise Unusable(f"{path} is a file, and a run is a folder", "give another name to `-o`")
    if not path.is_dir() or not any(path.iterdir()):
        return
    folder = Folder(path)
    if folder.is_left:
        return
    if not folder.is_run:
        raise Unusable(f"{path} is not empty, and not a run", "give another name to `-o`")
    if not force:
        cure = f"`nnc train --resume {path}` continues it, `--force` replaces it"
        raise Unusable(f"{path} is a run already", cure)


def _folder(output: str | None, name: str) -> Folder:
    """The folder of a new run, which is there. Raises OSError."""
    from nnc.training.folder import Folder, new_folder

    if output is None:
        return new_folder(Path("runs"), name)
    folder = Folder(Path(output))
    folder.path.mkdir(parents=True, exist_ok=True)
    return folder


def _resumed(path: str, options: dict[str, Any]) -> Run:
    """A run that goes on."""
    given = [name for name in _FIXED if options[name] is not None]
    if given or options["settings"] or options["force"]:
        raise click.UsageError(
            "a run that is continued keeps its settings: `--resume` goes with `--data`, "
            "`--device` and `--quiet` alone"
        )
    from nnc.training import start
    from nnc.training.folder import Folder

    folder = Folder(Path(path))
    specs.require(folder.read_record().backend)
    with _usable():
        data = Path(options["data"]) if options["data"] else None
        return start.resume(folder, path=data, device=options["device"])


@contextmanager
def _usable() -> Iterator[None]:
    """What a backend doesn't have is wrong usage."""
    try:
        yield
    except ValueError as error:
        raise Unusable(str(error)) from None


def _train(run: Run, stream: IO[str], *, quiet: bool) -> None:
    """Train to the end, and say how it goes."""
    from nnc.cli.progress import Display

    path = run.folder.path
    if run.ended:
        print(f"{path} has come to its end: nothing is left to do", file=stream)
        return
    with Display(run, stream, quiet=quiet) as display, _interrupting(run.interrupt):
        for update in run.updates():
            display.show(update)
        display.end()
    if run.record.status == "interrupted":
        print(f"interrupted; `nnc train --resume {path}` continues", file=stream)


@contextmanager
def _interrupting(interrupt: Callable[[], None]) -> Iterator[None]:
    """The first Ctrl-C (or SIGTERM) ends after the current step, a second one at once."""

    def first(number: int, frame: FrameType | None) -> None:
        interrupt()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {kind: signal.signal(kind, first) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)
