"""The same training on every backend, step by step beside the float64 reference."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from itertools import product

import numpy as np

from nnc.backends.base import Arrays, Precision, Stepper
from nnc.backends.reference.engine import ReferenceEngine
from nnc.backends.registry import Backend
from nnc.compiler.ir import Program
from nnc.verify import departure, division
from nnc.verify.course import Course
from nnc.verify.feed import Feed
from nnc.verify.idle import Idle
from nnc.verify.paths import (
    Measured,
    Parting,
    Path,
    Paths,
    Step,
    idle_apart,
    loss_apart,
    weights_apart,
)
from nnc.verify.tolerances import HORIZON, IDLE_REACH, NOISE_FACTOR, STEPS
from nnc.verify.verdict import State
from nnc.verify.verification import chosen, said


@np.errstate(all="ignore")
def verify_steps(
    program: Program,
    *,
    steps: int,
    feed: Feed,
    weights: Arrays,
    backends: Iterable[str | Backend] | None = None,
    precisions: Iterable[Precision] = ("float64", "float32"),
    ranks: int = 1,
) -> Paths:
    """Train on every backend that trains, and on the reference, with the same batches.

    Dropout is on and BatchNorm uses the statistics of the batch. With several `ranks` the backends
    that can train in so many processes do so as well, on this machine. Raises ValueError for an
    unknown backend, a program without a train block, and data or weights that don't fit; Failed for
    batches that can't be divided among the ranks.
    """
    if program.training is None:
        raise ValueError("the spec has no train block: there are no steps to compare")
    if ranks > 1:
        division.check(program, feed, ranks)
    course = Course(program, weights, feed)
    with ExitStack() as stack:
        walkers: list[Walker] = []
        for precision, backend in product(precisions, chosen(backends)):
            for number in (1, ranks)[: 2 if ranks > 1 and backend.load_ranks else 1]:
                walkers.append(Walker(course, backend, precision, number))
                stack.callback(walkers[-1].close)
        return _walked(course, walkers, steps)


def _walked(course: Course, walkers: list[Walker], steps: int) -> Paths:
    """Every walker's way beside the reference's."""
    program, feed, weights = course.program, course.feed, course.weights
    reference = ReferenceEngine(program, weights)
    idle = Idle(course.layers)
    losses: list[float] = []
    for step in range(steps):
        batch = feed.batch(step)
        rate = reference.rate(step, feed.updates)
        losses.append(reference.step([batch], step, rate))
        truth = Measured(losses[-1], reference.weights(), reference.gradient_norms())
        if not truth.is_finite:
            break
        idle.watch(reference.gradients)
        for walker in walkers:
            walker.walk(batch, step, rate, truth, idle)
    elements = idle.elements()
    paths = tuple(_judged(walker, walkers, len(losses)) for walker in walkers)
    quiet = {name: int(mask.sum()) for name, mask in elements.items()}
    norms = {
        name: float(np.linalg.norm(array))
        for name, array in reference.weights().items()
        if name not in quiet and not (quiet and name.endswith("running_mean"))
    }
    return Paths(program, feed.told, feed.size, tuple(losses), steps, paths, quiet, norms)


class Walker:
    """A backend on its way, and how far it was from the reference after each step."""

    def __init__(
        self, course: Course, backend: Backend, precision: Precision, ranks: int = 1
    ) -> None:
        self.course = course
        self.backend = backend
        self.path = Path(backend.name, precision, ranks)
        self._engine = self._loaded()
        self.parting: Parting | None = None
        self._wandered = 0.0
        """How far apart idle elements have been."""
        self._reach = 0.0
        """How far apart they may be."""

    def _loaded(self) -> Stepper | None:
        """The engine; without one the path says why."""
        backend, program = self.backend, self.course.program
        refusals = backend.refusals(program)
        if backend.load_engine is None:
            self._end("refused", f"{backend.title} doesn't train")
        elif backend.missing is not None:
            self._end("not installed", f"`{backend.missing}` is not installed", backend.hint)
        elif refusals:
            self._end("refused", refusals[0].message, refusals[0].help)
        else:
            try:
                return self._load()
            except ValueError as error:  # a precision in which it has not every kernel
                self._end("refused", str(error).partition("\n")[0])
            except Exception as error:  # a framework may raise anything
                self._end("failed", said(error))
        return None

    def _load(self) -> Stepper | None:
        """The engine of a backend that is there."""
        backend, path, course = self.backend, self.path, self.course
        assert backend.load_engine is not None
        if path.ranks == 1 or backend.load_ranks is None:
            return backend.load_engine()(course.program, course.weights, path.precision)
        kind = backend.load_ranks()
        lacking = kind.lacking()
        if lacking is not None:
            self._end("not installed", lacking)
            return None
        smallest = course.feed.smallest
        return kind(course.program, course.weights, path.precision, path.ranks, smallest)

    def close(self) -> None:
        """Let the engine go."""
        if self._engine is not None:
            self._engine.close()

    def _end(self, state: State, message: str, help_: str | None = None) -> None:
        self.path = replace(self.path, state=state, message=message, help=help_)

    def walk(self, batch: Arrays, step: int, true_rate: float, truth: Measured, idle: Idle) -> None:
        """Take a step, and hold it against the reference's."""
        if self._engine is None:
            return
        try:
            rate = self._engine.rate(step, self.course.feed.updates)
            loss = self._engine.step([batch], step, true_rate if rate is None else rate)
            found = Measured(loss, self._engine.weights(), self._engine.gradient_norms())
        except Exception as error:
            self.close()
            self._engine = None
            self._end("failed", f"step {step + 1}: {said(error)}")
            return
        masks = idle.elements()
        self._reach += IDLE_REACH * abs(true_rate)
        wandered = idle_apart(found.weights, truth.weights, masks)
        if wandered > self._reach:  # no rounding moves them so far
            masks, wandered = {}, 0.0
        self._wandered = max(self._wandered, wandered)
        differences = weights_apart(
            found.weights, truth.weights, self.course.layers, masks, self._wandered
        )
        measured = Step(loss, loss_apart(loss, truth.loss), differences)
        self.path = replace(self.path, steps=(*self.path.steps, measured))
        if self.parting is None:
            self.parting = _parting(step, measured, self.path.precision, found, truth)
        elif self.parting.later is None:
            self.parting = replace(self.parting, later=found)


def _parting(
    step: int, measured: Step, precision: Precision, found: Measured, truth: Measured
) -> Parting | None:
    """What of a step is further from the reference than it may be; None when nothing is."""
    if precision == "float32" and step >= HORIZON:
        return None
    bound = STEPS[precision]
    wrong = [n for n, difference in measured.weights.items() if not difference <= bound.weights]
    if measured.difference <= bound.loss and not wrong:
        return None
    about_loss = not measured.difference <= bound.loss
    return Parting(step, "" if about_loss else wrong[0], tuple(wrong), found, truth)


def _judged(walker: Walker, walkers: list[Walker], taken: int) -> Path:
    """The path with its verdict, and where and why it leaves the reference's."""
    path, parting = walker.path, walker.parting
    if path.state != "compared" or parting is None:
        return path
    mine = [w for w in walkers if w.backend is walker.backend]
    same = (w for w in mine if w.path.ranks == path.ranks and w.path.precision == "float64")
    exact = next(same, None)
    if path.precision == "float32" and exact is not None and exact.parting is None:
        moved = walker.course.movement(min(HORIZON, taken))
        if _accounted(path, moved):
            return replace(path, rounding=True)
    alone = (w for w in mine if w.path.ranks == 1 and w.path.precision == path.precision)
    try:
        if path.ranks > 1 and all(_goes_on(w, parting.step) for w in alone):
            first = departure.divided(walker.course, path.precision, parting, path.ranks)
            return replace(path, first=first)
        first = departure.explain(walker.course, walker.backend, path.precision, parting)
    except Exception as error:  # the search may fail where the program itself did not
        first = departure.unexplained(walker.course, parting, said(error))
    return replace(path, first=first)


def _goes_on(walker: Walker, step: int) -> bool:
    """Whether a walker takes a step as the reference does."""
    return walker.parting is None or walker.parting.step > step


def _accounted(path: Path, moved: list[Step]) -> bool:
    """Whether rounding moves the exact path about as far, step by step."""
    furthest_loss = furthest = 0.0
    for step, exact in zip(path.steps, moved, strict=False):
        furthest_loss = max(furthest_loss, NOISE_FACTOR * exact.difference)
        furthest = max(furthest, NOISE_FACTOR * exact.worst)
        bound = STEPS["float32"]
        if not step.difference <= max(bound.loss, furthest_loss):
            return False
        if not step.worst <= max(bound.weights, furthest):
            return False
    return True
