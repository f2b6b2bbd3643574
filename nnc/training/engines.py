"""Which backend trains, and whether it can train what is asked for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from nnc import __version__
from nnc.backends.base import Arithmetic, Arrays, Engine, Precision
from nnc.backends.registry import BACKENDS, REFERENCE, Backend
from nnc.compiler.diagnostics import Diagnostic, Failed, Label
from nnc.compiler.ir import LossTerm, Program
from nnc.compiler.source import NOWHERE

TRAINING = {
    backend.name: backend
    for backend in (BACKENDS["onnx"], BACKENDS["torch"], BACKENDS["keras"], REFERENCE)
}
"""The backends that train, by name; the first that is installed, which ONNX Runtime always is, is
the default."""


@dataclass(frozen=True)
class Setup:
    """What a program is trained on."""

    backend: str
    precision: Arithmetic = "float32"
    device: str = "cpu"
    parts: int = 1
    """Into how many parts each batch is divided: they are computed one after the other, and take
    one step together."""


def precision_of(backend: str) -> Precision:
    """The precision that a backend trains in when nothing else is asked for."""
    return "float64" if backend == REFERENCE.name else "float32"


def default(program: Program) -> str:
    """The name of the first backend that is installed and refuses no word of the program; the
    reference does neither."""
    installed = [backend for backend in TRAINING.values() if backend.missing is None]
    return next(backend.name for backend in installed if not backend.refusals(program))


def load(program: Program, weights: Arrays, setup: Setup) -> Engine:
    """The engine of a backend. Raises Failed for what it refuses, ImportError when it isn't
    installed, ValueError for a precision or a device that it doesn't have."""
    backend = TRAINING[setup.backend]
    refused = backend.refusals(program)
    if refused:
        raise Failed(refused)
    if backend.missing is not None:
        raise ImportError(f"{backend.title} is not installed: {backend.hint}", name=backend.missing)
    assert backend.load_engine is not None
    return backend.load_engine()(program, weights, setup.precision, setup.device)


def check_parts(program: Program, cure: str = "train without `--accumulate`") -> None:
    """Raise Failed (E805) when parts of a batch don't add up to its gradient."""
    assert program.training is not None
    found = [_not_a_mean(term, cure) for term in program.training.losses]
    faults = [fault for fault in found if fault is not None]
    if faults:
        raise Failed(faults)


def _not_a_mean(term: LossTerm, cure: str) -> Diagnostic | None:
    """What is said of a loss that is not a mean over examples that count alike."""
    why = term.loss.no_mean
    if why is None:
        return None
    with_ = "" if why == term.loss.word else f"with `{why}`, "
    return Diagnostic(
        "E805",
        f"{with_}`{term.loss.word}` is no mean over examples that count alike: a batch in parts "
        "would take another step than the batch",
        () if term.span == NOWHERE else (Label(term.span, "this loss"),),
        help=cure,
    )


def versions(backend: Backend) -> dict[str, str]:
    """The versions of all that a run depends on."""
    python = ".".join(map(str, sys.version_info[:3]))
    return {"nnc": __version__, "python": python, **dict(_installed(("numpy", *backend.modules)))}


def _installed(packages: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for package in packages:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue
