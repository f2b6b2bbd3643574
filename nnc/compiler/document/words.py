"""Words in a document, `"relu"` or `{"word": "normal", "std": 0.02}`, and attributes, as calls."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple, cast

from nnc.compiler import syntax
from nnc.compiler.document.access import Access
from nnc.compiler.document.positions import Value
from nnc.compiler.source import Span
from nnc.compiler.vocabulary import base
from nnc.compiler.vocabulary.base import Kind, Word
from nnc.compiler.vocabulary.fields import FieldInfo
from nnc.compiler.vocabulary.phrases import expected, word_type


class Words:
    """Makes calls of words. What they mean, and whether it fits, is left to the passes."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def call(self, name: Value, kind: Kind, members: Iterable[tuple[str, Value]]) -> syntax.Call:
        """The call of the word that `name` holds, with arguments by name."""
        word = str(name.content)
        span = self._access.inside(name)
        return syntax.Call(word, self._arguments(base.find(kind, word), members), span, span)

    def word(self, value: Value, kind: Kind, what: str) -> syntax.Call | None:
        """A word given as its name, or as an object with its arguments."""
        if isinstance(value.content, str):
            return self.call(value, kind, ())
        if not isinstance(value.content, dict):
            self._access.wrong(value, what, f"the name of a word, or {_OBJECT}")
            return None
        name = value.content.get("word")
        if name is None:
            self._access.missing(value, what, "word")
            return None
        if self._access.text(name, "`word`") is None:
            return None
        rest = ((key, member) for key, member in value.content.items() if key != "word")
        return self.call(name, kind, rest)

    def value(self, value: Value, wanted: type[Word] | None, what: str) -> syntax.Expression | None:
        """A value of an argument that may be a word `wanted`. None when it was reported."""
        content = value.content
        kind = type(content)
        # Called for every argument of every node, numbers and options first.
        if kind is int or kind is float:
            return syntax.Number(cast(float, content), self._access.span(value))
        if kind is bool:
            return syntax.Boolean(cast(bool, content), self._access.span(value))
        if isinstance(content, str):
            if wanted is None:
                return syntax.String(content, self._access.span(value))
            return syntax.Reference(content, self._access.inside(value))
        if isinstance(content, list):
            items = [self.value(item, wanted, what) for item in content]
            known = tuple(item for item in items if item is not None)
            return (
                syntax.List(known, self._access.span(value)) if len(known) == len(items) else None
            )
        if kind is dict and wanted is not None:
            return self.word(value, wanted.kind, what)
        self._access.wrong(value, what, "a number, text, a list, `true` or `false`")
        return None

    def _arguments(
        self, cls: type[Word] | None, members: Iterable[tuple[str, Value]]
    ) -> tuple[syntax.Argument, ...]:
        made = []
        for key, value in members:
            expression = self._expression(cls, key, value)
            if expression is not None:
                place = self._access.key(value)
                whole = Span(place.source, place.start, value.end)
                made.append(syntax.Argument(key, expression, whole, place))
        return tuple(made)

    def _expression(
        self, cls: type[Word] | None, key: str, value: Value
    ) -> syntax.Expression | None:
        """The value of an argument; None for null where that is the default, or when reported."""
        if cls is None:
            return self._any(value)
        taken = _taken(cls, key)
        if taken.field is None:
            return self._any(value)
        if value.content is not None:
            return self.value(value, taken.words, taken.what)
        if not taken.optional:
            self._access.wrong(value, taken.what, expected(taken.field))
        return None

    def _any(self, value: Value) -> syntax.Expression:
        """The passes say that the word or the argument is unknown: its value doesn't matter."""
        return syntax.Boolean(False, self._access.place(value))


class _Taken(NamedTuple):
    """What an argument takes: its field, the words, whether null is its default; and its name."""

    field: FieldInfo | None
    words: type[Word] | None
    optional: bool
    what: str


@lru_cache(maxsize=4096)
def _taken(cls: type[Word], key: str) -> _Taken:
    """What the argument of a name, or of another name for it, takes."""
    field = cls.model_fields.get(cls.argument_aliases.get(key, key))
    what = f"`{key}` of `{cls.word}`"
    if field is None:
        return _Taken(None, None, False, what)
    optional = not field.is_required() and field.default is None
    return _Taken(field, word_type(field.annotation), optional, what)


_OBJECT: Final = 'an object such as `{"word": …}`'
