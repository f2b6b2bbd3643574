"""What the data, train and search blocks share: settings by name, words as values, numbers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nnc.compiler import syntax
from nnc.compiler.diagnostics import Label, did_you_mean
from nnc.compiler.passes.arguments import Binder, Bound, Option, Poison, as_call, cure, shown
from nnc.compiler.passes.expressions import Evaluator, Flowing, FlowRules
from nnc.compiler.passes.scope import Scope
from nnc.compiler.passes.state import State
from nnc.compiler.source import Span
from nnc.compiler.vocabulary import base, foreign
from nnc.compiler.vocabulary.base import Kind


class NoModel(FlowRules):
    """The rules outside of models: nothing flows."""

    def __init__(self, evaluator: Evaluator | None = None) -> None:
        self.evaluator = evaluator

    def chain(self, chain: syntax.Chain, scope: Scope) -> Any:
        assert self.evaluator is not None
        return self.evaluator.error(
            "E401", "an arrow belongs to the model", chain.span, "nothing flows here"
        )

    def named(self, name: str, scope: Scope) -> Flowing | None:
        return None

    def paths(self) -> list[str]:
        return []

    def is_block(self, name: str) -> bool:
        return False


class Settings:
    """The settings of one section, each read once; what nobody read is reported."""

    def __init__(self, state: State, section: syntax.Section) -> None:
        self.section = section
        self.report = state.report
        rules = NoModel()
        self.evaluator = rules.evaluator = Evaluator(state.report, rules)
        self.scope = Scope()
        for name, value in state.values.items():
            span = state.parameters[name].name.span
            self.scope.bind(name, value, span, "parameter").used = True
        self.binder = Binder(self.report, lambda e: self.evaluator.constant(e, self.scope))
        self.given: dict[str, syntax.Bind] = {}

    def collect(self, binds: Iterable[syntax.Bind], known: Iterable[str], what: str) -> None:
        """Take the settings of known names; report the others and those given twice."""
        listed = list(known)
        for bind in binds:
            name = bind.names[0]
            if len(bind.names) != 1 or name.text not in listed:
                self.evaluator.error(
                    "E503",
                    f"{what} has no setting `{name.text}`",
                    name.span,
                    "unknown setting",
                    help=foreign.setting(name.text) or did_you_mean(name.text, listed),
                    notes=[f"settings are {', '.join(f'`{k}`' for k in listed)}"],
                )
            elif name.text in self.given:
                self.evaluator.error(
                    "E204",
                    f"`{name.text}` is given twice",
                    name.span,
                    "given again here",
                    also=[Label(self.given[name.text].names[0].span, "first given here")],
                    help="leave one of them out",
                )
            else:
                self.given[name.text] = bind

    def word(self, name: str, kind: Kind, what: str) -> Bound | None:
        """The word that a setting names, or None when it is absent or was reported."""
        bind = self.given.get(name)
        return None if bind is None else self.as_word(bind.value, kind, what)

    def as_word(self, value: syntax.Expression, kind: Kind, what: str) -> Bound | None:
        """An expression as a word of a kind, or None when something was reported."""
        if not isinstance(value, syntax.Reference | syntax.Call):
            written = value.value if isinstance(value, syntax.String) else ""
            quoted = base.find(kind, written)
            self.evaluator.error(
                "E504",
                f"this must be {what}",
                value.span,
                "this is not one",
                help=f"write `{quoted.word}` without quotes" if quoted else None,
            )
            return None
        call = as_call(value)
        cls = base.find(kind, call.name)
        if cls is None:
            known = list(base.names(kind, aliases=False))
            self.evaluator.error(
                "E504",
                f"there is no {kind} `{call.name}`",
                call.name_span,
                f"this must be {what}",
                help=cure(kind, call.name, [*known, *base.names(kind)]),
                notes=[f"nnc has {', '.join(f'`{k}`' for k in known)}"],
            )
            return None
        return self.binder.bind(call, cls)

    def whole(self, name: str, default: int, *, least: int = 1) -> int:
        """A whole number of at least `least`."""
        bind = self.given.get(name)
        if bind is None:
            return default
        value = self.evaluator.whole(bind.value, self.scope, f"`{name}`")
        if isinstance(value, Poison):
            return default
        if not least <= value <= 10**12:
            self.evaluator.error(
                "E505", f"`{name}` must be at least {least}", bind.value.span, f"this is {value}"
            )
            return default
        return value

    def option(self, name: str, options: tuple[str, ...], default: str) -> str:
        """One of some bare names."""
        bind = self.given.get(name)
        if bind is None:
            return default
        value = self.evaluator.constant(bind.value, self.scope)
        text = value.name if isinstance(value, Option) else value
        if isinstance(value, Poison) or text in options:
            return default if isinstance(value, Poison) else str(text)
        listed = ", ".join(f"`{o}`" for o in options)
        self.evaluator.error(
            "E505",
            f"`{name}` must be one of {listed}",
            bind.value.span,
            f"this is {shown(text)}",
            help=did_you_mean(str(text), options),
        )
        return default

    def place(self, name: str) -> Span:
        """Where a setting was written; the section when it was not."""
        return self.given[name].span if name in self.given else self.section.span
