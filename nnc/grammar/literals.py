"""The values of numbers and strings, and what is wrong with words that the grammar lets through."""

from __future__ import annotations

import math
import re
from typing import Final

from nnc.compiler.diagnostics import Report
from nnc.compiler.source import Span

LONGEST_NUMBER: Final = 310
"""Characters of a number: as many as the largest float written out needs."""

FOREIGN: Final = {"True": "true", "False": "false", "None": None, "null": None}
"""Values as other languages write them, and how they are written here."""

_ESCAPES: Final = {'"': '"', "\\": "\\", "n": "\n", "t": "\t", "r": "\r"}
_ESCAPE: Final = re.compile(
    r"\\(u[0-9a-fA-F]{4}|.)|[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", re.DOTALL
)
_NUMBER: Final = re.compile(r"[0-9]+(?:_[0-9]+)*(\.[0-9]+(?:_[0-9]+)*)?([eE][+-]?[0-9]+)?")


def number(text: str, span: Span, report: Report) -> int | float:
    """The value of a number; a whole number stays an int."""
    if len(text) > LONGEST_NUMBER:
        report.error(
            "E018",
            f"this number has {len(text):,} characters",
            span,
            f"at most {LONGEST_NUMBER} are read",
            help="write a large number with an exponent: `1e12`",
        )
        return 0
    matched = _NUMBER.fullmatch(text)
    if not matched:
        cure = re.sub(r"_+", "_", text).replace("_.", ".").replace("._", ".").rstrip("_")
        where = "`_` stands between two digits"
        report.error("E018", f"`{text}` is not a number", span, where, help=f"write `{cure}`")
        return 0
    if matched[1] is None and matched[2] is None:
        return int(text)
    value = float(text)
    if math.isinf(value):
        report.error("E018", f"`{text}` is too large", span, "the largest number is about 1.8e308")
    return value


def string(quoted: str, span: Span, report: Report) -> str:
    """The value of a quoted string. Nothing is evaluated: six escapes are replaced."""
    body = quoted[1:-1]
    if not _ESCAPE.search(body):
        return body

    def replace(match: re.Match[str]) -> str:
        escape = match[1]
        start = span.start + 1 + match.start()
        place = Span(span.source, start, start + len(match[0]))
        if escape is None:
            _report_control(match[0], place, report)
        elif escape in _ESCAPES:
            return _ESCAPES[escape]
        elif len(escape) == 5:
            return chr(int(escape[1:], 16))
        else:
            _report_escape(escape, place, report)
        return ""

    return _joined(_ESCAPE.sub(replace, body), span, report)


def _joined(text: str, span: Span, report: Report) -> str:
    """The text with pairs of surrogates (`\\ud83d\\ude00`) joined to one character."""
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if "\ufffd" in joined and "\ufffd" not in text:
        report.error(
            "E014",
            "half of a character in a string",
            span,
            "`\\ud800` to `\\udfff` come in pairs",
            help="write the character itself, or both halves of its pair",
        )
    return joined


def _report_escape(escape: str, place: Span, report: Report) -> None:
    if escape == "u":
        label, cure = "`\\u` needs four hexadecimal digits", "as in `\\u00e9` for é"
    else:
        label = "not an escape"
        cure = f'for a backslash write `\\\\{escape}`; the escapes are \\" \\\\ \\n \\t \\r \\uXXXX'
    report.error("E014", f"unknown escape `\\{escape}` in a string", place, label, help=cure)


def _report_control(character: str, place: Span, report: Report) -> None:
    code = f"U+{ord(character):04X}"
    if "\ud800" <= character <= "\udfff":
        report.error("E015", f"the string holds {code}, which is half of a character", place)
        return
    report.error(
        "E015",
        f"the string holds the control character {code}",
        place,
        help=f"write it as `\\u{ord(character):04x}`",
    )


_NOTHING: Final = "leave the argument out where it has no value; the batch is not written"


def report_foreign(word: str, span: Span, report: Report) -> None:
    """`True` and its like, where an expression stands."""
    native = FOREIGN[word]
    cure = f"write `{native}`" if native else _NOTHING
    report.error("E032", f"`{word}` is not a word of the language", span, help=cure)


def report_dotted(text: str, span: Span, report: Report) -> None:
    report.error(
        "E038",
        f"`{text}` can't be a new name: it has a dot",
        span,
        "a dot reaches into a named layer",
        help=f"write `{text.replace('.', '_')}`",
    )


def report_label(text: str, span: Span, report: Report) -> None:
    report.error(
        "E038",
        f"`{text}` can't be the name of a layer",
        span,
        "a whole number or a word",
        help="write `as 0` or `as first`",
    )


def continues_line(span: Span) -> bool:
    """Whether a value stands before a span on its line."""
    text = span.source.text
    line = text[max(text.rfind("\n", 0, span.start) + 1, span.start - 200) : span.start].rstrip()
    return bool(line) and (line[-1].isalnum() or line[-1] in '_)]"')
