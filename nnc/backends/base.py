"""What a backend is: a table that is total over the vocabulary, an emitter, and a runner.

Each backend folder has `table.py` (the tables), one file per family of ops (the lowerings),
`emit.py` (a program -> an `Artifact`) and `run.py` (the artifact, running). Only `run.py` imports
a framework.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar

from nnc.compiler.diagnostics import Diagnostic, Label
from nnc.compiler.ir import Program
from nnc.compiler.source import Span
from nnc.compiler.vocabulary.base import Kind, Word, words
from nnc.compiler.vocabulary.ops.base import Composite

if TYPE_CHECKING:
    from numpy.typing import NDArray

Lowering = TypeVar("Lowering", bound=Callable[..., Any])
Arrays: TypeAlias = "dict[str, NDArray[Any]]"
Counts: TypeAlias = list[list[int]]
"""A table of whole numbers, row by row."""
Result: TypeAlias = float | Counts
"""What a metric comes to."""
Precision: TypeAlias = Literal["float32", "float64"]
Arithmetic: TypeAlias = Precision | Literal["mixed"]
"""What training computes in. `mixed`: weights, their updates, normalisation and losses in float32,
products of matrices and convolutions in 16 bits."""


class Table(Generic[Lowering]):
    """For every word of some kinds: a lowering, or a reason why there is none."""

    def __init__(self, backend: str, *kinds: Kind) -> None:
        self.backend = backend
        self.kinds = kinds
        self._lowerings: dict[type[Word], Lowering] = {}
        self._refusals: dict[type[Word], str] = {}

    def lowers(self, *lowered: type[Word]) -> Callable[[Lowering], Lowering]:
        """Register a function as the lowering of one or more words."""

        def register(function: Lowering) -> Lowering:
            for word in lowered:
                self._check_new(word)
                self._lowerings[word] = function
            return function

        return register

    def refuses(self, word: type[Word], reason: str) -> None:
        """Declare that this backend can't express a word; the user reads the reason."""
        self._check_new(word)
        self._refusals[word] = reason

    def _check_new(self, word: type[Word]) -> None:
        if word in self._lowerings or word in self._refusals:
            raise TypeError(f"backend {self.backend}: `{word.word}` is registered twice")
        if issubclass(word, Composite):
            raise TypeError(f"backend {self.backend}: `{word.word}` is made of other words")

    def sealed(self) -> None:
        """Raise TypeError when a word has neither a lowering nor a refusal and is not made of other
        words; called once all are registered."""
        known = {*self._lowerings, *self._refusals}
        wanted = (w for kind in self.kinds for w in words(kind) if not issubclass(w, Composite))
        missing = [word for word in wanted if word not in known]
        if missing:
            places = ", ".join(
                f"`{w.word}` ({w.__module__.rsplit('.', 1)[-1]}.py of {self.backend})"
                for w in missing
            )
            raise TypeError(f"backend {self.backend} neither lowers nor refuses {places}")

    def refusal(self, word: Word | type[Word]) -> str | None:
        """The reason why a word is refused, or None."""
        return self._refusals.get(word if isinstance(word, type) else type(word))

    def find(self, word: Word) -> Lowering:
        """The lowering of a word. Refused words must have been reported before (`refused`)."""
        return self._lowerings[type(word)]


def refused(backend: str, word: Word, reason: str, span: Span) -> Diagnostic:
    """The diagnostic for a word that a backend refuses."""
    return Diagnostic(
        "E701",
        f"{backend} can't express `{word.word}`: {reason}",
        (Label(span, "used here"),),
        help="compile for another backend, or write it with other words",
    )


@dataclass(frozen=True)
class Artifact:
    """What compiling gives: a program's text or a model's bytes.

    `suffix` is that of the file's name. `chunks` are written one after the other; large weights
    are not copied. `lines` leads from a line of the text (from 1) back to the spec.
    """

    suffix: str
    chunks: tuple[bytes | memoryview, ...]
    lines: Mapping[int, Span] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The program's text. Raises UnicodeDecodeError for a binary model."""
        return b"".join(self.chunks).decode("utf-8")


class Runner(ABC):
    """A program on one backend with its weights loaded, running the very artifact that compiling
    gives.

    Arrays have the batch as their first axis and the spec's axis order; names of inputs, outputs,
    targets and weights are the spec's. Floats come back in the runner's precision.
    """

    backend: ClassVar[str]
    differentiates: ClassVar[bool] = True
    """Whether `gradients` and `pullback` exist."""

    @abstractmethod
    def __init__(self, program: Program, weights: Arrays, precision: Precision = "float32") -> None:
        """Load the program with canonical weights. Raises ImportError when the framework is
        missing."""

    @abstractmethod
    def outputs(self, inputs: Arrays, *, training: bool = False, step: int = 0) -> Arrays:
        """The outputs by name. With `training`: dropout on, as in update number `step`, statistics
        of the batch used and the running ones updated (kept in the runner)."""

    def gradients(self, inputs: Arrays, targets: Arrays) -> tuple[float, Arrays]:
        """The training loss (penalties included; dropout off, running statistics) and its gradient
        with respect to every trained weight, by the weight's full name."""
        raise NotImplementedError(f"{self.backend} has no gradients")

    def pullback(
        self, inputs: Arrays, cotangents: Arrays, *, training: bool = False, step: int = 0
    ) -> tuple[Arrays, Arrays]:
        """Gradients of Σ output·cotangent with respect to every float input and every trained
        weight."""
        raise NotImplementedError(f"{self.backend} has no gradients")

    @abstractmethod
    def weights(self) -> Arrays:
        """Every canonical weight as it is now, running statistics included."""


class Stepper(ABC):
    """A program being trained on one backend by the very functions of the artifact that compiling
    gives: what takes its steps, one at a time.

    The loop, the order of the examples, the learning rate and the stopping are the caller's.
    Arrays are as for a `Runner`; whole numbers may come in any width.
    """

    backend: ClassVar[str]

    @abstractmethod
    def step(self, parts: Sequence[Arrays], step: int, rate: float) -> float:
        """Take update number `step` (from 0; it keys the dropout masks) at a learning rate.

        `parts` make up one batch of inputs and targets by name, in order; with several, gradients
        are accumulated, each part's by its share of the examples, which is the gradient of the
        whole batch for losses that are means over examples. Statistics of the batch (BatchNorm) are
        those of each part. Gives the loss of the batch before the update.

        A loss that is no finite number is given back without an update: the weights are then those
        that it was computed from.
        """

    def rate(self, step: int, steps: int) -> float | None:
        """The learning rate of update `step` of `steps` by the artifact's own function, not lowered
        by any `plateau`; None for an artifact that is given its rates."""
        return None

    @abstractmethod
    def gradient_norms(self) -> dict[str, float]:
        """The Euclidean norm of the gradient of each trained weight in the last step, after
        clipping; empty before the first one."""

    @abstractmethod
    def weights(self) -> Arrays:
        """Every canonical weight as it is now, running statistics included, in the stepper's
        precision."""

    def close(self) -> None:
        """Let go of what outlives a step, such as processes. No step can be taken afterwards."""
        return


class Ranks(Stepper):
    """A stepper that is several processes of this machine, each with its rows of every batch."""

    @abstractmethod
    def __init__(
        self, program: Program, weights: Arrays, precision: Precision, ranks: int, smallest: int
    ) -> None:
        """Start `ranks` processes, for batches of `smallest` rows or more. Raises ValueError for a
        program without a train block and a batch with fewer rows than there are processes,
        RuntimeError when the program doesn't begin."""

    @staticmethod
    @abstractmethod
    def lacking() -> str | None:
        """What of the installed framework several processes lack; None when all is there."""


class Engine(Stepper):
    """A stepper in this process, which also evaluates and can go on from where it was."""

    @abstractmethod
    def __init__(
        self,
        program: Program,
        weights: Arrays,
        precision: Arithmetic = "float32",
        device: str = "cpu",
    ) -> None:
        """Load the program with canonical weights. Raises ImportError when the framework is
        missing, ValueError for a program without a train block, weights that don't fit, and a
        precision or a device that the backend doesn't have."""

    def evaluate(self, batches: Iterable[Arrays]) -> dict[str, Result]:
        """`loss` (the mean over examples, penalties included) and every metric by name over all
        batches, as in evaluation: no dropout, running statistics. Raises ValueError without an
        example."""
        total, count = 0.0, 0
        known: dict[str, list[Any]] = {}
        for batch in batches:
            loss, measured = self.measured(batch)
            total += loss * size(batch)
            count += size(batch)
            for name, part in measured.items():
                known.setdefault(name, []).append(part)
        if not count:
            raise ValueError("there is no example to evaluate")
        return {"loss": total / count, **self.concluded(known)}

    @abstractmethod
    def measured(self, batch: Arrays) -> tuple[float, Mapping[str, Any]]:
        """The loss of a batch as in evaluation, and what is known of each metric from it."""

    @abstractmethod
    def concluded(self, known: Mapping[str, list[Any]]) -> Mapping[str, Result]:
        """Every metric, from what is known of it from each batch."""

    @abstractmethod
    def outputs(self, inputs: Arrays) -> Arrays:
        """The outputs by name in evaluation mode."""

    @abstractmethod
    def state(self) -> Arrays:
        """Everything that the next step depends on, by names of the engine's own: weights and the
        optimiser's memory, as float32, float64 and int64. They are copies: a later step doesn't
        change them."""

    @abstractmethod
    def restore(self, state: Arrays) -> None:
        """Go on from a `state`, to the same numbers bit for bit. Raises ValueError for the state of
        another program."""


def numbers(results: Mapping[str, Result | None]) -> dict[str, float]:
    """The results that are numbers: not those that are tables, nor what is missing."""
    return {
        name: value
        for name, value in results.items()
        if value is not None and not isinstance(value, list)
    }


def shares(parts: Sequence[Arrays]) -> list[float]:
    """The share of each part of a batch in its examples. Raises ValueError without an example."""
    counts = [size(part) for part in parts]
    if not sum(counts):
        raise ValueError("a batch needs at least one example")
    return [count / sum(counts) for count in counts]


def size(batch: Arrays) -> int:
    """The number of examples in a batch."""
    return len(next(iter(batch.values())))
