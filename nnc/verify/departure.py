"""Where training on a backend leaves the reference's path, and the convention that may be behind
it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import islice

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


def explain(course: Course, backend: Backend, precision: Precision, parting: Parting) -> Departure:
    """The layer, the loss or the rule that is behind the first difference."""
    way, found = _where(course, backend, precision, parting)
    first = unexplained(course, parting, None)
    if found is not None:
        first = replace(first, layer=found.layer, word=found.word, span=found.span, hint=found.hint)
    hint = first.hint or _convention(course, precision, parting)
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
    steps = parting.step + 1
    for other in islice(conventions(course.program), TRIED // steps):
        try:
            *_, end = course.walked(steps, other)
        except (ValueError, IndexError, ArithmeticError, Rejected):
            continue  # no training is possible under that convention
        if _leads(course, end, precision, parting):
            return other.said
    return None


def _leads(course: Course, end: Measured, precision: Precision, parting: Parting) -> bool:
    found, truth = parting.found, parting.truth

    def distance(from_: Measured) -> float:
        apart = weights_apart(found.weights, from_.weights, course.layers)
        wrong = (apart[name] for name in parting.wrong)
        return max(loss_apart(found.loss, from_.loss), *wrong, 0.0)

    left = distance(end)
    return left <= CLOSE[precision] and left <= BETTER * distance(truth)
