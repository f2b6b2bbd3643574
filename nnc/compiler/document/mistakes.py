"""What is wrong with text that isn't JSON, and the cure: people write it by hand, from habit."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from nnc.compiler.diagnostics import Report
from nnc.compiler.source import Source, Span


class Mistake(NamedTuple):
    """What the parser can't read on from. `second` are other places and what is said there."""

    code: str
    message: str
    place: tuple[int, int]
    label: str = ""
    help: str | None = None
    second: tuple[tuple[int, str], ...] = ()


_COMMENT: Final = re.compile(r"#[^\r\n]*|//[^\r\n]*|/\*(?:[^*]++|\*(?!/))*+(?:\*/)?")
_WORD: Final = re.compile(r"[^\W\d][\w.\-]*")
_SINGLE: Final = re.compile(r"'([^'\r\n]*)'")
_NOT_A_NUMBER: Final = re.compile(r"[+-]?(?:nan|infinity|inf)(?!\w)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"[+-]?\.?[0-9](?:[eE][+-]|[\w.])*")
_DECIMAL: Final = re.compile(r"([+-]?)0*([0-9_]*)(\.?)([0-9_]*)((?:[eE][+-]?[0-9]+)?)")
_VALID: Final = re.compile(
    r"(?:true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)(?![\w.])"
)
_LINE: Final = re.compile(r"[^\r\n]*")
BODY: Final = r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+'
"""A text up to its end, or to what can't stand in it. Possessive: nothing is tried twice."""
_BAD_ESCAPE: Final = re.compile(rf"{BODY}(\\u?[^\r\n]?)")
_CONTROL: Final = re.compile(rf"{BODY}([\x00-\x09\x0b\x0c\x0e-\x1f])")
_NATIVE: Final = {
    "True": "true",
    "False": "false",
    "None": "null",
    "undefined": "null",
    "nil": "null",
}
_CURLY: Final = "\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb"


def value(text: str, place: int, around: int | None) -> Mistake:
    """Something else stands where a value must. `around` is the bracket that is open, if any."""
    if place >= len(text):
        return _ended(text, place, around)
    if text[place] in "]}":
        return _trailing(text, place, around)
    if match := _NOT_A_NUMBER.match(text, place):
        return Mistake(
            "E022", f"JSON has no number `{match[0]}`", match.span(), "not a number of JSON",
            "write a number, or `null` where there is no value",
        )  # fmt: skip
    if match := _VALID.match(text, place):
        return between(text, match.end(), around)
    if match := _NUMBER.match(text, place):
        return _odd_number(match)
    if match := _WORD.match(text, place):
        native = _NATIVE.get(match[0])
        return _syntax(
            f"`{match[0]}` is not a value of JSON",
            match.span(),
            "" if native else "text needs quotes",
            f"write `{native}`" if native else f'write `"{match[0]}"`',
        )
    return _anywhere(text, place, "a value is missing here")


def key(text: str, place: int, around: int) -> Mistake:
    """Something else stands where a key must."""
    if place >= len(text):
        return _ended(text, place, around)
    if text[place] == "}":
        return _trailing(text, place, around)
    if match := _WORD.match(text, place):
        return _syntax(
            f"the key `{match[0]}` has no quotes",
            match.span(),
            "a key is text",
            f'write `"{match[0]}"`',
        )
    if match := _NUMBER.match(text, place):
        cure = f'write `"{match[0]}"`'
        return _syntax(f"the key `{match[0]}` has no quotes", match.span(), "a key is text", cure)
    return _anywhere(text, place, "a key in quotes is missing here")


def colon(text: str, place: int, key_span: tuple[int, int]) -> Mistake:
    """No colon follows a key."""
    written = text[slice(*key_span)]
    if place < len(text) and text[place] == "=":
        return _syntax(
            "a colon follows a key, not `=`", (place, place + 1), "", f"write `{written}: …`"
        )
    return _syntax(
        f"no value follows the key `{written.strip(chr(34))}`", key_span, "a colon is missing",
        f"write `{written}: …`",
    )  # fmt: skip


def between(text: str, place: int, around: int | None) -> Mistake:
    """Neither a comma nor the end follows a value."""
    if place >= len(text):
        return _ended(text, place, around)
    if found := _comment(text, place):
        return found
    if text[place] == ";":
        return _syntax("values are separated by commas", (place, place + 1), "", "write `,`")
    if text[place] == ":":
        return _syntax(
            "a colon stands between a key and a value only", (place, place + 1), "",
            "pairs of keys and values belong in `{ }`",
        )  # fmt: skip
    end = len(text[:place].rstrip(" \t\r\n"))
    return _syntax(
        "a comma is missing between two values", (place, _token_end(text, place)),
        "the next value begins here", "write `,` after the value before",
        ((end - 1, "this value ends here"),),
    )  # fmt: skip


def after_the_end(text: str, place: int) -> Mistake:
    if found := _comment(text, place):
        return found
    return _syntax(
        "the document has ended, but something follows it",
        (place, _token_end(text, place)),
        "nothing may follow",
        "a document is one object: remove the rest, or a bracket too many before it",
    )


def stray_comma(place: int) -> Mistake:
    return _syntax("a comma without a value before it", (place, place + 1), "", "remove the comma")


def wrong_bracket(text: str, place: int, opened: int) -> Mistake:
    right = "}" if text[opened] == "{" else "]"
    return _syntax(
        f"`{text[opened]}` is closed by `{text[place]}`",
        (place, place + 1),
        f"`{right}` was expected",
        f"write `{right}`, or close what was opened after it",
        ((opened, "opened here"),),
    )


def too_deep(place: int, limit: int) -> Mistake:
    return Mistake(
        "E023", f"lists and objects lie more than {limit} deep in one another", (place, place + 1),
        "too deep", "a spec is a flat list of nodes: see `nnc schema`",
    )  # fmt: skip


def too_many(place: int, limit: int) -> Mistake:
    return Mistake(
        "E023", f"the document holds more than {limit:,} values", (place, place + 1),
        "the limit is reached here", _STORE,
    )  # fmt: skip


_STORE: Final = "large weights belong in a file of weights, not in the spec"


def too_long(report: Report, source: Source, limit: int) -> None:
    report.error(
        "E023", f"the document has {len(source.text):,} characters", Span(source, 0, 1),
        f"at most {limit:,} are read", help=_STORE,
    )  # fmt: skip


def long_number(report: Report, span: Span, limit: int) -> None:
    report.error(
        "E022", f"this number has {span.end - span.start:,} characters", span,
        f"at most {limit} are read", help="write a large number with an exponent: `1e12`",
    )  # fmt: skip


def overflow(report: Report, span: Span) -> None:
    report.error("E022", f"`{span.text}` is too large", span, "the largest number is about 1.8e308")


def half_character(report: Report, span: Span) -> None:
    report.error(
        "E024", "half of a character in a text", span, "`\\ud800` to `\\udfff` come in pairs",
        help="write the character itself, or both halves of its pair",
    )  # fmt: skip


# ---- what several places share ------------------------------------------------------------


def _syntax(
    message: str,
    place: tuple[int, int],
    label: str,
    cure: str | None,
    second: tuple[tuple[int, str], ...] = (),
) -> Mistake:
    return Mistake("E020", message, place, label, cure, second)


def _ended(text: str, place: int, around: int | None) -> Mistake:
    if around is None:
        return _syntax(
            "the document is empty", (place, place), "a spec is an object", 'write `{"nnc": 1, …}`'
        )
    right = "}" if text[around] == "{" else "]"
    return _syntax(
        f"the document ends before a `{text[around]}` is closed",
        (around, around + 1),
        "opened here, and never closed",
        f"write `{right}` where it should end",
    )


def _trailing(text: str, place: int, around: int | None) -> Mistake:
    before = len(text[:place].rstrip(" \t\r\n")) - 1
    if around is not None and before >= 0 and text[before] == ",":
        return _syntax(
            "a comma before the closing bracket", (before, before + 1), "nothing follows it",
            "remove the comma",
        )  # fmt: skip
    return _syntax("a value is missing here", (place, place + 1), "", "write the value")


def _comment(text: str, place: int) -> Mistake | None:
    match = _COMMENT.match(text, place)
    if match is None:
        return None
    cure = "remove it; a spec written as `.nn` has comments"
    return _syntax("JSON has no comments", match.span(), "", cure)


def _anywhere(text: str, place: int, otherwise: str) -> Mistake:
    """What may stand wrongly in any place: comments, other quotes, strings that are broken."""
    if found := _comment(text, place):
        return found
    if match := _SINGLE.match(text, place):
        inner = match[1].replace('"', '\\"')
        return _syntax(
            "text stands in double quotes", match.span(), "single quotes", f'write `"{inner}"`'
        )
    if text[place] == '"':
        return _broken_string(text, place)
    if text[place] in _CURLY:
        quotes = (place, place + 1)
        return _syntax("text stands in straight double quotes", quotes, "", 'write `"`')
    if text[place] == ",":
        return stray_comma(place)
    return _syntax(otherwise, (place, place + 1), f"found `{text[place]}`", None)


def _broken_string(text: str, place: int) -> Mistake:
    if match := _BAD_ESCAPE.match(text, place):
        start, end = match.span(1)
        return _syntax(
            f"unknown escape `{match[1]}`", (start, end), "not an escape of JSON",
            "for a backslash write `\\\\`; `\\u` needs four hexadecimal digits",
        )  # fmt: skip
    if match := _CONTROL.match(text, place):
        code = ord(match[1])
        return _syntax(
            f"the text holds the control character U+{code:04X}",
            match.span(1),
            "",
            f"write it as `\\u{code:04x}`",
        )
    match = _LINE.match(text, place)
    end = match.end() if match else len(text)
    return _syntax(
        "a text is not closed on its line", (place, end), "begins here", 'write `"` at its end'
    )


def _odd_number(match: re.Match[str]) -> Mistake:
    cure = None
    if decimal := _DECIMAL.fullmatch(match[0]):
        sign, whole, dot, rest, exponent = decimal.groups()
        fraction = f".{rest or 0}" if dot else ""
        clean = f"{'-' if sign == '-' else ''}{whole or 0}{fraction}{exponent}".replace("_", "")
        cure = f"write `{clean}`"
    return _syntax(
        f"`{match[0]}` is not a number of JSON", match.span(), "written in another way", cure
    )


def _token_end(text: str, place: int) -> int:
    """The end of the word, number or text that begins at a place, for a label of its size."""
    match = re.compile(r'"[^"\r\n]*"?|[\w.+\-]+').match(text, place)
    return match.end() if match else place + 1
