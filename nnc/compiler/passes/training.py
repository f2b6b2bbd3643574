"""The train block: targets, loss, optimiser and the rest, checked against the model's outputs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, cast

from nnc.compiler import ir, syntax
from nnc.compiler.diagnostics import Label, did_you_mean
from nnc.compiler.passes import augmenting
from nnc.compiler.passes.arguments import Option, Poison, as_call
from nnc.compiler.passes.comparing import Comparer
from nnc.compiler.passes.settings import Settings
from nnc.compiler.passes.state import State
from nnc.compiler.passes.typing import input_type
from nnc.compiler.source import Span
from nnc.compiler.vocabulary import base

if TYPE_CHECKING:
    from nnc.compiler.vocabulary.losses.base import Loss
    from nnc.compiler.vocabulary.metrics import Metric
    from nnc.compiler.vocabulary.optimizers import Optimizer
    from nnc.compiler.vocabulary.penalties import Penalty
    from nnc.compiler.vocabulary.schedules import Clip, Early, Schedule

_A_LOSS: Final = "binary_cross_entropy(p, y) + 0.3 * mse(q, z) + l2(1e-4)"
SETTINGS: Final = (
    "loss",
    "optimizer",
    "schedule",
    "clip",
    "stop",
    "metrics",
    "epochs",
    "batch",
    "seed",
    "log_every",
    "augment",
    "checkpoint",
)


def training(state: State) -> None:
    """Fill `training` and `seed`."""
    section = state.sections.get("train")
    if section is None or state.graph is None:
        return
    _Training(state, section).read()


class _Training:
    def __init__(self, state: State, section: syntax.Section) -> None:
        self._state = state
        self._section = section
        self._settings = Settings(state, section)
        self._evaluator = self._settings.evaluator
        self._targets: dict[str, ir.Value] = {}
        self._comparer = Comparer(self._settings, state.outputs, self._targets)
        self._losses: list[ir.LossTerm] = []
        self._penalties: list[tuple[Penalty, float]] = []
        self._compares = False

    def read(self) -> None:
        settings = self._settings
        binds = [item for item in self._section.body if isinstance(item, syntax.Bind)]
        settings.collect(binds, SETTINGS, "the train block")
        self._read_targets()
        self._read_loss()
        optimizer = settings.word("optimizer", "optimizer", "an optimiser such as `adam(lr=1e-3)`")
        self._require("optimizer", "optimizer = adam(lr=1e-3)")
        schedule = settings.word("schedule", "schedule", "a schedule such as `cosine`")
        clip = settings.word("clip", "clip", "a bound such as `global_norm(1.0)`")
        metrics = tuple(self._read_metrics())
        stop = self._read_stop(metrics)
        self._state.seed = settings.whole("seed", 0, least=0)
        batch, epochs = self._batch(), settings.whole("epochs", 10)
        log_every = settings.whole("log_every", 1)
        assert self._state.graph is not None
        augment = augmenting.augment(settings, self._state.graph)
        checkpoint = augmenting.checkpoint(settings)
        if optimizer is None or not self._losses:
            return
        self._state.training = ir.Training(
            targets=tuple(self._targets.values()),
            losses=tuple(self._losses),
            penalties=tuple(self._penalty_terms()),
            loss_penalties=tuple(self._penalties),
            activities=tuple(self._activities()),
            optimizer=cast("Optimizer", optimizer.word),
            schedule=cast("Schedule", schedule.word if schedule else self._constant_rate()),
            clip=cast("Clip", clip.word) if clip else None,
            stop=stop,
            metrics=metrics,
            epochs=epochs,
            batch=batch,
            log_every=log_every,
            augment=augment,
            checkpoint=checkpoint,
        )

    def _require(self, name: str, example: str) -> None:
        if name not in self._settings.given:
            keyword = Span(
                self._section.span.source, self._section.span.start, self._section.span.start + 5
            )
            self._evaluator.error(
                "E506",
                f"the train block has no `{name}`",
                keyword,
                "needs one",
                help=f"write `{example}`",
            )

    @staticmethod
    def _constant_rate() -> Any:
        found = base.find("schedule", "constant")
        assert found is not None
        return found()

    # ---- targets ----------------------------------------------------------------------

    def _read_targets(self) -> None:
        assert self._state.graph is not None
        inputs = {value.name: value for value in self._state.graph.inputs}
        for item in self._section.body:
            if not isinstance(item, syntax.Target):
                continue
            name = item.name.text
            taken = self._targets.get(name) or inputs.get(name)
            if taken is not None:
                self._evaluator.error(
                    "E103",
                    f"the name `{name}` is given twice",
                    item.name.span,
                    "this target has the name of another value",
                    also=[Label(taken.span, "first given here")],
                    help="choose another name",
                )
                continue
            type_ = input_type(self._evaluator, item.type, self._settings.scope)
            if type_ is not None:
                self._targets[name] = ir.Value(name, type_, item.name.span)

    # ---- loss -------------------------------------------------------------------------

    def _read_loss(self) -> None:
        bind = self._settings.given.get("loss")
        if bind is None:
            self._require("loss", "loss = mse(output, target)")
            return
        before = len(self._state.report.errors)
        self._terms(bind.value, 1.0)
        only_penalties = bool(self._penalties) and not self._compares
        if only_penalties and len(self._state.report.errors) == before:
            self._evaluator.error(
                "E507", "the loss compares nothing", bind.value.span, "only penalties stand here"
            )

    def _terms(self, expression: syntax.Expression, factor: float) -> None:
        match expression:
            case syntax.Binary(operator="+"):
                self._terms(expression.left, factor)
                self._terms(expression.right, factor)
            case syntax.Binary(operator="*"):
                self._scaled(expression, factor)
            case syntax.Binary(operator="/") if not _is_constant(expression.left):
                self._divided(expression, factor)
            case syntax.Call():
                self._term(expression, factor)
            case _:
                self._evaluator.error(
                    "E507",
                    "a loss is a sum of losses and penalties, each with a factor or without",
                    expression.span,
                    "this is neither",
                    help=f"write `{self._comparer.example('loss', expression) or _A_LOSS}`",
                )

    def _scaled(self, expression: syntax.Binary, factor: float) -> None:
        for number, rest in (
            (expression.left, expression.right),
            (expression.right, expression.left),
        ):
            if _is_constant(number):
                value = self._evaluator.constant(number, self._settings.scope)
                if isinstance(value, int | float) and not isinstance(value, bool):
                    self._terms(rest, factor * value)
                elif isinstance(value, Option):
                    self._evaluator.unknown(value.name, number.span, self._settings.scope)
                return
        self._evaluator.error(
            "E507", "a loss may be multiplied by a number only", expression.span, "no number here"
        )

    def _divided(self, expression: syntax.Binary, factor: float) -> None:
        value = self._evaluator.constant(expression.right, self._settings.scope)
        if isinstance(value, int | float) and not isinstance(value, bool) and value != 0:
            self._terms(expression.left, factor / value)
        elif not isinstance(value, Poison):
            message = "a loss may be divided by a number only, and not by 0"
            self._evaluator.error("E507", message, expression.right.span, "no such number")

    def _term(self, call: syntax.Call, factor: float) -> None:
        penalty = base.find("penalty", call.name)
        if penalty is not None:
            bound = self._settings.binder.bind(call, penalty)
            if bound is not None:
                self._penalties.append((cast("Penalty", bound.word), factor))
            return
        self._compares = True
        found = self._comparer.read(call, "loss")
        if found is None:
            return
        loss = cast("Loss", found.bound.word)
        first, logits = self._prediction(loss, found.outputs[0])
        names = tuple(output.name for output in found.outputs)
        predictions = (first, *(output.value for output in found.outputs[1:]))
        self._losses.append(
            ir.LossTerm(loss, factor, names, predictions, found.target, logits, call.span)
        )

    def _prediction(self, loss: Loss, output: ir.Output) -> tuple[ir.Value, bool]:
        """What the loss is computed from: the logits in front of the matching activation (or its
        logarithm) when there is one."""
        assert self._state.graph is not None
        if loss.fuses is None or loss.takes_logits is not None:
            return output.value, bool(loss.takes_logits)
        maker = self._state.graph.end(output.value)
        logarithm = f"log_{loss.fuses}"
        if maker is None or maker.op.word not in (loss.fuses, logarithm):
            return output.value, True
        last = output.value.type.rank - 1
        if loss.fuses == "softmax" and getattr(maker.op, "axis", -1) not in (-1, last):
            return output.value, maker.op.word == logarithm
        return maker.inputs[0], True

    def _penalty_terms(self) -> Iterator[ir.PenaltyTerm]:
        assert self._state.graph is not None
        for name, weight in self._state.graph.weights.items():
            if weight.role != "parameter" or not weight.trainable:
                continue
            if weight.penalty is not None:
                yield ir.PenaltyTerm(weight.penalty, 1.0, name)
            if weight.penalized:
                yield from (ir.PenaltyTerm(p, factor, name) for p, factor in self._penalties)

    def _activities(self) -> Iterator[ir.ActivityTerm]:
        assert self._state.graph is not None
        for node in self._state.graph.nodes:
            penalty = node.op.activity_penalty
            if penalty is not None:
                yield ir.ActivityTerm(penalty, node.output)

    # ---- the rest ---------------------------------------------------------------------

    def _read_metrics(self) -> Iterator[ir.MetricUse]:
        bind = self._settings.given.get("metrics")
        if bind is None:
            return
        items = bind.value.items if isinstance(bind.value, syntax.List) else (bind.value,)
        calls = [as_call(i) for i in items if isinstance(i, syntax.Call | syntax.Reference)]
        if len(calls) != len(items):
            named = [self._comparer.example("metric", item) or "" for item in items]
            self._evaluator.error(
                "E504",
                "metrics are a list such as `[accuracy(p, y)]`",
                bind.value.span,
                "not metrics",
                help=f"write `[{', '.join(named)}]`" if all(named) else None,
            )
        names: list[str] = []
        for call in calls:
            found = self._comparer.read(call, "metric")
            if found is None or found.target is None:
                continue
            (output,) = found.outputs
            metric = cast("Metric", found.bound.word)
            name = metric.word
            if name in names:
                name = f"{name}_{output.name}"
            if name in names:
                continue
            names.append(name)
            yield ir.MetricUse(name, metric, output.name, output.value, found.target)

    def _read_stop(self, metrics: tuple[ir.MetricUse, ...]) -> Early | None:
        bound = self._settings.word("stop", "stop", "a reason to stop such as `early(patience=5)`")
        if bound is None:
            return None
        stop = cast("Early", bound.word)
        numbers = ["loss", *sorted(use.name for use in metrics if not use.metric.table)]
        known = [f"{prefix}{name}" for name in numbers for prefix in ("", "val_")]
        if stop.monitor not in known:
            name = stop.monitor.removeprefix("val_")
            is_table = any(use.name == name and use.metric.table for use in metrics)
            self._evaluator.error(
                "E505",
                f"`{stop.monitor}` is a table, which can't be monitored"
                if is_table
                else f"nothing called `{stop.monitor}` is measured in training",
                bound.place("monitor"),
                "no number" if is_table else "unknown",
                help=did_you_mean(stop.monitor, known),
                notes=[f"numbers that are measured: {', '.join(f'`{k}`' for k in known)}"]
                if is_table
                else [f"measured are {', '.join(f'`{k}`' for k in known)}"],
            )
        return stop

    def _batch(self) -> int | None:
        bind = self._settings.given.get("batch")
        if bind is not None and isinstance(bind.value, syntax.Reference):
            value = self._evaluator.constant(bind.value, self._settings.scope)
            if isinstance(value, Option) and value.name == "all":
                return None
            if isinstance(value, Option):
                self._evaluator.error(
                    "E505", "`batch` must be a whole number or `all`", bind.value.span, "neither"
                )
            if isinstance(value, Poison | Option):
                return None
        return self._settings.whole("batch", 32)


def _is_constant(expression: syntax.Expression) -> bool:
    match expression:
        case syntax.Number() | syntax.Reference():
            return True
        case syntax.Unary():
            return _is_constant(expression.operand)
        case syntax.Binary():
            return _is_constant(expression.left) and _is_constant(expression.right)
        case _:
            return False
