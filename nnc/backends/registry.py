"""The backends by name. Nothing of one is imported before it is asked for, and no framework is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from nnc.backends.base import Artifact, Engine, Ranks, Runner, Table, refused
from nnc.compiler.diagnostics import Diagnostic
from nnc.compiler.ir import Program
from nnc.compiler.source import NOWHERE, Span
from nnc.compiler.vocabulary.base import Word


@dataclass(frozen=True)
class Backend:
    """A backend, not yet loaded.

    `modules` are what must be installed to run it; writing its code needs none of them.
    """

    name: str
    title: str
    modules: tuple[str, ...]
    extra: str | None
    load_runner: Callable[[], type[Runner]]
    load_emit: Callable[[], Callable[..., Artifact]] | None
    load_tables: Callable[[], tuple[Table[Any], ...]]
    load_engine: Callable[[], type[Engine]] | None = None
    """What trains; None for a backend that doesn't."""
    load_ranks: Callable[[], type[Ranks]] | None = None
    """What trains in several processes; None for a backend that trains in one."""

    @property
    def missing(self) -> str | None:
        """The first module that is needed to run and not installed."""
        return next((name for name in self.modules if find_spec(name) is None), None)

    @property
    def hint(self) -> str:
        """The command that installs what is missing."""
        return f"pip install 'nnc[{self.extra}]'" if self.extra else "pip install nnc"

    def refusals(self, program: Program) -> list[Diagnostic]:
        """A diagnostic for every word of a program that this backend declares it can't express."""
        tables = self.load_tables()
        found = []
        for word, span in _words(program):
            reasons = (table.refusal(word) for table in tables if word.kind in table.kinds)
            found += [refused(self.title, word, reason, span) for reason in reasons if reason]
        return found


def _words(program: Program) -> Iterator[tuple[Word, Span]]:
    for node in program.graph.nodes:
        yield node.op, node.span
    training = program.training
    if training is None:
        return
    for term in training.losses:
        yield term.loss, term.span
    for penalty in training.penalties:
        yield penalty.penalty, NOWHERE
    for activity in training.activities:
        yield activity.penalty, activity.value.span
    for use in training.metrics:
        yield use.metric, NOWHERE
    for constraint in program.graph.constraints.values():
        yield constraint, NOWHERE
    yield training.optimizer, NOWHERE
    yield training.schedule, NOWHERE
    if training.clip is not None:
        yield training.clip, NOWHERE


def _reference() -> type[Runner]:
    from nnc.backends.reference.run import ReferenceRunner

    return ReferenceRunner


def _torch() -> type[Runner]:
    from nnc.backends.torch.run import TorchRunner

    return TorchRunner


def _keras() -> type[Runner]:
    from nnc.backends.keras.run import KerasRunner

    return KerasRunner


def _onnx() -> type[Runner]:
    from nnc.backends.onnx.run import OnnxRunner

    return OnnxRunner


def _reference_engine() -> type[Engine]:
    from nnc.backends.reference.engine import ReferenceEngine

    return ReferenceEngine


def _torch_engine() -> type[Engine]:
    from nnc.backends.torch.engine import TorchEngine

    return TorchEngine


def _torch_ranks() -> type[Ranks]:
    from nnc.backends.torch.ranks.engine import TorchRanks

    return TorchRanks


def _keras_engine() -> type[Engine]:
    from nnc.backends.keras.engine import KerasEngine

    return KerasEngine


def _onnx_engine() -> type[Engine]:
    from nnc.backends.onnx.engine import OnnxEngine

    return OnnxEngine


def _torch_emit() -> Callable[..., Artifact]:
    from nnc.backends.torch.emit import emit

    return emit


def _keras_emit() -> Callable[..., Artifact]:
    from nnc.backends.keras.emit import emit

    return emit


def _onnx_emit() -> Callable[..., Artifact]:
    from nnc.backends.onnx.emit import emit

    return emit


def _reference_tables() -> tuple[Table[Any], ...]:
    from nnc.backends.reference.table import TABLES

    return TABLES


def _torch_tables() -> tuple[Table[Any], ...]:
    from nnc.backends.torch.table import TABLES

    return TABLES


def _keras_tables() -> tuple[Table[Any], ...]:
    from nnc.backends.keras.table import TABLES

    return TABLES


def _onnx_tables() -> tuple[Table[Any], ...]:
    from nnc.backends.onnx import TABLES

    return TABLES


BACKENDS: dict[str, Backend] = {
    backend.name: backend
    for backend in (
        Backend(
            *("torch", "PyTorch", ("torch",), "torch"),
            *(_torch, _torch_emit, _torch_tables, _torch_engine),
            load_ranks=_torch_ranks,
        ),
        Backend(
            *("keras", "Keras", ("keras", "tensorflow"), "keras"),
            *(_keras, _keras_emit, _keras_tables, _keras_engine),
        ),
        Backend(
            *("onnx", "ONNX", ("onnx", "onnxruntime"), None),
            *(_onnx, _onnx_emit, _onnx_tables, _onnx_engine),
        ),
    )
}
"""What a spec is compiled to, by name."""
REFERENCE = Backend(
    *("reference", "the reference", (), None),
    *(_reference, None, _reference_tables, _reference_engine),
)
"""What they are all measured against."""
