"""From a written call to a word: names and values of arguments, checked one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_origin

from nnc.compiler import syntax
from nnc.compiler.diagnostics import Label, Report, did_you_mean, nearest
from nnc.compiler.source import Span
from nnc.compiler.vocabulary import base, foreign
from nnc.compiler.vocabulary.base import Kind, Rejected, Word
from nnc.compiler.vocabulary.fields import Unfit
from nnc.compiler.vocabulary.phrases import admits, expected, signature, word_type

Evaluate = Callable[[syntax.Expression], Any]


class Poison:
    """What stands for anything that could not be told: it was reported, and says nothing more."""


POISON = Poison()


@dataclass(frozen=True, slots=True)
class Option:
    """A bare name that is neither a value nor a parameter: `same`, `val_loss`."""

    name: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A word made from a call, with the places of its arguments for later messages."""

    word: Word
    places: Mapping[str, Span]
    span: Span

    def place(self, argument: str | None) -> Span:
        """Where an argument was written; the word itself when it was not."""
        return self.places.get(argument or "", self.span)


class Binder:
    """Binds calls to words. `evaluate` gives the compile-time value of an expression, an Option,
    or POISON."""

    def __init__(self, report: Report, evaluate: Evaluate) -> None:
        self._report = report
        self._evaluate = evaluate

    def bind(
        self, call: syntax.Call, cls: type[Word], defaults: Mapping[str, Any] | None = None
    ) -> Bound | None:
        """The word, or None when something was reported. `defaults` win over the class' own."""
        given = self._match(call, cls)
        if given is None:
            return None
        values: dict[str, Any] = {**(defaults or {})}
        for name, argument in given.items():
            values[name] = self.value(argument, cls, name)
        if any(value is POISON for value in values.values()):
            return None
        places = {name: _place(argument) for name, argument in given.items()}
        made = self._construct(call, cls, values, places)
        return Bound(made, places, call.name_span) if made else None

    # ---- names ------------------------------------------------------------------------

    def _match(
        self, call: syntax.Call, cls: type[Word]
    ) -> dict[str, syntax.Argument | list[syntax.Argument]] | None:
        given: dict[str, syntax.Argument | list[syntax.Argument]] = {}
        clean, extra = True, list[syntax.Argument]()
        positional = iter(cls.positional)
        for argument in call.arguments:
            if argument.name is None and cls.gathers:
                gathered = given.setdefault(cls.gathers, [])
                assert isinstance(gathered, list)
                gathered.append(argument)
                continue
            name = (
                next(positional, None) if argument.name is None else self._name(argument, call, cls)
            )
            if name is None:
                clean = False
                if argument.name is None:
                    extra.append(argument)
            elif name in given:
                clean = False
                self._repeated(argument, name, given[name], cls)
            else:
                given[name] = argument
        if extra:
            self._too_many(extra, call, cls)
        return given if clean and self._complete(call, cls, given) else None

    def _name(self, argument: syntax.Argument, call: syntax.Call, cls: type[Word]) -> str | None:
        written = argument.name or ""
        if written in cls.model_fields:
            return written
        if written in cls.argument_aliases:
            return cls.argument_aliases[written]
        known = cls.argument_names()
        close = nearest(written, [*known, *cls.argument_aliases])
        meant = f"did you mean `{cls.argument_aliases.get(close, close)}`?" if close else None
        listed = ", ".join(f"`{name}`" for name in known)
        self._report.error(
            "E201",
            f"`{cls.word}` has no argument `{written}`",
            argument.name_span or argument.span,
            "unknown argument",
            help=foreign.argument(cls, written) or meant,
            notes=[f"`{cls.word}` takes {listed}" if known else f"`{cls.word}` takes no arguments"],
        )
        return None

    def _too_many(self, extra: list[syntax.Argument], call: syntax.Call, cls: type[Word]) -> None:
        count = len(cls.positional)
        limit = f"at most {count} without a name" if count else "none without a name"
        size = foreign.size_in_front(cls, count + len(extra))
        other = next((name for name in cls.model_fields if name not in cls.positional), None)
        named = f"give it a name, as in `{cls.word}(…, {other}=…)`" if other else None
        self._report.error(
            "E205",
            f"`{cls.word}` was given too many arguments: it takes {limit}",
            extra[0].span.to(extra[-1].span),
            "one too many" if len(extra) == 1 else f"{len(extra)} too many",
            help=f"leave out `{size}`, the first: the size of what flows in is known"
            if size
            else _as_list(extra, call, cls) or named,
        )

    def _repeated(self, argument: syntax.Argument, name: str, first: Any, cls: type[Word]) -> None:
        self._report.error(
            "E204",
            f"`{name}` of `{cls.word}` is given twice",
            argument.span,
            "given again here",
            also=[Label(_place(first), "first given here")],
            help="leave one of them out",
        )

    def _complete(self, call: syntax.Call, cls: type[Word], given: Mapping[str, Any]) -> bool:
        fields = cls.model_fields
        missing = [name for name in fields if fields[name].is_required() and name not in given]
        if missing:
            what = " and ".join(f"`{name}`" for name in missing)
            self._report.error(
                "E202",
                f"`{cls.word}` needs {what}",
                call.name_span,
                f"{what} {'is' if len(missing) == 1 else 'are'} missing",
                help=f"write `{signature(cls)}`; {missing[0]} is {expected(fields[missing[0]])}",
            )
        return not missing

    # ---- values -----------------------------------------------------------------------

    def value(self, argument: Any, cls: type[Word], name: str) -> Any:
        """The value of one argument for its field to judge; POISON when it was reported."""
        if isinstance(argument, list):
            items = [self.value(one, cls, name) for one in argument]
            return POISON if any(item is POISON for item in items) else tuple(items)
        annotation = cls.model_fields[name].annotation
        wanted = word_type(annotation)
        expression = argument.value
        if wanted is not None and isinstance(expression, syntax.Reference | syntax.Call):
            return self._nested(expression, wanted, cls, name)
        value = self._evaluate(expression)
        if isinstance(value, Option):
            return self._option(value, argument, cls, name)
        return value

    def _nested(
        self,
        expression: syntax.Reference | syntax.Call,
        wanted: type[Word],
        cls: type[Word],
        name: str,
    ) -> Any:
        found = base.find(wanted.kind, expression.name)
        if found is None or not issubclass(found, wanted):
            value = self._evaluate(expression) if isinstance(expression, syntax.Reference) else None
            if value is not None and not isinstance(value, Option):
                return value
            known = [w for w in base.names(wanted.kind) if _is(wanted, w)]
            self._report.error(
                "E203",
                f"`{name}` of `{cls.word}` must be {expected(cls.model_fields[name])}",
                expression.span,
                f"`{expression.name}` is not known here" if found is None else "a layer",
                help=cure(wanted.kind, expression.name, known)
                if found is None
                else f"put it behind as a stage of its own: `-> {expression.span.text[:60]}`",
            )
            return POISON
        bound = self.bind(as_call(expression), found)
        return bound.word if bound else POISON

    def _option(self, option: Option, argument: syntax.Argument, cls: type[Word], name: str) -> Any:
        field = cls.model_fields[name]
        if admits(field.annotation, str):
            return option.name
        label = f"`{option.name}` is not a value here"
        value, _, end = option.name.rpartition(".")
        declared: str | None = f"for a number of your own declare it: `param {option.name} = …`"
        if value:
            declared = f"write `shape({value})`" if end == "shape" else None
        self._wrong(cls, name, argument.value.span, label, otherwise=declared)
        return POISON

    def _construct(
        self, call: syntax.Call, cls: type[Word], values: dict[str, Any], places: Mapping[str, Span]
    ) -> Word | None:
        try:
            return cls(**values)
        except Unfit as unfit:
            for name in unfit.fields:
                self._wrong(
                    cls, name, places.get(name, call.span), f"this is {shown(values[name])}"
                )
            return None

    def _wrong(
        self,
        cls: type[Word],
        name: str,
        span: Span,
        label: str,
        otherwise: str | None = None,
    ) -> None:
        """Report a value that an argument doesn't take; `otherwise` is said when no option is
        near it."""
        written = span.text.strip('"` ')
        options = [o.strip("` ") for o in expected(cls.model_fields[name]).split("`")[1::2]]
        self._report.error(
            "E203",
            f"`{name}` of `{cls.word}` must be {expected(cls.model_fields[name])}",
            span,
            label,
            help=foreign.value(name, written) or did_you_mean(written, options) or otherwise,
        )


def cure(kind: Kind, name: str, known: Iterable[str]) -> str | None:
    """What to write in place of a name that is no word of a kind: what stands for it here, or the
    nearest of the known names. A word is called by its canonical name."""
    close = nearest(name, known)
    found = base.find(kind, close) if close else None
    meant = found.word if found else close
    return foreign.word(kind, name) or (f"did you mean `{meant}`?" if meant else None)


def _as_list(extra: list[syntax.Argument], call: syntax.Call, cls: type[Word]) -> str | None:
    """The call `Reshape(3, 8)` with its numbers as the list that its only argument takes."""
    given = [argument for argument in call.arguments if argument.name is None]
    field = cls.model_fields[cls.positional[0]] if len(cls.positional) == 1 else None
    if field is None or get_origin(field.annotation) is not tuple:
        return None
    return f"write `{cls.word}([{', '.join(a.span.text for a in given)}])`"


def report_rejected(report: Report, bound: Bound, rejected: Rejected) -> None:
    """Report what a word says against its own arguments."""
    report.error(
        rejected.code,
        rejected.message,
        bound.place(rejected.argument),
        rejected.label,
        help=rejected.help,
        notes=rejected.notes,
    )


def as_call(expression: syntax.Reference | syntax.Call) -> syntax.Call:
    """A bare name as a call without arguments."""
    if isinstance(expression, syntax.Call):
        return expression
    return syntax.Call(expression.name, (), expression.span, expression.span)


def shown(value: Any) -> str:
    """A compile-time value as the user would write it."""
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, tuple):
        text = "[" + ", ".join(shown(item).strip("`") for item in value[:6])
        return f"`{text}{', …' if len(value) > 6 else ''}]`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if isinstance(value, Word):
        return f"`{value.word}`"
    return f"`{value}`"


def _place(argument: Any) -> Span:
    if isinstance(argument, list):
        first, last = argument[0], argument[-1]
        return Span(first.span.source, first.span.start, last.span.end)
    span: Span = argument.value.span
    return span


def _is(wanted: type[Word], name: str) -> bool:
    found = base.find(wanted.kind, name)
    return found is not None and issubclass(found, wanted)
