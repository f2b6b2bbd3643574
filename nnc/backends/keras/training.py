"""The functions of a program that say what training makes small, how, and what is told of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TypeAlias

from nnc.backends import pysource as py
from nnc.backends.keras.comparison import LOSSES, Comparison
from nnc.backends.keras.constraints import CONSTRAINTS
from nnc.backends.keras.lowering import PieceNames
from nnc.backends.keras.metrics import METRICS
from nnc.backends.keras.optimizers import CLIPS, OPTIMIZERS
from nnc.backends.keras.penalties import PENALTIES
from nnc.compiler.ir import LossTerm, MetricUse, Program, Training, Value
from nnc.compiler.vocabulary.schedules import Plateau

_BATCH = py.Parameter("batch", py.subscript("dict", (py.name("str"), py.name("Any"))))
_MODEL = py.dotted("keras.Model")
Stored: TypeAlias = Mapping[str, tuple[str, str, tuple[int, ...]]]
"""The layer and the attribute that hold a weight, and the order of its axes there."""


def predictions(program: Program) -> dict[str, Value]:
    """What the training model gives, by name: the values that the terms of the loss take."""
    made: dict[str, Value] = {}
    for term in program.training.losses if program.training else ():
        for name, value in zip(prediction_names(program, term), term.predictions, strict=True):
            made.setdefault(name, value)
    return made | _activities(program)


def _activities(program: Program) -> dict[str, Value]:
    """The values with penalties, by the names of outputs or ones that are free."""
    outputs = {output.value.name: output.name for output in program.graph.outputs}
    taken = py.Names(outputs.values())
    terms = program.training.activities if program.training else ()
    values = {term.value.name: term.value for term in terms}
    return {
        outputs.get(name) or taken.fresh(f"{name.replace('.', '_')}_result"): value
        for name, value in values.items()
    }


def is_fused(program: Program) -> bool:
    """Whether a loss takes something else than an output of the model."""
    outputs = {output.name for output in program.graph.outputs}
    return any(name not in outputs for name in predictions(program))


def prediction_names(program: Program, term: LossTerm) -> list[str]:
    """The outputs' names, or ones that say that these are their logits."""
    outputs = {output.name: output.value.name for output in program.graph.outputs}
    names = []
    for output, value in zip(term.outputs, term.predictions, strict=True):
        name = output
        if outputs[output] != value.name:
            name += "_logits"
            while name in outputs:
                name += "_"
        names.append(name)
    return names


def objective(
    program: Program, training: Training, stored: Stored, piece: PieceNames
) -> py.Function:
    """The function that gives the loss of a batch; `stored` says where the weights are."""
    losses = list(_losses(program, training, piece))
    penalties = [
        *_activity_penalties(program, training, piece),
        *_penalties(training, stored, piece),
    ]
    lines, total = _sum([("loss", losses), ("penalty", penalties)])
    inputs = {v.name: py.subscript("batch", v.name) for v in program.graph.inputs}
    apply = py.call("trained", inputs, training=py.name("training"))
    return py.Function(
        "objective",
        (
            py.Parameter("model", _MODEL),
            py.Parameter("trained", _MODEL),
            _BATCH,
            py.Parameter("training", py.name("bool")),
        ),
        (py.Assign((py.name("predictions"),), apply), *lines, py.Return(total)),
        py.name("Any"),
        "The loss of a batch" + (", penalties included." if penalties else "."),
    )


_Terms: TypeAlias = "list[tuple[float, py.Expr]]"
"""Factors and what they multiply."""


def _losses(program: Program, training: Training, piece: PieceNames) -> _Terms:
    made: _Terms = []
    for term in training.losses:
        given = [py.subscript("predictions", name) for name in prediction_names(program, term)]
        given += [py.subscript("batch", term.target.name)] if term.target else []
        at = Comparison(tuple(given), term.types, term.logits, piece)
        made.append((term.factor, LOSSES.find(term.loss)(term.loss, at)))
    return made


def _activity_penalties(program: Program, training: Training, piece: PieceNames) -> _Terms:
    """The mean over the batch of the penalties of values."""
    names = {value.name: name for name, value in _activities(program).items()}
    groups: dict[tuple[str, float], list[str]] = defaultdict(list)
    for term in training.activities:
        for kind, strength in PENALTIES.find(term.penalty)(term.penalty).items():
            groups[kind, strength].append(names[term.value.name])
    made: _Terms = []
    for (kind, strength), chosen in groups.items():
        values = [py.subscript("predictions", name) for name in chosen]
        mean = py.call(piece("per_example"), py.call(piece(kind), *values), values[0])
        made.append((strength, mean))
    return made


def _penalties(training: Training, stored: Stored, piece: PieceNames) -> _Terms:
    """Penalties on variables. Both biases of a GRU are one variable, and have one penalty."""
    groups: dict[tuple[str, float], dict[tuple[str, str], str]] = defaultdict(dict)
    for term in training.penalties:
        for name, strength in PENALTIES.find(term.penalty)(term.penalty).items():
            layer, attribute, _ = stored[term.weight]
            groups[name, term.factor * strength].setdefault((layer, attribute), term.weight)
    made: _Terms = []
    for (name, factor), weights in groups.items():
        named = weights.values()
        variables = (py.call(piece("variable"), py.name("model"), weight) for weight in named)
        made.append((factor, py.call(piece(name), *variables)))
    return made


def _sum(groups: list[tuple[str, _Terms]]) -> tuple[list[py.Statement], py.Expr]:
    """A line for each term when there are several, and the sum of all."""
    terms = [term for _, group in groups for term in group]
    if len(terms) == 1:
        return [], _times(*terms[0])
    lines: list[py.Statement] = []
    parts: list[py.Expr] = []
    for wish, group in groups:
        for number, (factor, expr) in enumerate(group, 1):
            name = py.name(wish if number == 1 else f"{wish}_{number}")
            lines.append(py.Assign((name,), expr))
            parts.append(_times(factor, name))
    total = parts[0]
    for part in parts[1:]:
        total = py.binary("+", total, part)
    return lines, total


def _times(factor: float, expr: py.Expr) -> py.Expr:
    return expr if factor == 1 else py.binary("*", factor, expr)


def measure(program: Program, training: Training, piece: PieceNames) -> py.Function:
    """The function that gives what of the metrics is known from a batch."""
    inputs = {v.name: py.subscript("batch", v.name) for v in program.graph.inputs}
    apply = py.call("model", inputs, training=False)
    results = {use.name: _metric(use, piece)[0] for use in training.metrics}
    return py.Function(
        "measure",
        (py.Parameter("model", _MODEL), _BATCH),
        (py.Assign((py.name("outputs"),), apply), py.Return(py.value(results))),
        py.subscript("dict", (py.name("str"), py.name("Any"))),
        "What of each metric is known from a batch.",
    )


def conclude(training: Training, piece: PieceNames) -> py.Function:
    """The function that gives the metrics from what is known of all batches."""
    results = {
        use.name: py.call(piece(_metric(use, piece)[1]), py.subscript("parts", use.name))
        for use in training.metrics
    }
    lists = py.subscript("list", py.name("Any"))
    result = "Any" if any(use.metric.table for use in training.metrics) else "float"
    return py.Function(
        "conclude",
        (py.Parameter("parts", py.subscript("dict", (py.name("str"), lists))),),
        (py.Return(py.value(results)),),
        py.subscript("dict", (py.name("str"), py.name(result))),
        "The metrics, from what is known of them from each batch.",
    )


def _metric(use: MetricUse, piece: PieceNames) -> tuple[py.Expr, str]:
    pair = (py.subscript("outputs", use.output), py.subscript("batch", use.target.name))
    at = Comparison(pair, (use.prediction.type, use.target.type), False, piece)
    return METRICS.find(use.metric)(use.metric, at)


def make_optimizer(training: Training, piece: PieceNames) -> py.Function:
    """The function that makes the optimiser."""
    kind, options = OPTIMIZERS.find(training.optimizer)(training.optimizer, training)
    function = py.dotted(kind) if "." in kind else piece(kind)
    return py.Function(
        "make_optimizer",
        (),
        (py.Return(py.call(function, **options)),),
        py.dotted("keras.optimizers.Optimizer"),
        "The optimiser; its learning rate is set before every update.",
    )


def clip_gradients(training: Training, piece: PieceNames) -> py.Function:
    """The function that bounds the gradients."""
    assert training.clip is not None
    function = piece(CLIPS.find(training.clip)(training.clip))
    gradients = py.subscript("list", py.name("Any"))
    return py.Function(
        "clip_gradients",
        (py.Parameter("gradients", gradients),),
        (py.Return(py.call(function, py.name("gradients"), limit=training.clip.limit)),),
        gradients,
        "Bound the gradients of a step.",
    )


def constrain(program: Program, piece: PieceNames) -> py.Function:
    """The function that applies the constraints of weights."""
    lines: list[py.Statement] = []
    for name, constraint in program.graph.constraints.items():
        rule, options = CONSTRAINTS.find(constraint)(constraint)
        lines.append(py.Expression(py.call(piece(rule), py.name("model"), name, **options)))
    return py.Function(
        "constrain",
        (py.Parameter("model", _MODEL),),
        tuple(lines),
        py.literal(None),
        "Bring weights back to where they may be.",
    )


def features(program: Program) -> frozenset[str]:
    """The words by which lines of the hand-written code for training are chosen."""
    training = program.training
    if training is None:
        return frozenset()
    stop = training.stop
    monitored = stop is not None and any(use.name == stop.monitor for use in training.metrics)
    chosen = {
        "training": True,
        "fused": is_fused(program),
        "batch": training.batch is not None,
        "clip": training.clip is not None,
        "metrics": bool(training.metrics),
        "random": any(node.op.is_random for node in program.graph.nodes),
        "constrained": bool(program.graph.constraints),
        "measured": bool(training.metrics) and not monitored,
        "tables": any(use.metric.table for use in training.metrics),
        "monitored": monitored,
        "plateau": isinstance(training.schedule, Plateau),
        "stop": stop is not None,
        "restore": stop is not None and stop.restore_best,
        "larger": stop is not None and _grows(training, stop.monitor),
    }
    return frozenset(word for word, holds in chosen.items() if holds)


def _grows(training: Training, monitor: str) -> bool:
    """Whether a larger value of what is monitored is better."""
    return any(
        use.metric.larger_is_better and use.name == monitor.removeprefix("val_")
        for use in training.metrics
    )
