"""Words in a document, `"relu"` or `{"word": "normal", "std": 0.02}`, and attributes, as calls."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from pydantic.fields import FieldInfo

from nnc.compiler import syntax
from nnc.compiler.document.access import Access
from nnc.compiler.document.positions import Value
from nnc.compiler.vocabulary import base
from nnc.compiler.vocabulary.base import Kind, Word
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
        content, access = value.content, self._access
        if isinstance(content, bool):
            return syntax.Boolean(content, access.span(value))
        if isinstance(content, int | float):
            return syntax.Number(content, access.span(value))
        if isinstance(content, str):
            if wanted is None:
                return syntax.String(content, access.span(value))
            return syntax.Reference(content, access.inside(value))
        if isinstance(content, list):
            items = [self.value(item, wanted, what) for item in content]
            known = tuple(item for item in items if item is not None)
            return syntax.List(known, access.span(value)) if len(known) == len(items) else None
        if isinstance(content, dict) and wanted is not None:
            return self.word(value, wanted.kind, what)
        access.wrong(value, what, "a number, text, a list, `true` or `false`")
        return None

    def _arguments(
        self, cls: type[Word] | None, members: Iterable[tuple[str, Value]]
    ) -> tuple[syntax.Argument, ...]:
        made = (self._argument(cls, key, value) for key, value in members)
        return tuple(argument for argument in made if argument is not None)

    def _argument(self, cls: type[Word] | None, key: str, value: Value) -> syntax.Argument | None:
        field, wanted = _taken(cls, key) if cls else (None, None)
        access = self._access
        expression: syntax.Expression | None
        if cls is None or field is None:
            # The passes say that the word or the argument is unknown: its value doesn't matter.
            expression = syntax.Boolean(False, access.place(value))
        elif value.content is None:
            if field.is_required() or field.default is not None:
                access.wrong(value, f"`{key}` of `{cls.word}`", expected(field))
            return None
        else:
            expression = self.value(value, wanted, f"`{key}` of `{cls.word}`")
        if expression is None:
            return None
        return syntax.Argument(key, expression, access.whole(value), access.key(value))


@lru_cache(maxsize=4096)
def _taken(cls: type[Word], key: str) -> tuple[FieldInfo | None, type[Word] | None]:
    """The field of an argument by its name or another, and the words that it takes."""
    field = cls.model_fields.get(cls.argument_aliases.get(key, key))
    return field, word_type(field.annotation) if field else None


_OBJECT: Final = 'an object such as `{"word": …}`'
