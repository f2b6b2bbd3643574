"""The canonical names of words and arguments, for the formatter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any, Final, NamedTuple

from nnc.compiler import syntax
from nnc.compiler.source import Span
from nnc.compiler.vocabulary import base
from nnc.compiler.vocabulary.base import Kind, Word
from nnc.compiler.vocabulary.phrases import word_type

Kinds = tuple[Kind, ...]


class _Place(NamedTuple):
    """What names mean somewhere in a file."""

    stages: Kinds = ()
    calls: Kinds = ()
    bare: bool = False
    """Whether a name without brackets means what a call would."""


_MODEL: Final = _Place(stages=("op",))
_SETTINGS: Final[dict[str, dict[str, _Place]]] = {
    "train": {
        "loss": _Place(calls=("loss", "penalty")),
        "metrics": _Place(calls=("metric",)),
        "augment": _Place(calls=("augmentation",)),
        "optimizer": _Place(calls=("optimizer",), bare=True),
        "schedule": _Place(calls=("schedule",), bare=True),
        "clip": _Place(calls=("clip",), bare=True),
        "stop": _Place(calls=("stop",), bare=True),
        "checkpoint": _Place(calls=("checkpoint",), bare=True),
    },
    "data": {
        "source": _Place(calls=("source",)),
        "split": _Place(calls=("split",), bare=True),
    },
    "search": {},
}
_OTHER_SETTINGS: Final[dict[str, _Place]] = {
    "train": _Place(),
    "data": _Place(stages=("preparation",), calls=("columns",)),
    "search": _Place(calls=("range",)),
}


def canonical(file: syntax.File, used: Iterable[syntax.File] = ()) -> syntax.File:
    """The file with the canonical name of every word and argument, its spans as they were.

    What a name means depends on where it stands. A name that the file itself, or one that it uses,
    gives to something stays: the formatter must not change what a spec means.
    """
    own = frozenset(name for one in (file, *used) for name in _own_names(one.declarations))
    return replace(file, declarations=_Renaming(own).part(file.declarations, _Place()))


class _Renaming:
    def __init__(self, own: frozenset[str]) -> None:
        self._own = own

    def part(self, part: Any, place: _Place) -> Any:
        """A part of the tree with its words renamed."""
        match part:
            case tuple():
                return tuple(self.part(item, place) for item in part)
            case syntax.Model() | syntax.Block():
                return self._inside(part, _MODEL)
            case syntax.Section():
                return replace(part, body=tuple(self._setting(part, b) for b in part.body))
            case syntax.Apply():
                return replace(part, call=self._call(part.call, place, place.stages))
            case syntax.Call():
                return self._call(part, place, place.calls)
            case syntax.Reference() if place.bare:
                word = self._word(part.name, place.calls)
                return replace(part, name=word.word) if word else part
            case _:
                return self._inside(part, place)

    def _inside(self, part: Any, place: _Place) -> Any:
        """A node with its parts renamed; what is no node stays."""
        if not is_dataclass(part) or isinstance(part, type | syntax.Name | Span):
            return part
        parts = {f.name: getattr(part, f.name) for f in fields(part) if not f.name.endswith("span")}
        return replace(part, **{name: self.part(value, place) for name, value in parts.items()})

    def _setting(self, section: syntax.Section, bind: Any) -> Any:
        if not isinstance(bind, syntax.Bind):
            return bind
        known = _SETTINGS[section.keyword]
        place = known.get(bind.names[0].text, _OTHER_SETTINGS[section.keyword])
        return replace(bind, value=self.part(bind.value, place))

    def _call(self, call: syntax.Call, place: _Place, kinds: Kinds) -> syntax.Call:
        word = self._word(call.name, kinds)
        if word is None:
            inner = place._replace(calls=(), bare=False)
            return replace(call, arguments=self.part(call.arguments, inner))
        arguments = tuple(
            self._argument(argument, word, argument.name or positional, place)
            for argument, positional in _placed(call.arguments, word)
        )
        return replace(call, name=word.word, arguments=arguments)

    def _argument(
        self, argument: syntax.Argument, word: type[Word], written: str, place: _Place
    ) -> syntax.Argument:
        name = word.argument_aliases.get(written, written)
        field = word.model_fields.get(name)
        wanted = word_type(field.annotation) if field else None
        inner = _Place(place.stages, (wanted.kind,) if wanted else (), bare=wanted is not None)
        value = self.part(argument.value, inner)
        return replace(argument, name=name if argument.name else None, value=value)

    def _word(self, name: str, kinds: Kinds) -> type[Word] | None:
        """The word that a name means among these kinds."""
        if name in self._own:
            return None
        return next((found for kind in kinds if (found := base.find(kind, name))), None)


def _placed(
    arguments: tuple[syntax.Argument, ...], word: type[Word]
) -> Iterator[tuple[syntax.Argument, str]]:
    """Arguments with the names that those without one have by their place."""
    names = iter(word.positional)
    for argument in arguments:
        yield argument, "" if argument.name else next(names, "")


def _own_names(part: Any) -> Iterator[str]:
    """Every name that a tree gives to something."""
    if isinstance(part, tuple):
        for item in part:
            yield from _own_names(item)
    elif isinstance(part, syntax.Name):
        yield part.text
    elif is_dataclass(part):
        for field in fields(part):
            if field.name != "source":
                yield from _own_names(getattr(part, field.name))
