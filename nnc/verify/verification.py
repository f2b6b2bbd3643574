"""The same weights and the same data on every backend, each against the float64 reference."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from nnc.backends.base import Arrays, Precision
from nnc.backends.registry import BACKENDS, Backend
from nnc.compiler.diagnostics import Failed
from nnc.compiler.ir import Program
from nnc.verify import locate, sample
from nnc.verify.trial import Trial
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
    compared = chosen(backends)
    seed = program.seed if seed is None else seed
    rng = np.random.default_rng(seed)
    given = sample.inputs(program.graph, batch, rng) if inputs is None else _as_floats(inputs)
    absent = [value.name for value in program.graph.inputs if value.name not in given]
    if absent:
        raise ValueError(f"input `{absent[0]}` is missing")
    used = sample.weights(program.graph, seed) if weights is None else _as_floats(weights)
    drawn = sample.targets(program, given, rng) if targets is None else _as_floats(targets)
    trial = Trial(program, used, given, drawn, seed)
    _check(trial, targets)
    size = len(next(iter(given.values()))) if given else batch
    findings = tuple(_findings(trial, backend, precision) for backend in compared)
    return Verdict(program.name, precision, seed, size, findings)


def _check(trial: Trial, targets: Arrays | None) -> None:
    """Raise ValueError for what was given and doesn't fit: it is no backend's fault."""
    training = trial.program.training
    wanted = [] if training is None else [t.target.name for t in training.losses if t.target]
    missing = [name for name in wanted if name not in trial.targets]
    if missing:
        raise ValueError(f"target `{missing[0]}` is missing")
    if trial.outputs and targets is not None and trial.has_loss:
        _ = trial.truth


def chosen(backends: Iterable[str | Backend] | None) -> list[Backend]:
    """The backends by these names, all of them for None. Raises ValueError for an unknown name."""
    return [_backend(b) for b in (BACKENDS.values() if backends is None else backends)]


def _backend(named: str | Backend) -> Backend:
    if isinstance(named, Backend):
        return named
    if named not in BACKENDS:
        raise ValueError(f"there is no backend `{named}`: choose from {', '.join(BACKENDS)}")
    return BACKENDS[named]


def _as_floats(arrays: Arrays) -> Arrays:
    return {name: locate.rounded(np.asarray(array)) for name, array in arrays.items()}


def _findings(trial: Trial, backend: Backend, precision: Precision) -> Findings:
    """What is found about one backend. Whatever goes wrong in it is a finding, not an end."""
    if backend.missing is not None:
        message = f"`{backend.missing}` is not installed"
        return Findings(backend.name, "not installed", message=message, help=backend.hint)
    refusals = backend.refusals(trial.program)
    if refusals:
        return Findings(backend.name, "refused", message=refusals[0].message, help=refusals[0].help)
    try:
        comparisons = _comparisons(trial, backend, precision)
    except Failed as failed:
        return Findings(backend.name, "failed", message=str(failed))
    except NotImplementedError as error:  # a kernel that the framework lacks in this precision
        return Findings(backend.name, "refused", message=str(error))
    except ImportError as error:
        return Findings(backend.name, "failed", message=said(error), help=backend.hint)
    except Exception as error:  # a framework may raise anything
        return Findings(backend.name, "failed", message=said(error))
    found = Findings(backend.name, "compared", comparisons)
    if found.agrees:
        return found
    first, unsought = _first(trial, backend, precision, found)
    return replace(found, first=first, message=unsought)


def _comparisons(trial: Trial, backend: Backend, precision: Precision) -> tuple[Comparison, ...]:
    """Everything against the reference.

    Gradients may differ by more than float32's tolerance where rounding accounts for it, if the
    same program on the same backend agrees in float64.
    """
    runner = backend.load_runner()
    found = trial.compared(runner(trial.program, trial.weights, precision), precision)
    wrong = [comparison for comparison in found if not comparison.agrees]
    if not wrong or precision == "float64" or any(c.what != "gradient" for c in wrong):
        return found
    exact = trial.compared(runner(trial.program, trial.weights, "float64"), "float64")
    if not all(comparison.agrees for comparison in exact):
        return found
    return tuple(trial.with_rounding(comparison) for comparison in found)


def _first(
    trial: Trial, backend: Backend, precision: Precision, found: Findings
) -> tuple[Divergence | None, str | None]:
    """The first layer that differs, or why it can't be told."""
    scene = locate.Scene(
        trial.program,
        trial.weights,
        trial.inputs,
        precision,
        lambda program, weights: backend.load_runner()(program, weights, precision),
    )
    wrong = list(found.disagreements)
    # The search may fail where the program itself did not: a framework may raise anything.
    message: str | None = None
    try:
        first = _searched(scene, trial, wrong)
    except Exception as error:
        first = None
        message = f"the first layer that differs could not be sought: {said(error)}"
    last = wrong[0] if wrong[0].what == "output" else wrong[-1]
    return first or locate.owner(scene.graph, last), message


def _searched(scene: locate.Scene, trial: Trial, wrong: list[Comparison]) -> Divergence | None:
    if wrong[0].what == "output":
        return locate.forward(scene)
    names = [comparison.name for comparison in wrong if comparison.what == "gradient"]
    return _of_loss(trial, wrong) or locate.backward(scene, names)


def _of_loss(trial: Trial, wrong: list[Comparison]) -> Divergence | None:
    """The loss itself, when the outputs it stands on agree and it doesn't."""
    training = trial.program.training
    mine = [comparison for comparison in wrong if comparison.what == "loss"]
    if not mine or training is None:
        return None
    outputs = dict.fromkeys(name for term in training.losses for name in term.outputs)
    said = " + ".join(term.loss.word for term in training.losses)
    return Divergence(", ".join(outputs), said, "loss", mine[0], training.losses[0].span)


def said(error: Exception) -> str:
    """An error of a framework in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
