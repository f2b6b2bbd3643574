"""The data, train and search parts of a document, and its parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, Literal, cast

from nnc.compiler import syntax
from nnc.compiler.document.access import Access
from nnc.compiler.document.positions import Value
from nnc.compiler.document.words import Words
from nnc.compiler.vocabulary import base
from nnc.compiler.vocabulary.base import Kind

if TYPE_CHECKING:
    from nnc.compiler.vocabulary.losses.base import Loss

Keyword = Literal["data", "train", "search"]
Members = Mapping[str, Value]

TRAIN: Final = {
    "targets": "targets", "loss": "terms", "penalties": "terms", "optimizer": "optimizer",
    "schedule": "schedule", "clip": "clip", "stop": "stop", "metrics": "metrics",
    "epochs": "plain", "batch": "plain", "seed": "plain", "log_every": "plain",
    "augment": "terms", "checkpoint": "checkpoint",
}  # fmt: skip
"""The keys of `train`: the kind of word that a key holds, or what else it is."""
_WORDS: Final[dict[str, Kind]] = {
    "optimizer": "optimizer",
    "schedule": "schedule",
    "clip": "clip",
    "stop": "stop",
    "checkpoint": "checkpoint",
    "source": "source",
    "split": "split",
}


class Sections:
    """Reads sections as lists of settings. A setting that is null is one that is not there."""

    def __init__(self, access: Access, words: Words) -> None:
        self._access = access
        self._words = words

    def section(self, keyword: Keyword, value: Value | None) -> Iterator[syntax.Section]:
        readers: dict[Keyword, Callable[[Value], Iterator[syntax.Bind | syntax.Target]]] = {
            "data": self._data,
            "train": self._train,
            "search": self._search,
        }
        if value is not None and value.content is not None:
            yield syntax.Section(keyword, tuple(readers[keyword](value)), self._access.whole(value))

    def parameters(self, value: Value | None) -> Iterator[syntax.Parameter]:
        for key, member in self._members(value, "`parameters`").items():
            name = self._access.key_name(member, key, "the name of a parameter")
            default = self._words.value(member, None, f"the parameter `{key}`")
            if name and default:
                yield syntax.Parameter(name, default, self._access.whole(member))

    # ---- settings -------------------------------------------------------------------------

    def _bind(self, value: Value, key: str, made: syntax.Expression) -> syntax.Bind:
        name = syntax.Name(key, self._access.key(value))
        return syntax.Bind((name,), made, self._access.whole(value))

    def _setting(self, members: Members, key: str) -> Iterator[syntax.Bind]:
        """A setting that is a word, or a plain value."""
        value = members.get(key)
        if value is None or value.content is None:
            return
        made: syntax.Expression | None
        if key in _WORDS:
            made = self._words.word(value, _WORDS[key], f"`{key}`")
        elif key == "batch" and value.content == "all":
            made = syntax.Reference("all", self._access.inside(value))
        else:
            made = self._words.value(value, None, f"`{key}`")
        if made is not None:
            yield self._bind(value, key, made)

    def _members(self, value: Value | None, what: str) -> Members:
        """The members of an object whose keys are names."""
        if value is None or value.content is None:
            return {}
        if isinstance(value.content, dict):
            return value.content
        self._access.wrong(value, what, "an object")
        return {}

    def _list(self, members: Members, key: str) -> list[Value]:
        value = members.get(key)
        return (
            [] if value is None or value.content is None else self._access.items(value, f"`{key}`")
        )

    # ---- train ----------------------------------------------------------------------------

    def _train(self, value: Value) -> Iterator[syntax.Bind | syntax.Target]:
        required = ("loss", "optimizer")
        rest = tuple(key for key in TRAIN if key not in required)
        members = self._access.object(value, "`train`", required, rest)
        for item in self._list(members, "targets"):
            yield from self._target(item)
        yield from self._loss(members)
        for key in ("optimizer", "schedule", "clip", "stop"):
            yield from self._setting(members, key)
        metrics = [self._compared(item, "metric") for item in self._list(members, "metrics")]
        known = tuple(call for call in metrics if call is not None)
        if known:
            span = self._access.span(members["metrics"])
            yield self._bind(members["metrics"], "metrics", syntax.List(known, span))
        for key in ("epochs", "batch", "seed", "log_every", "checkpoint"):
            yield from self._setting(members, key)
        changes = tuple(filter(None, map(self._augmenting, self._list(members, "augment"))))
        if changes:
            span = self._access.span(members["augment"])
            yield self._bind(members["augment"], "augment", syntax.List(changes, span))

    def _augmenting(self, item: Value) -> syntax.Call | None:
        """`word(input, …)`"""
        members = self._access.object(item, "an augmentation", ("augmentation", "input"))
        word = members.get("augmentation")
        call = self._words.word(word, "augmentation", "`augmentation`") if word else None
        name = self._access.name(members.get("input"), "the name of an input")
        if call is None or name is None:
            return None
        first = syntax.Argument(None, syntax.Reference(name.text, name.span), name.span)
        return syntax.Call(call.name, (first, *call.arguments), call.span, call.name_span)

    def _target(self, item: Value) -> Iterator[syntax.Target]:
        members = self._access.object(item, "a target", ("name", "type"))
        name = self._access.name(members.get("name"), "the name of a target")
        type_ = self._access.type(members.get("type"), "the type of a target")
        if name and type_:
            yield syntax.Target(name, type_, self._access.span(item))

    def _loss(self, members: Members) -> Iterator[syntax.Bind]:
        terms = [self._term(item) for item in self._list(members, "loss")]
        terms += [self._penalty(item) for item in self._list(members, "penalties")]
        known = [term for term in terms if term is not None]
        if known:
            yield self._bind(members["loss"], "loss", _sum(known))
        elif "loss" in members and members["loss"].content in ([], None):
            self._access.wrong(members["loss"], "`loss`", "a list of one loss or more")

    def _term(self, item: Value) -> syntax.Expression | None:
        call = self._compared(item, "loss", ("factor",))
        return self._scaled(item, call)

    def _penalty(self, item: Value) -> syntax.Expression | None:
        members = self._access.object(item, "a penalty", ("penalty",), ("factor",))
        word = members.get("penalty")
        call = self._words.word(word, "penalty", "`penalty`") if word else None
        return self._scaled(item, call)

    def _scaled(self, item: Value, call: syntax.Call | None) -> syntax.Expression | None:
        factor = item.content.get("factor") if isinstance(item.content, dict) else None
        if factor is None or factor.content is None or call is None:
            return call
        if isinstance(factor.content, bool) or not isinstance(factor.content, int | float):
            self._access.wrong(factor, "`factor`", "a number")
            return None
        if factor.content == 1:
            return call
        number = syntax.Number(factor.content, self._access.span(factor))
        return syntax.Binary("*", number, call, call.span)

    def _compared(
        self, item: Value, kind: Literal["loss", "metric"], optional: tuple[str, ...] = ()
    ) -> syntax.Call | None:
        """`word(predictions…, target, …)`. Some losses have no target."""
        values = ("prediction", "target") if _has_target(item, kind) else ("prediction",)
        members = self._access.object(item, f"a {kind}", (kind, *values), optional)
        word = members.get(kind)
        call = self._words.word(word, kind, f"`{kind}`") if word else None
        names = [
            self._access.name(value, "the name of an output")
            for value in self._alternatives(members.get("prediction"), "`prediction`")
        ]
        if "target" in values:
            names.append(self._access.name(members.get("target"), "the name of a target"))
        known = [name for name in names if name is not None]
        if call is None or not known or len(known) < len(names):
            return None
        pair = (
            syntax.Argument(None, syntax.Reference(name.text, name.span), name.span)
            for name in known
        )
        return syntax.Call(call.name, (*pair, *call.arguments), call.span, call.name_span)

    def _alternatives(self, value: Value | None, what: str) -> list[Value]:
        """One value, or the items of a list where there are several."""
        if value is None:
            return []
        several = isinstance(value.content, list)
        return list(self._access.items(value, what)) if several else [value]

    # ---- data and search ------------------------------------------------------------------

    def _data(self, value: Value) -> Iterator[syntax.Bind]:
        members = self._access.object(value, "`data`", ("fields",), ("source", "split"))
        yield from self._setting(members, "source")
        for item in self._list(members, "fields"):
            yield from self._field(item)
        yield from self._setting(members, "split")

    def _field(self, item: Value) -> Iterator[syntax.Bind]:
        required, optional = ("name", "columns"), ("preparations",)
        members = self._access.object(item, "a field", required, optional)
        names = [
            self._access.name(value, "the name of an input or a target")
            for value in self._alternatives(members.get("name"), "`name`")
        ]
        known = tuple(name for name in names if name is not None)
        columns = self._columns(members.get("columns"))
        words = [
            self._words.word(value, "preparation", "a preparation")
            for value in self._list(members, "preparations")
        ]
        if not known or len(known) < len(names) or columns is None:
            return
        stages = tuple(syntax.Apply(word, None, word.span) for word in words if word is not None)
        made = syntax.Chain(columns, stages, columns.span) if stages else columns
        yield syntax.Bind(known, made, self._access.span(item))

    def _columns(self, value: Value | None) -> syntax.Call | None:
        if value is not None and isinstance(value.content, dict):
            return self._words.word(value, "columns", "`columns`")
        arguments = []
        for item in self._access.items(value, "`columns`"):
            made = self._words.value(item, None, "a column")
            if made is not None:
                arguments.append(syntax.Argument(None, made, made.span))
        if value is None or not isinstance(value.content, list):
            return None
        return syntax.Call(
            "columns", tuple(arguments), self._access.span(value), self._access.key(value)
        )

    def _search(self, value: Value) -> Iterator[syntax.Bind]:
        optional = ("trials", "method", "goal", "monitor")
        members = self._access.object(value, "`search`", ("ranges",), optional)
        for key, member in self._members(members.get("ranges"), "`ranges`").items():
            word = self._words.word(member, "range", f"the range of `{key}`")
            if word is not None:
                yield self._bind(member, key, word)
        yield from self._setting(members, "trials")
        yield from self._setting(members, "method")
        goal, monitor = members.get("goal"), members.get("monitor")
        if monitor is None or self._access.text(monitor, "`monitor`") is None:
            return
        measured = syntax.String(str(monitor.content), self._access.span(monitor))
        if goal is not None and goal.content not in ("minimize", "maximize"):
            self._access.wrong(goal, "`goal`", "`minimize` or `maximize`")
            return
        yield self._bind(monitor, str(goal.content) if goal else "minimize", measured)


def _sum(terms: list[syntax.Expression]) -> syntax.Expression:
    """The terms added in their order, halves first, so that a long sum isn't deep."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    left, right = _sum(terms[:half]), _sum(terms[half:])
    return syntax.Binary("+", left, right, left.span.to(right.span))


def _has_target(item: Value, kind: Literal["loss", "metric"]) -> bool:
    """Whether the loss or the metric of an object takes a target; unknown ones do."""
    named = item.content.get(kind) if isinstance(item.content, dict) else None
    if named is not None and isinstance(named.content, dict):
        named = named.content.get("word")
    name = named.content if named is not None else None
    cls = base.find(kind, name) if isinstance(name, str) else None
    return cls is None or "target" in cast("type[Loss]", cls).takes
