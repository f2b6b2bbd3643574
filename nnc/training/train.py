"""Training from Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nnc.backends import weights as canonical
from nnc.backends.base import Arithmetic
from nnc.compiler.diagnostics import Failed
from nnc.compiler.ir import Program
from nnc.training import start
from nnc.training.engines import TRAINING, Setup, default, precision_of
from nnc.training.folder import Folder, new_folder
from nnc.training.loop import Update
from nnc.training.run import Run


def train(
    spec: str | Path | Program,
    *,
    backend: str | None = None,
    output: str | Path | None = None,
    data: str | Path | None = None,
    weights: str | Path | None = None,
    epochs: int | None = None,
    batch: int | None = None,
    settings: Mapping[str, Any] | None = None,
    precision: Arithmetic | None = None,
    device: str = "cpu",
    report: bool = True,
    tensorboard: bool = False,
    watch: Callable[[Update], object] | None = None,
) -> Run:
    """Train a spec, as `nnc train` does; gives the finished run.

    `spec` is a path or a program, whose data block's paths start at the working directory. `output`
    is an empty or a new folder, `runs/NAME-N` without it; `settings` give the spec's parameters
    other values; without `report` the run writes none, with `tensorboard` it writes event files;
    `watch` is called after each update. Raises Failed for what is wrong with spec, data or weights,
    and for a loss that is no finite number; OSError; ImportError when the backend isn't installed;
    ValueError for a backend, precision or device that there isn't, or a folder that isn't empty.
    """
    if backend is not None and backend not in TRAINING:
        raise ValueError(f"there is no backend `{backend}`: choose from {', '.join(TRAINING)}")
    program, base, name = _program(spec, settings)
    chosen = backend or default(program)
    program = start.changed(program, epochs=epochs, batch=batch)
    ready = start.prepare(
        program,
        Setup(chosen, precision or precision_of(chosen), device),
        base=base,
        spec="" if isinstance(spec, Program) else str(spec),
        path=None if data is None else Path(data),
        weights=None if weights is None else dict(canonical.read(weights, program.graph)),
        report=report,
        tensorboard=tensorboard,
    )
    run = ready.into(_folder(output, name))
    for update in run.updates():
        if watch is not None:
            watch(update)
    return run


def _program(
    spec: str | Path | Program, settings: Mapping[str, Any] | None
) -> tuple[Program, Path, str]:
    """The program, where its data's paths start, and what to call its runs."""
    if isinstance(spec, Program):
        if settings:
            raise ValueError("`settings` are for a spec: this program has its values already")
        return spec, Path.cwd(), spec.name.lower()
    from nnc.loading import compile_file

    path = Path(spec)
    program, diagnostics = compile_file(path, settings)
    if program is None:
        raise Failed(diagnostics)
    return program, path.parent, path.stem


def _folder(output: str | Path | None, name: str) -> Folder:
    if output is None:
        return new_folder(Path("runs"), name)
    path = Path(output)
    path.mkdir(parents=True, exist_ok=True)
    if any(path.iterdir()):
        raise ValueError(f"{path} is not empty")
    return Folder(path)
