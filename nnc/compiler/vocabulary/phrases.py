"""What an argument takes, in words: derived from its annotation, for messages and for the
catalogue."""

from __future__ import annotations

import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from nnc.compiler.vocabulary.base import Phrase, Word
from nnc.compiler.vocabulary.fields import FieldInfo

_PLAIN = {
    bool: "`true` or `false`",
    int: "a whole number",
    float: "a number",
    str: "text in quotes",
    Any: "a value",
}
_KINDS = {
    "initializer": "an initialiser such as `he_normal`",
    "penalty": "a penalty such as `l2(1e-4)`",
    "constraint": "a constraint such as `max_norm(2.0)`",
    "op": "an activation such as `relu`",
}


def expected(field: FieldInfo) -> str:
    """What the argument takes, "a whole number above 0"."""
    for item in field.metadata:
        if isinstance(item, Phrase):
            return str(item)
    return describe(field.annotation)


def describe(annotation: Any) -> str:
    """The values of an annotation in words."""
    parts = list(dict.fromkeys(_parts(annotation)))
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} or {parts[-1]}"


def _parts(annotation: Any) -> Iterator[str]:
    origin = get_origin(annotation)
    if origin is Annotated:
        phrase = next((m for m in annotation.__metadata__ if isinstance(m, Phrase)), None)
        if phrase is None:
            yield from _parts(get_args(annotation)[0])
        else:
            yield str(phrase)
    elif origin in (Union, types.UnionType):
        for part in get_args(annotation):
            if part is not type(None):
                yield from _parts(part)
    elif origin is Literal:
        yield from (f"`{option}`" for option in get_args(annotation))
    elif origin is tuple:
        yield f"a list ({describe(get_args(annotation)[0])} each)"
    elif isinstance(annotation, type) and issubclass(annotation, Word):
        yield _KINDS[annotation.kind]
    else:
        yield _PLAIN[annotation]


def word_type(annotation: Any) -> type[Word] | None:
    """The class of words that an annotation admits, such as Initializer; None when it admits
    none."""
    if isinstance(annotation, type) and issubclass(annotation, Word):
        return annotation
    return next(filter(None, map(word_type, get_args(annotation))), None)


def admits(annotation: Any, kind: type) -> bool:
    """Whether values of a plain Python type, or options (`str`), may be given."""
    if annotation is kind:
        return True
    if get_origin(annotation) is Literal:
        return kind is str
    return any(admits(part, kind) for part in get_args(annotation))


def signature(cls: type[Word]) -> str:
    """The call as the catalogue shows it: `Dense(units, bias=true, …)` with the required arguments
    first."""
    fields = cls.model_fields
    required = [name for name in fields if fields[name].is_required()]
    shown = required + (["…"] if len(required) < len(fields) else [])
    return f"{cls.word}({', '.join(shown)})" if shown else cls.word
