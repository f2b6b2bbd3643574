"""From `mse(output, target, …)` to the word with the outputs and the target that it compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from nnc.compiler import ir, syntax
from nnc.compiler.diagnostics import Label, did_you_mean
from nnc.compiler.passes.arguments import Bound, cure
from nnc.compiler.passes.settings import Settings
from nnc.compiler.source import Span
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary import base
from nnc.compiler.vocabulary.base import Rejected

if TYPE_CHECKING:
    from nnc.compiler.vocabulary.losses.base import Loss
    from nnc.compiler.vocabulary.metrics import Metric

_OF_CLASSES: Final = ("nll", "multiclass_hinge", "top_k")
TARGET: Final = "target"
"""What the last of a word's values is called when it is a target."""


@dataclass(frozen=True)
class Compared:
    """A loss or a metric, the outputs and the target that it was given, and their places."""

    bound: Bound
    outputs: tuple[ir.Output, ...]
    target: ir.Value | None
    places: tuple[Span, ...]

    @property
    def values(self) -> tuple[ir.Value, ...]:
        """Every value in the order in which they were written."""
        return (*(o.value for o in self.outputs), *((self.target,) if self.target else ()))


class Comparer:
    """Reads losses and metrics against the outputs and targets of a spec."""

    def __init__(
        self,
        settings: Settings,
        outputs: Mapping[str, ir.Output],
        targets: Mapping[str, ir.Value],
    ) -> None:
        self._settings = settings
        self._evaluator = settings.evaluator
        self._outputs = outputs
        self._targets = targets

    def read(self, call: syntax.Call, kind: base.Kind) -> Compared | None:
        """The word with what it compares; None when something was reported."""
        cls = base.find(kind, call.name)
        if cls is None:
            self._unknown(call, kind)
            return None
        takes = cast("type[Loss] | type[Metric]", cls).takes
        given = [argument for argument in call.arguments if argument.name is None][: len(takes)]
        if len(given) < len(takes):
            self._too_few(call, cls, takes)
            return None
        if self._swapped(given, cls):
            return None
        wanted = self._target_type(given[0].value, cls)
        found = [
            self._named(argument.value, wanted if role == TARGET else None)
            for argument, role in zip(given, takes, strict=True)
        ]
        rest = tuple(argument for argument in call.arguments if argument not in given)
        bound = self._settings.binder.bind(
            syntax.Call(call.name, rest, call.span, call.name_span), cls
        )
        if bound is None or not all(_value(one) and _value(one).name for one in found):
            return None
        target = found.pop() if takes[-1] == TARGET else None
        made = Compared(bound, tuple(found), target, tuple(a.span for a in given))
        return made if self._fits(made) else None

    def _unknown(self, call: syntax.Call, kind: base.Kind) -> None:
        known = [*base.names(kind), *(base.names("penalty") if kind == "loss" else ())]
        self._evaluator.error(
            "E504",
            f"there is no {kind} `{call.name}`",
            call.name_span,
            f"unknown {kind}",
            help=cure(kind, call.name, known),
            notes=[f"nnc has {', '.join(f'`{k}`' for k in base.names(kind, aliases=False))}"],
        )

    def example(self, kind: base.Kind, expression: syntax.Expression) -> str | None:
        """The call of the loss or metric whose name alone, perhaps in quotes, was given."""
        name = getattr(expression, "name", None) or getattr(expression, "value", None)
        cls = base.find(kind, name) if isinstance(name, str) else None
        return None if cls is None else self._call(cls)

    def _call(self, cls: type[base.Word]) -> str:
        """A call of a loss or metric with names that the spec has."""
        takes = cast("type[Loss] | type[Metric]", cls).takes
        plain = takes == ("prediction", TARGET)
        outputs, targets = list(self._outputs), list(self._targets)
        given = ", ".join(
            (targets[0] if targets else "…")
            if role == TARGET
            else (outputs[0] if plain and outputs else role)
            for role in takes
        )
        return f"{cls.word}({given})"

    def _too_few(self, call: syntax.Call, cls: type[base.Word], takes: tuple[str, ...]) -> None:
        plain = takes == ("prediction", TARGET)
        what = "compares an output with a target" if plain else f"takes {_listed(takes)}"
        self._evaluator.error(
            "E202",
            f"`{cls.word}` {what}",
            call.span,
            "both are needed" if plain else "all are needed",
            help=f"write `{self._call(cls)}`",
        )

    def _swapped(self, given: list[syntax.Argument], cls: type[base.Word]) -> bool:
        """Whether a target stands where the output belongs and the other way round, which is told
        once."""
        names = [getattr(argument.value, "name", "") for argument in given]
        if len(names) != 2 or names[0] not in self._targets or names[1] not in self._outputs:
            return False
        if names[0] in self._outputs or names[1] in self._targets:
            return False
        self._evaluator.error(
            "E502",
            "the output comes first, then the target",
            given[0].span.to(given[1].span),
            "the other way round",
            help=f"write `{cls.word}({names[1]}, {names[0]})`",
        )
        return True

    def _target_type(self, prediction: syntax.Expression, cls: type[base.Word]) -> str:
        """The type of a target that fits a prediction, for a message."""
        output = self._outputs.get(getattr(prediction, "name", ""))
        if output is None:
            return "f32[1]"
        type_ = output.value.type
        by_class = getattr(cls, "values", "") == "distribution" or cls.word in _OF_CLASSES
        return str(TensorType("i64", type_.shape[:-1]) if by_class and type_.shape else type_)

    def _named(self, expression: syntax.Expression, target: str | None) -> Any:
        """The output of a name, or the target, which has perhaps to be declared as `target`."""
        is_target = target is not None
        known: Mapping[str, Any] = self._targets if is_target else self._outputs
        what = "target" if is_target else "output"
        if isinstance(expression, syntax.Reference) and expression.name in known:
            return known[expression.name]
        if isinstance(expression, syntax.Reference):
            others: Mapping[str, Any] = self._outputs if is_target else self._targets
            helps = did_you_mean(expression.name, known)
            if expression.name in others:
                helps = "the output comes first, then the target"
            elif is_target:
                helps = helps or f"declare it: `target {expression.name}: {target}`"
            self._evaluator.error(
                "E502",
                f"there is no {what} `{expression.name}`",
                expression.span,
                f"unknown {what}",
                help=helps,
            )
            return None
        self._evaluator.error(
            "E502",
            f"this must be the name of {'a target' if is_target else 'an output'}",
            expression.span,
            "not a name",
            help=None if is_target else "make it one: `output q = …` in the model",
        )
        return None

    def _fits(self, made: Compared) -> bool:
        word = cast("Loss | Metric", made.bound.word)
        try:
            word.check(tuple(value.type for value in made.values))
        except Rejected as rejected:
            self._report(made, rejected)
            return False
        return True

    def _report(self, made: Compared, rejected: Rejected) -> None:
        """What the word says, at the value or the argument that it blames."""
        also: list[Label] = []
        place = made.bound.place(rejected.argument)
        if rejected.argument is None:
            number = rejected.input or 0
            blamed, other = made.values[number], made.values[0 if number else -1]
            place = made.places[number]
            said = "declared here" if blamed is made.target else "made here"
            also = [Label(blamed.span, said), Label(other.span, f"this is `{other.type}`")]
        self._evaluator.error(
            rejected.code,
            rejected.message,
            place,
            rejected.label,
            also=also,
            help=rejected.help,
            notes=rejected.notes,
        )


def _value(found: Any) -> Any:
    return found.value if isinstance(found, ir.Output) else found


def _listed(roles: tuple[str, ...]) -> str:
    named = ["a target" if role == TARGET else f"the {role}" for role in roles]
    return f"{', '.join(named[:-1])} and {named[-1]}"
