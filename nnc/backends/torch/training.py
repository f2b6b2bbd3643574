"""The train block as functions of the program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from nnc.backends import draws, rates, reach
from nnc.backends import pysource as py
from nnc.backends.torch.comparison import LOSSES, Comparison
from nnc.backends.torch.constraints import CONSTRAINTS
from nnc.backends.torch.metrics import METRICS
from nnc.backends.torch.model import Model
from nnc.backends.torch.optimizers import CLIPS, OPTIMIZERS, SCHEDULES
from nnc.backends.torch.penalties import PENALTIES
from nnc.backends.torch.scope import RESERVED, Pieces
from nnc.compiler.ir import ActivityTerm, LossTerm, MetricUse, Program, Training, Value
from nnc.compiler.vocabulary.schedules import Plateau

_TENSOR = py.name("Tensor")
_MODULE = py.dotted("nn.Module")
_Use: TypeAlias = "LossTerm | ActivityTerm | MetricUse"
_BATCH = py.subscript("dict", (py.name("str"), _TENSOR))


def functions(
    program: Program, training: Training, model: Model, pieces: Pieces
) -> list[py.Statement]:
    """Everything that the train block says, as functions that `train` calls."""
    writer = _Writer(program, training, model, pieces)
    made: list[py.Statement] = [writer.loss()]
    if training.activities:
        made.append(writer.activity())
    if training.penalties:
        made.append(writer.penalty())
    made.append(writer.objective())
    if training.metrics:
        made += [writer.measure(), writer.conclude()]
    made.append(writer.optimizer())
    made.append(rates.learning_rate(SCHEDULES, training.schedule, training.optimizer.lr))
    if training.clip is not None:
        weights = py.method("model", "parameters")
        bound = CLIPS.find(training.clip)(training.clip, weights)
        parameter = py.Parameter("model", _MODULE)
        made.append(
            py.Function(
                "clip_gradients",
                (parameter,),
                (bound,),
                returns=py.literal(None),
                docstring="Bound the gradients, before anything else is done with them.",
            )
        )
    if program.graph.constraints:
        made.append(_constrain(program, pieces))
    return made


def _constrain(program: Program, piece: Pieces) -> py.Function:
    """The function that applies the constraints of weights."""
    weights = py.call("dict", py.method("model", "named_parameters"))
    lines: list[py.Statement] = [py.Assign((py.name("weights"),), weights)]
    for name, constraint in program.graph.constraints.items():
        rule, options = CONSTRAINTS.find(constraint)(constraint)
        call = py.call(piece(rule), py.subscript("weights", name), **options)
        lines.append(py.Expression(call))
    return py.Function(
        "constrain",
        (py.Parameter("model", _MODULE),),
        tuple(lines),
        returns=py.literal(None),
        docstring="Bring weights back to where they may be.",
        decorators=(py.call("torch.no_grad"),),
    )


def constants(program: Program, training: Training) -> dict[str, object]:
    """The settings of the train block."""
    made: dict[str, object] = {"EPOCHS": training.epochs, "LOG_EVERY": training.log_every}
    if training.batch is not None:
        made |= {"BATCH": training.batch, "ORDER_KEY": draws.key_of(program.seed, "order")}
    if training.stop is not None:
        made |= {
            "MONITOR": training.stop.monitor,
            "PATIENCE": training.stop.patience,
            "MIN_DELTA": training.stop.min_delta,
        }
    return made | rates.plateau_constants(training.schedule)


def features(program: Program, training: Training) -> Iterator[str]:
    """What of the training loop this program has."""
    if program.graph.constraints:
        yield "constrained"
    if training.batch is not None:
        yield "batch"
    if training.clip is not None:
        yield "clip"
    if any(node.op.is_random for node in program.graph.nodes):
        yield "random"
    if reach.trained(program) - reach.reached(program):
        yield "unreached"
    if isinstance(training.schedule, Plateau):
        yield "plateau"
    measured = {use.name: use.metric for use in training.metrics}
    monitored = training.stop is not None and training.stop.monitor in measured
    if measured:
        yield "metrics"
        yield "monitored" if monitored else "shown"
    if any(metric.table for metric in measured.values()):
        yield "tables"
    if training.stop is None:
        return
    yield "stop"
    if training.stop.restore_best:
        yield "restore"
    monitor = measured.get(training.stop.monitor.removeprefix("val_"))
    if monitor is not None and monitor.larger_is_better:
        yield "larger"


@dataclass
class _Writer:
    program: Program
    training: Training
    model: Model
    piece: Pieces

    def __post_init__(self) -> None:
        self.given = self.model.scores or _distinct(self.model.outputs)
        """The values that the loss is computed from, in the order in which the model gives them."""
        self.judged: tuple[_Use, ...] = (*self.training.losses, *self.training.activities)
        self.local = py.Names((*RESERVED, "model", "batch", "total", "loss", "activity", "penalty"))
        wishes = {self._place(o.value): o.name for o in self.program.graph.outputs}
        for term in self.training.losses:
            for output, value in zip(term.outputs, term.predictions, strict=True):
                wishes.setdefault(self._place(value), f"{output}_scores")
        for activity in self.training.activities:
            wishes.setdefault(self._place(activity.value), activity.value.name)
        hints = self.program.graph.hints
        wishes |= {n: h for n, h in hints.items() if n in wishes and h != "_"}
        self.values = {v.name: self.local.fresh(wishes.get(v.name, "scores")) for v in self.given}
        self.targets = {t.name: self.local.fresh(t.name) for t in self.training.targets}

    def _place(self, value: Value) -> str:
        """The name of a value of the spec among what the model gives."""
        return self.model.places[value.name]

    def loss(self) -> py.Function:
        """`loss(predictions…, targets…)`"""
        parts = [self._term(term) for term in self.training.losses]
        used = self._used(self.training.losses)
        names = [self.values[v.name] for v in self.given if v.name in used]
        names += [self.targets[t.name] for t in self._loss_targets()]
        return py.Function(
            "loss",
            tuple(py.Parameter(name, _TENSOR) for name in names),
            tuple(_summed(parts)),
            returns=_TENSOR,
            docstring="How far the predictions are from the targets.",
        )

    def _loss_targets(self) -> list[Value]:
        used = {term.target.name for term in self.training.losses if term.target}
        return [target for target in self.training.targets if target.name in used]

    def _term(self, term: LossTerm) -> py.Expr:
        given = [self.values[self._place(value)] for value in term.predictions]
        given += [self.targets[term.target.name]] if term.target else []
        at = Comparison(tuple(map(py.name, given)), term.types, term.logits, self.piece)
        made = LOSSES.find(term.loss)(term.loss, at)
        return made if term.factor == 1 else py.binary("*", term.factor, made)

    def _used(self, uses: Iterable[_Use]) -> set[str]:
        """The values that terms of the loss and metrics take."""
        return {self._place(value) for use in uses for value in use.predictions}

    def activity(self) -> py.Function:
        """`activity(values…)`"""
        groups: dict[tuple[str, float], list[str]] = {}
        for term in self.training.activities:
            for kind, strength in PENALTIES.find(term.penalty)(term.penalty).items():
                value = self.values[self._place(term.value)]
                groups.setdefault((kind, strength), []).append(value)
        values = [py.name(name) for name in self._activity_values()]
        summed: list[py.Expr] = [
            py.binary("*", strength, py.call(self.piece(kind), *map(py.name, names)))
            for (kind, strength), names in groups.items()
        ]
        *first, last = _summed(summed)
        assert isinstance(last, py.Return)
        assert last.value is not None
        mean = py.binary("/", last.value, py.call("len", values[0]))
        return py.Function(
            "activity",
            tuple(py.Parameter(value.text, _TENSOR) for value in values),
            (*first, py.Return(mean)),
            returns=_TENSOR,
            docstring="What the loss adds for the size of what layers give: the mean of examples.",
        )

    def _activity_values(self) -> list[str]:
        used = self._used(self.training.activities)
        return [self.values[value.name] for value in self.given if value.name in used]

    def penalty(self) -> py.Function:
        """The penalties, grouped by kind and strength."""
        groups: dict[tuple[str, float], list[str]] = {}
        for term in self.training.penalties:
            parts = PENALTIES.find(term.penalty)(term.penalty)
            for kind, strength in parts.items():
                groups.setdefault((kind, term.factor * strength), []).append(term.weight)
        weights = py.call("dict", py.method("model", "named_parameters"))
        body: list[py.Statement] = [py.Assign((py.name("weights"),), weights)]
        summed: list[py.Expr] = []
        for (kind, strength), names in groups.items():
            chosen = [py.subscript("weights", name) for name in names]
            summed.append(py.binary("*", strength, py.call(self.piece(kind), *chosen)))
        return py.Function(
            "penalty",
            (py.Parameter("model", _MODULE),),
            (*body, *_summed(summed)),
            returns=_TENSOR,
            docstring="What the loss adds for the size of weights.",
        )

    def _loss_call(self) -> py.Expr:
        used = self._used(self.training.losses)
        given: list[py.Expr] = [py.name(self.values[v.name]) for v in self.given if v.name in used]
        given += [py.subscript("batch", target.name) for target in self._loss_targets()]
        made: py.Expr = py.call("loss", *given)
        if self.training.activities:
            given = [py.name(name) for name in self._activity_values()]
            made = py.binary("+", made, py.call("activity", *given))
        if self.training.penalties:
            made = py.binary("+", made, py.call("penalty", py.name("model")))
        return made

    def objective(self) -> py.Function:
        """What training makes small."""
        return py.Function(
            "objective",
            (py.Parameter("model", _MODULE), py.Parameter("batch", _BATCH)),
            (self._scores(self.judged), py.Return(self._loss_call())),
            returns=_TENSOR,
            docstring="What training makes small: the loss of a batch"
            + (", penalties included." if self._has_penalties else "."),
        )

    @property
    def _has_penalties(self) -> bool:
        return bool(self.training.penalties or self.training.activities)

    def _scores(self, uses: Iterable[_Use]) -> py.Assign:
        """The line that applies the model to a batch; `_` stands for what nobody uses."""
        used = self._used(uses)
        inputs = [py.subscript("batch", value.name) for value in self.program.graph.inputs]
        function = "model" if self.model.scores is None else "model.scores"
        names = (n if value in used else "_" for value, n in self.values.items())
        return py.Assign(tuple(map(py.name, names)), py.call(function, *inputs))

    def measure(self) -> py.Function:
        """The loss and the metrics of a batch."""
        named = py.subscript("dict", (py.name("str"), _TENSOR))
        return py.Function(
            "measure",
            (py.Parameter("model", _MODULE), py.Parameter("batch", _BATCH)),
            tuple(self._measured()),
            returns=py.subscript("tuple", (_TENSOR, named)),
            docstring="The loss of a batch, and what of each metric is known from it.",
        )

    def _measured(self) -> list[py.Statement]:
        metrics = self.training.metrics
        missing = {self._place(m.prediction) for m in metrics} - self.values.keys()
        variables = dict(self.values)
        if not missing:
            body: list[py.Statement] = [self._scores((*self.judged, *metrics))]
        else:
            targets = []
            for output in _distinct(self.model.outputs):
                variables.setdefault(output.name, self.local.fresh(self._output_name(output)))
                targets.append(variables[output.name] if output.name in missing else "_")
            every = py.Assign(tuple(map(py.name, self.values.values())), self._scores(()).value)
            given = map(py.name, self.values.values())
            outputs = py.call("model.activate", *given)
            body = [every, py.Assign(tuple(map(py.name, targets)), outputs)]
        made = {use.name: self._metric(use, variables)[0] for use in metrics}
        return [*body, py.Return(py.Tuple((self._loss_call(), py.value(made))))]

    def _output_name(self, value: Value) -> str:
        outputs = self.program.graph.outputs
        return next(o.name for o in outputs if self._place(o.value) == value.name)

    def conclude(self) -> py.Function:
        """The metrics, from what is known of all batches."""
        parts = py.name("parts")
        made = {
            use.name: py.call(self.piece(self._metric(use)[1]), py.subscript(parts, use.name))
            for use in self.training.metrics
        }
        lists = py.subscript("list", _TENSOR)
        result = "Any" if any(use.metric.table for use in self.training.metrics) else "float"
        return py.Function(
            "conclude",
            (py.Parameter("parts", py.subscript("dict", (py.name("str"), lists))),),
            (py.Return(py.value(made)),),
            returns=py.subscript("dict", (py.name("str"), py.name(result))),
            docstring="The metrics, from what is known of them from each batch.",
        )

    def _metric(
        self, use: MetricUse, variables: Mapping[str, str] | None = None
    ) -> tuple[py.Expr, str]:
        names = variables or {}
        prediction = py.name(names.get(self._place(use.prediction), "_"))
        target = py.subscript("batch", use.target.name)
        types = (use.prediction.type, use.target.type)
        at = Comparison((prediction, target), types, False, self.piece)
        return METRICS.find(use.metric)(use.metric, at)

    def optimizer(self) -> py.Function:
        """The optimiser over what is trained."""
        op = self.training.optimizer
        trained = py.call(
            "filter",
            py.Lambda(("weight",), py.attribute("weight", "requires_grad")),
            py.method("model", "parameters"),
        )
        return py.Function(
            "optimizer_of",
            (py.Parameter("model", _MODULE),),
            (
                py.Assign((py.name("trained"),), trained),
                py.Return(OPTIMIZERS.find(op)(op, py.name("trained"), self.piece)),
            ),
            returns=py.dotted("torch.optim.Optimizer"),
            docstring="The optimiser over every weight that is trained.",
        )


def _summed(parts: list[py.Expr]) -> Iterator[py.Statement]:
    if len(parts) == 1:
        yield py.Return(parts[0])
        return
    total = py.name("total")
    yield py.Assign((total,), parts[0])
    for part in parts[1:]:
        yield py.Assign((total,), py.binary("+", total, part))
    yield py.Return(total)


def _distinct(values: Iterable[Value]) -> tuple[Value, ...]:
    return tuple({value.name: value for value in values}.values())
