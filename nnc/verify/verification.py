"""The same weights and the same data on every backend, each against the float64 reference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from nnc.backends.base import Arrays, Precision, Runner
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.registry import BACKENDS, Backend
from nnc.compiler.diagnostics import Failed
from nnc.compiler.ir import Program
from nnc.verify import compare, locate, sample
from nnc.verify.verdict import Comparison, Divergence, Findings, Verdict

BATCH = 4


def verify(
    program: Program,
    *,
    backends: Iterable[str | Backend] | None = None,
    weights: Arrays | None = None,
    inputs: Arrays | None = None,
    targets: Arrays | None = None,
    batch: int = BATCH,
    seed: int | None = None,
    precision: Precision = "float32",
) -> Verdict:
    """Compare outputs, the training loss and the gradient of every weight with the reference.

    `backends` are names, all of them without any given. What is not given of weights (by full
    name), inputs and targets (batch first) is drawn from `seed`, the spec's own without one; no
    weight is then left at a constant. A program without losses is compared by the gradients of a
    random sum of its outputs.
    Raises ValueError for an unknown backend, and for data or weights that the program doesn't take.
    """
    chosen = [_backend(b) for b in (BACKENDS if backends is None else backends)]
    seed = program.seed if seed is None else seed
    rng = np.random.default_rng(seed)
    given = sample.inputs(program.graph, batch, rng) if inputs is None else _as_floats(inputs)
    used = sample.weights(program.graph, seed) if weights is None else _as_floats(weights)
    if targets is None:
        targets = sample.targets(program, given, rng)
    trial = _Trial.of(program, used, given, _as_floats(targets), precision, rng)
    size = len(next(iter(given.values()))) if given else batch
    findings = tuple(_findings(trial, backend) for backend in chosen)
    return Verdict(program.name, precision, seed, size, findings)


def _backend(named: str | Backend) -> Backend:
    if isinstance(named, Backend):
        return named
    if named not in BACKENDS:
        raise ValueError(f"there is no backend `{named}`: choose from {', '.join(BACKENDS)}")
    return BACKENDS[named]


def _as_floats(arrays: Arrays) -> Arrays:
    return {name: locate.rounded(np.asarray(array)) for name, array in arrays.items()}


@dataclass(frozen=True)
class _Trial:
    """One comparison's data, and what the reference says to it."""

    program: Program
    weights: Arrays
    inputs: Arrays
    targets: Arrays
    precision: Precision
    reference: ReferenceRunner
    outputs: Arrays
    cotangents: Arrays

    @classmethod
    def of(
        cls,
        program: Program,
        weights: Arrays,
        inputs: Arrays,
        targets: Arrays,
        precision: Precision,
        rng: np.random.Generator,
    ) -> _Trial:
        reference = ReferenceRunner(program, weights)
        outputs = reference.outputs(inputs)
        floats = {name: y for name, y in outputs.items() if y.dtype.kind == "f"}
        cotangents = {n: rng.normal(size=y.shape).astype(np.float32) for n, y in floats.items()}
        return cls(program, weights, inputs, targets, precision, reference, outputs, cotangents)

    @property
    def has_loss(self) -> bool:
        return self.program.training is not None and bool(self.program.training.losses)

    @cached_property
    def expected(self) -> tuple[float, Arrays]:
        """The reference's loss (0 without one) and gradients, computed when first needed."""
        return self.differentiated(self.reference)

    def differentiated(self, runner: Runner) -> tuple[float, Arrays]:
        """A runner's loss (0 without one) and the gradient of every weight."""
        if self.has_loss:
            return runner.gradients(self.inputs, self.targets)
        return 0.0, runner.pullback(self.inputs, self.cotangents)[1]

    def compared(self, runner: Runner) -> tuple[Comparison, ...]:
        """Everything that a backend computes against the reference."""
        found = compare.outputs(self.outputs, runner.outputs(self.inputs), self.precision)
        if not runner.differentiates:
            return found
        expected, gradients = self.expected
        loss, ours = self.differentiated(runner)
        if self.has_loss:
            found += (compare.loss(expected, loss, self.precision),)
        nodes = self.program.graph.nodes
        layers = {f"{node.layer}.{w.name}": node.layer for node in nodes for w in node.weights}
        return found + compare.gradients(gradients, ours, layers, self.precision)


def _findings(trial: _Trial, backend: Backend) -> Findings:
    """What is found about one backend. Whatever goes wrong in it is a finding, not an end."""
    if backend.missing is not None:
        message = f"`{backend.missing}` is not installed"
        return Findings(backend.name, "not installed", message=message, help=backend.hint)
    refusals = backend.refusals(trial.program)
    if refusals:
        return Findings(backend.name, "refused", message=refusals[0].message, help=refusals[0].help)
    try:
        runner = backend.load_runner()(trial.program, trial.weights, trial.precision)
        comparisons = trial.compared(runner)
    except Failed as failed:
        return Findings(backend.name, "failed", message=str(failed))
    except ImportError as error:
        return Findings(backend.name, "failed", message=_said(error), help=backend.hint)
    except Exception as error:  # a framework may raise anything
        return Findings(backend.name, "failed", message=_said(error))
    found = Findings(backend.name, "compared", comparisons)
    if found.agrees:
        return found
    first, said = _first(trial, backend, found)
    return replace(found, first=first, message=said)


def _first(
    trial: _Trial, backend: Backend, found: Findings
) -> tuple[Divergence | None, str | None]:
    """The first layer that differs, or why it can't be told."""
    scene = locate.Scene(
        trial.program,
        trial.weights,
        trial.inputs,
        trial.precision,
        lambda program, weights: backend.load_runner()(program, weights, trial.precision),
    )
    wrong = list(found.disagreements)
    # The search may fail where the program itself did not: a framework may raise anything.
    said = None
    try:
        first = _searched(scene, trial, wrong)
    except Exception as error:
        first, said = None, f"the first layer that differs could not be sought: {_said(error)}"
    last = wrong[0] if wrong[0].what == "output" else wrong[-1]
    return first or locate.owner(scene.graph, last), said


def _searched(scene: locate.Scene, trial: _Trial, wrong: list[Comparison]) -> Divergence | None:
    if wrong[0].what == "output":
        return locate.forward(scene)
    names = [comparison.name for comparison in wrong if comparison.what == "gradient"]
    return _of_loss(trial, wrong) or locate.backward(scene, names)


def _of_loss(trial: _Trial, wrong: list[Comparison]) -> Divergence | None:
    """The loss itself, when the outputs it stands on agree and it doesn't."""
    training = trial.program.training
    mine = [comparison for comparison in wrong if comparison.what == "loss"]
    if not mine or training is None:
        return None
    outputs = dict.fromkeys(term.output for term in training.losses)
    said = " + ".join(term.loss.word for term in training.losses)
    return Divergence(", ".join(outputs), said, "loss", mine[0], training.losses[0].span)


def _said(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
