"""Where training on a backend leaves the reference's path, and the convention that may be behind
it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

import numpy as np

from nnc.backends.base import Precision
from nnc.backends.registry import Backend
from nnc.compiler.source import NOWHERE
from nnc.compiler.vocabulary.base import Rejected
from nnc.verify import division, locate
from nnc.verify.conventions import conventions
from nnc.verify.course import Course
from nnc.verify.paths import Departure, Measured, Parting, Way, loss_apart, weights_apart
from nnc.verify.verdict import Divergence

SAME_NORM: Mapping[Precision, float] = {"float64": 1e-7, "float32": 1e-3}
"""Gradients whose norms are no further apart than this share are taken for the same."""
TRIED = 500
"""How many steps of the reference looking for a convention may take."""
CLOSE: Mapping[Precision, float] = {"float64": 1e-8, "float32": 1e-4}
"""A convention must lead this close to what the backend has, …"""
BETTER = 0.1
"""… and leave no more than this of the difference."""
BIAS = 1e-5
"""How far the shares by which variances are smaller may lie apart."""


def explain(course: Course, backend: Backend, precision: Precision, parting: Parting) -> Departure:
    """The layer, the loss or the rule that is behind the first difference."""
    way, found = _where(course, backend, precision, parting)
    first = unexplained(course, parting, None)
    if found is not None:
        first = replace(first, layer=found.layer, word=found.word, span=found.span, hint=found.hint)
    hint = first.hint or _convention(course, precision, parting)
    if hint is None and way == "statistic":
        hint = _biased(course, parting)
    return replace(first, way=way, hint=hint)


def divided(course: Course, precision: Precision, parting: Parting, ranks: int) -> Departure:
    """What several processes make of a step that one takes as the reference does."""
    first = replace(unexplained(course, parting, None), way="division")
    steps = parting.step + 1
    if steps * ranks > TRIED:
        return first
    graph = course.program.graph
    # Whose statistics are kept where each process has its own is not the reference's to say.
    wrong = [n for n in parting.wrong if graph.weights[n].role != "statistic"]
    for said, engine, parts in division.mistakes(course, ranks):
        end = division.walked(course, engine, parts, steps)
        if _leads(course, end, precision, replace(parting, wrong=tuple(wrong))):
            return replace(first, hint=said)
    return first


def unexplained(course: Course, parting: Parting, note: str | None) -> Departure:
    """What is known without a search: the weight, and the layer that has it."""
    found, truth = parting.found, parting.truth
    if not parting.name:
        training = course.program.training
        assert training is not None
        said = " + ".join(term.loss.word for term in training.losses)
        span = training.losses[0].span if training.losses else NOWHERE
        apart = loss_apart(found.loss, truth.loss)
        return Departure(parting.step, "loss", "loss", apart, "", said, span, None, note)
    node = course.owners[parting.name]
    statistic = course.program.graph.weights[parting.name].role == "statistic"
    way: Way = "statistic" if statistic else "update"
    apart = weights_apart(found.weights, truth.weights, course.layers)[parting.name]
    return Departure(
        parting.step, way, parting.name, apart, node.name, node.op.word, node.span, None, note
    )


def _where(
    course: Course, backend: Backend, precision: Precision, parting: Parting
) -> tuple[Way, Divergence | None]:
    """What kind of difference it is, and the layer as far as it is known."""
    inputs = {v.name: course.feed.batch(parting.step)[v.name] for v in course.program.graph.inputs}
    scene = locate.Scene(
        course.program,
        course.before(parting.step),
        inputs,
        precision,
        lambda program, weights: backend.load_runner()(program, weights, precision),
        training=True,
        step=parting.step,
    )
    if not parting.name:
        found = locate.forward(scene)
        return ("loss" if found is None else "forward"), found
    if course.program.graph.weights[parting.name].role == "statistic":
        return "statistic", None
    own, true = parting.found.norms, parting.truth.norms
    wrong = [
        name
        for name in parting.wrong
        if name in true and abs(own.get(name, 0.0) - true[name]) > SAME_NORM[precision] * true[name]
    ]
    if not wrong:
        return "update", None
    return "backward", locate.backward(scene, wrong)


def _convention(course: Course, precision: Precision, parting: Parting) -> str | None:
    """The first convention under which the reference goes where the backend went."""
    steps = parting.step + 1 + (parting.later is not None)
    for other in islice(conventions(course.program, course.feed), TRIED // steps):
        try:
            ends = list(course.walked(steps, other))[parting.step :]
        except (ValueError, IndexError, ArithmeticError, Rejected):
            continue  # no training is possible under that convention
        if _leads(course, ends[0], precision, parting) and _goes_on(
            course, ends[1:], precision, parting
        ):
            return other.said
    return None


def _goes_on(course: Course, ends: list[Measured], precision: Precision, parting: Parting) -> bool:
    """Whether a convention explains the next step too, if one is taken: at first more than one may
    lead to the same."""
    later = parting.later
    return all(
        _distance(course, later, end, parting.wrong) <= CLOSE[precision]
        for end in ends
        if later is not None
    )


def _distance(course: Course, found: Measured, other: Measured, names: tuple[str, ...]) -> float:
    """How far apart the losses are, and these weights."""
    apart = weights_apart(found.weights, other.weights, course.layers)
    return max(loss_apart(found.loss, other.loss), *(apart[name] for name in names), 0.0)


def _biased(course: Course, parting: Parting) -> str | None:
    """A running variance that takes the sum of squares divided by n in place of n - 1: its new part
    is smaller by the same share in every channel."""
    if not parting.name.endswith("running_var"):
        return None
    momentum = course.owners[parting.name].op.arguments()["momentum"]
    kept = (1 - momentum) * course.before(parting.step)[parting.name]
    shares = (parting.found.weights[parting.name] - kept) / (
        parting.truth.weights[parting.name] - kept
    )
    share = float(shares.mean())
    count = 1 / (1 - share) if share < 1 else 0.0
    alike = np.ptp(shares) <= BIAS and count > 1.5
    if not alike or abs(count - round(count)) > BIAS * count**2:
        return None
    n = round(count)
    return f"as if the variance of {n} values had been divided by {n}, and not by {n - 1}"


def _leads(course: Course, end: Measured, precision: Precision, parting: Parting) -> bool:
    found = parting.found
    left = _distance(course, found, end, parting.wrong)
    away = _distance(course, found, parting.truth, parting.wrong)
    return left <= CLOSE[precision] and left <= BETTER * away
