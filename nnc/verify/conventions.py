"""Other conventions under which a program might be trained by mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nnc.compiler.ir import Node, Program, Training
from nnc.compiler.vocabulary.base import Rejected, Word
from nnc.compiler.vocabulary.fields import Unfit
from nnc.compiler.vocabulary.ops.base import Op
from nnc.compiler.vocabulary.optimizers import Adam, Adamax, AdamW, Lamb, Nadam, Optimizer
from nnc.compiler.vocabulary.schedules import (
    ClipValue,
    ConstantRate,
    GlobalNorm,
    Schedule,
    WeightNorm,
)
from nnc.verify.feed import Feed
from nnc.verify.hints import OTHER_VALUES, shown

OF_OPTIMIZERS: Mapping[str, tuple[Any, ...]] = {
    "epsilon": (1e-8, 1e-7, 1e-10, 1e-6, 1e-5, 1e-3, 1e-12, 0.0),
    "momentum": (0.0, 0.9, 0.99),
    "beta1": (0.9, 0.95, 0.8),
    "beta2": (0.999, 0.99, 0.95),
    "decay": (0.9, 0.99, 0.95),
    "weight_decay": (0.0,),
    "initial": (0.0, 0.1),
    "momentum_decay": (0.004, 0.0),
}
"""Arguments that frameworks have other defaults for."""
NO_MORE = 10**9
"""After so many updates no mean of any optimiser is corrected any more."""


@dataclass(frozen=True)
class Convention:
    """A program as if something in it were meant otherwise."""

    said: str
    program: Program
    drawn: int = 0
    """By how many steps the numbers that are drawn are ahead."""
    rated: int = 0
    """By how many steps the learning rates are ahead."""
    counted: int = 0
    """By how many steps the optimiser's count of updates is ahead."""
    rule: Callable[[int, float], Optimizer] | None = None
    """The optimiser of an update (from 0), given its learning rate too."""


def conventions(program: Program, feed: Feed) -> Iterator[Convention]:
    """Other conventions, likely ones first."""
    training = program.training
    assert training is not None
    yield from _shifts(program, training, feed)
    yield from _updates(program, training)
    yield from _counts(program, training)
    yield from _sums(program, training, feed.size)
    yield from _layers(program)


def _shifts(program: Program, training: Training, feed: Feed) -> Iterator[Convention]:
    schedule = training.schedule
    moves = not isinstance(schedule, ConstantRate) or schedule.warmup_steps
    random = any(node.op.is_random for node in program.graph.nodes)
    for by, where in ((1, "ahead"), (-1, "behind")):
        if moves:
            yield Convention(f"as if the learning rate were one step {where}", program, rated=by)
        if random:
            said = f"as if the numbers that are drawn were one step {where}"
            yield Convention(said, program, drawn=by)
    epoch = feed.updates // training.epochs
    if moves and feed.hash is not None and epoch > 1:
        for by, where in ((epoch, "ahead"), (-epoch, "behind")):
            yield Convention(f"as if the learning rate were one epoch {where}", program, rated=by)
    for said, other in _neighbours(schedule):
        changed = replace(training, schedule=other)
        yield Convention(f"{said} in `{schedule.word}`", replace(program, training=changed))


def _neighbours(schedule: Schedule) -> Iterator[tuple[str, Any]]:
    """The schedule with a number of updates that is one more or less."""
    for name, value in schedule.arguments().items():
        if isinstance(value, int) and not isinstance(value, bool) and value:
            yield from _others(schedule, {name: (value + 1, value - 1)})


def _counts(program: Program, training: Training) -> Iterator[Convention]:
    """What an optimiser makes of the number of the update."""
    optimizer = training.optimizer
    if not isinstance(optimizer, Adam | AdamW | Adamax | Nadam | Lamb):
        return
    said = f"as if the means of `{optimizer.word}` were not corrected for their beginning at 0"
    yield Convention(said, program, counted=NO_MORE)
    for by, where in ((1, "ahead"), (-1, "behind")):
        said = f"as if the count of updates were one {where} in `{optimizer.word}`"
        yield Convention(said, program, counted=by)
    if isinstance(optimizer, Adam | AdamW):

        def uncorrected(step: int, rate: float) -> Optimizer:
            root = (1 - optimizer.beta2 ** (step + 1)) ** 0.5
            return optimizer.replace(epsilon=optimizer.epsilon / root)

        said = f"as if `epsilon` were added before the correction of the root in `{optimizer.word}`"
        yield Convention(said, program, rule=uncorrected)
    if isinstance(optimizer, AdamW | Lamb) and optimizer.weight_decay:

        def whole(step: int, rate: float) -> Optimizer:
            return optimizer.replace(weight_decay=optimizer.weight_decay / rate if rate else 0.0)

        said = (
            f"as if `weight_decay` were not multiplied by the learning rate in `{optimizer.word}`"
        )
        yield Convention(said, program, rule=whole)


def _sums(program: Program, training: Training, size: int) -> Iterator[Convention]:
    """Sums over the batch in place of means, and the other way round."""
    pairs = (("the sum over the batch, and not its mean", size), ("divided by the batch", 1 / size))
    for said, factor in pairs:
        losses = tuple(replace(t, factor=factor * t.factor) for t in training.losses)
        changed = replace(training, losses=losses)
        yield Convention(f"as if the loss were {said}", replace(program, training=changed))


def _updates(program: Program, training: Training) -> Iterator[Convention]:
    """The optimiser, clipping and penalties otherwise."""

    def changed(said: str, **others: Any) -> Convention:
        return Convention(said, replace(program, training=replace(training, **others)))

    optimizer = training.optimizer
    for said, other in _others(optimizer, OF_OPTIMIZERS):
        yield changed(f"{said} in `{optimizer.word}`", optimizer=other)
    if isinstance(optimizer, Adam | AdamW) and optimizer.weight_decay:
        kind: type[Word] = AdamW if isinstance(optimizer, Adam) else Adam
        other = kind(**optimizer.arguments())
        yield changed(f"as if `{optimizer.word}` were `{other.word}`", optimizer=other)
    if training.clip is not None:
        yield changed("as if gradients were not clipped", clip=None)
        for clip in (ClipValue, GlobalNorm, WeightNorm):
            if not isinstance(training.clip, clip):
                said = f"as if gradients were clipped by `{clip.word}`"
                yield changed(said, clip=clip(limit=training.clip.limit))
    if training.penalties:
        yield changed("as if there were no penalties", penalties=())
        for factor in (0.5, 2.0):
            scaled = tuple(replace(p, factor=factor * p.factor) for p in training.penalties)
            yield changed(f"as if penalties counted {factor:g} times", penalties=scaled)
    if training.activities:
        yield changed("as if there were no penalties on what layers give", activities=())


def _layers(program: Program) -> Iterator[Convention]:
    """One layer otherwise."""
    for place, node in enumerate(program.graph.nodes):
        values = dict(OTHER_VALUES)
        momentum = node.op.arguments().get("momentum")
        if isinstance(momentum, float):
            values["momentum"] = (round(1 - momentum, 12), 0.1, 0.99, 0.9, 0.01)
        for said, op in _others(node.op, values):
            if not _fits(op, node):
                continue
            nodes = list(program.graph.nodes)
            nodes[place] = replace(node, op=op)
            graph = replace(program.graph, nodes=tuple(nodes))
            yield Convention(f"{said} in `{node.name}`", replace(program, graph=graph))


def _fits(op: Op, node: Node) -> bool:
    """Whether it can stand in the place of a node's: with the weights that there are, giving values
    of the same types."""
    try:
        weights, results = op.weights(node.input_types), op.infer(node.input_types)
    except Rejected:
        return False
    same = [(w.name, w.shape) for w in weights] == [(w.name, w.shape) for w in node.weights]
    return same and results == tuple(value.type for value in node.outputs)


def _others(word: Any, values: Mapping[str, tuple[Any, ...]]) -> Iterator[tuple[str, Any]]:
    """The word with one argument otherwise."""
    for name, value in word.arguments().items():
        others = (not value,) if isinstance(value, bool) else values.get(name, ())
        for other in others:
            if other == value:
                continue
            try:
                made = word.replace(**{name: other})
            except (Unfit, Rejected):
                continue
            yield f"as if `{name}` were {shown(other)}", made
