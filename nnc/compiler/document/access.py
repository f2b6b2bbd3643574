"""Checked access to a document: kinds of values, missing and unknown keys, names and types."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from nnc.compiler import syntax
from nnc.compiler.diagnostics import Report, did_you_mean, nearest
from nnc.compiler.document.positions import Value
from nnc.compiler.source import Source, Span

RESERVED: Final = frozenset(
    {"and", "as", "else", "false", "for", "if", "in", "not", "or", "true"}
    | {"True", "False", "None", "null"}
)
"""Words that are no names, in either form of a spec."""

_NAME: Final = re.compile(r"[^\W\d]\w*")
_WHOLE: Final = r"[0-9]+(?:[eE][0-9]+)?"
_PATH: Final = re.compile(rf"(?:{_WHOLE}\.)*(?:{_WHOLE}|[^\W\d]\w*(?:\.\w+)*)")
_TYPE: Final = re.compile(r"\s*(\w+)\s*(?:\[([^\[\]]*)\]\s*)?")
_SIZE: Final = re.compile(r"\s*(-?[0-9]{1,30}|[^\W\d]\w*)\s*")
_SHORT: Final = 20
"""Characters of a text that is shown as it stands."""
_KINDS: Final = {
    str: "text",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


class Access:
    """Reads the parts of a document; what does not fit is reported, and None comes back."""

    def __init__(self, source: Source, report: Report) -> None:
        self.source = source
        self.report = report

    # ---- places ---------------------------------------------------------------------------

    def span(self, value: Value) -> Span:
        return Span(self.source, value.start, value.end)

    def place(self, value: Value) -> Span:
        """The value, or for a list or an object its opening bracket."""
        large = isinstance(value.content, list | dict)
        return Span(self.source, value.start, value.start + 1 if large else value.end)

    def inside(self, value: Value) -> Span:
        """The characters between the quotes of a text; of anything else, all of it."""
        quoted = isinstance(value.content, str) and value.end - value.start > 2
        return Span(self.source, value.start + quoted, value.end - quoted)

    def key(self, value: Value) -> Span:
        """The key of a value in an object, without its quotes; of another value its place."""
        if value.key is None:
            return self.place(value)
        start, end = value.key
        quotes = int(end - start > 2)
        return Span(self.source, start + quotes, end - quotes)

    def whole(self, value: Value) -> Span:
        """From the key, without its opening quote, to the end of the value."""
        return Span(self.source, self.key(value).start, value.end)

    # ---- kinds of values ------------------------------------------------------------------

    def wrong(self, value: Value, what: str, expected: str, cure: str | None = None) -> None:
        found = shown(value)
        self.report.error(
            "E025",
            f"{what} must be {expected}, found {found}",
            self.place(value),
            f"this is {found}",
            help=cure,
        )

    def items(self, value: Value | None, what: str) -> list[Value]:
        """The values of a list."""
        if value is None:
            return []
        if isinstance(value.content, list):
            return value.content
        cure = f'write `["{value.content}"]`' if isinstance(value.content, str) else None
        self.wrong(value, what, "a list", cure)
        return []

    def text(self, value: Value | None, what: str) -> str | None:
        if value is None or isinstance(value.content, str):
            return None if value is None else str(value.content)
        cure = f'write `"{value.content}"`' if isinstance(value.content, int | float) else None
        self.wrong(value, what, "text", cure)
        return None

    def object(
        self,
        value: Value | None,
        what: str,
        required: tuple[str, ...],
        optional: tuple[str, ...] = (),
    ) -> Mapping[str, Value]:
        """The members of an object; keys that are missing or unknown are reported."""
        if value is None:
            return {}
        if not isinstance(value.content, dict):
            self.wrong(value, what, "an object", f"write `{{{_pairs(required)}}}`")
            return {}
        known = (*required, *optional)
        missing = [key for key in required if key not in value.content]
        for key in [key for key in value.content if key not in known]:
            meant = nearest(key, missing)
            # A misspelt key is reported once: the one that was meant is not missing as well.
            missing = [other for other in missing if other != meant]
            self._unknown(value.content[key], key, what, known, meant)
        if missing:
            self.missing(value, what, *missing)
        return value.content

    def _unknown(
        self, value: Value, key: str, what: str, known: tuple[str, ...], meant: str | None
    ) -> None:
        self.report.error(
            "E027",
            f"{what} has no key `{key}`",
            self.key(value),
            "unknown key",
            help=f"did you mean `{meant}`?" if meant else did_you_mean(key, known),
            notes=[f"keys are {', '.join(f'`{k}`' for k in known)}"],
        )

    def missing(self, value: Value, what: str, *keys: str) -> None:
        quoted = [f"`{key}`" for key in keys]
        listed = " and ".join(filter(None, [", ".join(quoted[:-1]), quoted[-1]]))
        self.report.error(
            "E026",
            f"{what} has no {listed}",
            self.place(value),
            f"{listed} {'is' if len(keys) == 1 else 'are'} missing in this object",
            help=f"write `{_pairs(keys)}`",
        )

    # ---- names and types ------------------------------------------------------------------

    def name(self, value: Value | None, what: str) -> syntax.Name | None:
        """A new name without dots."""
        return self._named(value, what, _NAME, "letters, digits and `_`, a letter first")

    def path(self, value: Value | None, what: str) -> syntax.Name | None:
        """A name with or without dots, `layer1.0.conv1`."""
        return self._named(value, what, _PATH, "letters, digits and `_`, parts joined by dots")

    def key_name(self, value: Value, key: str, what: str) -> syntax.Name | None:
        """The key of a value as a name without dots."""
        span = self.key(value)
        stand_in = Value(key, span.start - 1, span.end + 1)
        return self.name(stand_in, what)

    def _named(
        self, value: Value | None, what: str, form: re.Pattern[str], rule: str
    ) -> syntax.Name | None:
        text = self.text(value, what)
        if value is None or text is None:
            return None
        span = self.inside(value)
        if text in RESERVED:
            cure = f"choose another name, such as `{text}_`"
            self.report.error(
                "E029", f"`{text}` is a word of the language", span, "not a name", help=cure
            )
            return None
        if not form.fullmatch(text):
            cure = re.sub(r"\W+", "_", text).strip("_")
            self.report.error(
                "E029", f"`{text}` can't be {what}", span, f"a name has {rule}",
                help=f"write `{cure}`" if form.fullmatch(cure) else None,
            )  # fmt: skip
            return None
        return syntax.Name(text, span)

    def type(self, value: Value | None, what: str) -> syntax.Type | None:
        """A type from its text, `f32[3, T]`, with places inside the text."""
        text = self.text(value, what)
        if value is None or text is None:
            return None
        span = self.inside(value)
        exact = span.text == text
        found = _TYPE.fullmatch(text)
        if found is None:
            self._not_a_type(text, span)
            return None
        place = span.start if exact else None
        dtype = syntax.Name(found[1], self._part(span, place, *found.span(1)))
        shape: list[syntax.Expression] = []
        start = found.start(2)
        for part in found[2].split(",") if found[2] and found[2].strip() else ():
            size = _SIZE.fullmatch(part)
            if size is None:
                self._not_a_type(text, self._part(span, place, start, start + len(part)))
                return None
            here = self._part(span, place, start + size.start(1), start + size.end(1))
            shape.append(_size(size[1], here))
            start += len(part) + 1
        return syntax.Type(dtype, tuple(shape), span)

    def _part(self, span: Span, place: int | None, start: int, end: int) -> Span:
        """A part of a text; all of it when escapes stand in the way."""
        return (
            span if place is None else Span(self.source, place + start, place + max(end, start + 1))
        )

    def _not_a_type(self, text: str, span: Span) -> None:
        self.report.error(
            "E029", f"`{text}` is not a type", span, "can't be read",
            help="write the element type and the sizes of one example: `f32[3, 224, T]`, or `i64`",
        )  # fmt: skip


def shown(value: Value) -> str:
    """What a value is, in words."""
    content = value.content
    if isinstance(content, bool):
        return f"`{str(content).lower()}`"
    if isinstance(content, int | float):
        return f"`{content}`"
    if isinstance(content, str) and len(content) <= _SHORT:
        return f'`"{content}"`'
    kind = _KINDS[type(content)]
    return kind if content or content is None else f"an empty {kind.split()[-1]}"


def _size(text: str, span: Span) -> syntax.Expression:
    if text.lstrip("-").isdecimal():
        return syntax.Number(int(text), span)
    return syntax.Reference(text, span)


def _pairs(keys: Iterable[str]) -> str:
    return ", ".join(f'"{key}": …' for key in keys)
