"""Diagnostics as people and programs read them: text, JSON, SARIF and GitHub's annotations."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from nnc.compiler.diagnostics import Diagnostic, Label
from nnc.compiler.explain import explanation, title
from nnc.compiler.snippet import Painter, Snippet, Style, visible
from nnc.compiler.source import NOWHERE, Source, Span

SHOWN: Final = 50
"""So many diagnostics are written as text, errors before warnings; the rest is counted."""
_LONGEST = 2000
"""So many characters of a message are shown: it may quote what the user wrote."""
_ANSI: Final = {
    "error": "1;31",
    "warning": "1;33",
    "headline": "1",
    "gutter": "1;34",
    "secondary": "1;34",
    "note": "1",
    "help": "1;36",
}

# ---- text ------------------------------------------------------------------------------------


def render_text(report: Iterable[Diagnostic], *, color: bool, width: int) -> str:
    """Every diagnostic with its piece of source, and a last line that counts them.

    Lines of the source are cut at `width` columns; messages are not. Nothing found gives "".
    """
    diagnostics = list(report)
    if not diagnostics:
        return ""
    shown = _most_important(diagnostics)
    parts = ["\n".join(_text(diagnostic, color, width)) for diagnostic in shown]
    total = counts(diagnostics)
    hidden = len(diagnostics) - len(shown)
    parts.append(f"{total} ({hidden} not shown)" if hidden else total)
    return "\n\n".join(parts) + "\n"


def counts(report: Iterable[Diagnostic]) -> str:
    """How many were found, in words: `2 errors, 1 warning`."""
    found = Counter(diagnostic.severity for diagnostic in report)
    words = [f"{n} {what}{'s' * (n != 1)}" for what in ("error", "warning") if (n := found[what])]
    return ", ".join(words)


def _most_important(diagnostics: Sequence[Diagnostic]) -> list[Diagnostic]:
    order = range(len(diagnostics))
    errors_first = sorted(order, key=lambda i: diagnostics[i].severity)
    return [diagnostics[i] for i in sorted(errors_first[:SHOWN])]


def _text(diagnostic: Diagnostic, color: bool, width: int) -> Iterator[str]:
    head = _paint(f"{diagnostic.severity}[{diagnostic.code}]", diagnostic.severity, color)
    message = _short(diagnostic.message).replace("\n", "\\n")
    yield head + _paint(f": {visible(message)}", "headline", color)
    places = _by_source(diagnostic.labels)
    snippets = [
        Snippet(source, labels, primary=number == 0)
        for number, (source, labels) in enumerate(places)
        if source.text
    ]
    digits = len(str(max((snippet.last_line for snippet in snippets), default=0)))
    for arrow, (source, labels) in zip(_arrows(), places, strict=False):
        yield f"{'':{digits}}{_paint(arrow, 'gutter', color)} {_place(labels[0].span)}"
        if source.text:
            empty = _paint(f"{'':{digits}} |", "gutter", color)
            yield empty
            yield from snippets.pop(0).rows(digits, width, _painter(diagnostic, color))
            if snippets or _remarks(diagnostic):
                yield empty
    yield from _remark_lines(diagnostic, digits, color)


def _arrows() -> Iterator[str]:
    yield "-->"
    while True:
        yield ":::"


def _by_source(labels: Sequence[Label]) -> list[tuple[Source, list[Label]]]:
    """The labels of each source, in the order in which the sources are met."""
    sources: dict[Source, list[Label]] = {}
    for label in labels:
        if label.span.source is not NOWHERE.source:
            clean = Label(label.span, _short(label.text))
            sources.setdefault(label.span.source, []).append(clean)
    return list(sources.items())


def _place(span: Span) -> str:
    line, column = span.source.position(span.start)
    pointer = span.source.pointer(span.start)
    at = f" (at {visible(pointer)})" if pointer else ""
    return f"{visible(span.source.name)}:{line}:{column}{at}"


def _remarks(diagnostic: Diagnostic) -> list[tuple[str, str]]:
    """What stands below the source: labels that have no text to point at, notes, the help."""
    unseen = (label.text for label in diagnostic.labels if not label.span.source.text)
    remarks = [("note", text) for text in (*unseen, *diagnostic.notes) if text]
    return [*remarks, ("help", diagnostic.help)] if diagnostic.help else remarks


def _remark_lines(diagnostic: Diagnostic, digits: int, color: bool) -> Iterator[str]:
    for kind, text in _remarks(diagnostic):
        first, *more = _short(text).split("\n")
        sign = _paint(f"{'':{digits}} =", "gutter", color)
        yield f"{sign} {_paint(f'{kind}:', kind, color)} {visible(first)}"
        for line in more:
            yield f"{'':{digits + 3 + len(kind) + 2}}{visible(line)}".rstrip()


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _paint(text: str, style: str, color: bool) -> str:
    return f"\x1b[{_ANSI[style]}m{text}\x1b[0m" if color and style else text


def _painter(diagnostic: Diagnostic, color: bool) -> Painter:
    """What the snippet's styles look like: carets have the colour of the severity."""

    def paint(style: Style, text: str) -> str:
        return _paint(text, diagnostic.severity if style == "primary" else style, color)

    return paint


# ---- JSON ------------------------------------------------------------------------------------


def render_json(report: Iterable[Diagnostic]) -> str:
    """A list with an object for each diagnostic. Fields are added in later versions, none is
    removed or changes its meaning.

    - `code`, `severity` (`error` or `warning`), `message`
    - `labels`: the first is the place of the diagnostic. Each has `file`, `text`, `line`,
      `column`, `end_line`, `end_column` (counted from 1; the end is the first position behind;
      columns are Unicode code points), and `pointer`, the JSON pointer, null in a `.nn` file
    - `help`: the cure, or null; `notes`: a list of texts
    """
    return json.dumps([_json(diagnostic) for diagnostic in report], indent=2) + "\n"


def _json(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "labels": [_json_label(label) for label in _placed(diagnostic)],
        "help": diagnostic.help,
        "notes": list(diagnostic.notes),
    }


def _json_label(label: Label) -> dict[str, Any]:
    source = label.span.source
    line, column, end_line, end_column = _range(label.span)
    return {
        "file": source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "pointer": source.pointer(label.span.start),
        "text": label.text,
    }


def _placed(diagnostic: Diagnostic) -> list[Label]:
    """The labels that point into something somebody wrote."""
    return [label for label in diagnostic.labels if label.span.source is not NOWHERE.source]


def _range(span: Span) -> tuple[int, int, int, int]:
    return *span.source.position(span.start), *span.source.position(span.end)


# ---- SARIF -----------------------------------------------------------------------------------


def render_sarif(report: Iterable[Diagnostic], *, version: str | None = None) -> str:
    """A SARIF 2.1.0 log (OASIS, 2020) of one run; the rules are the explanations of the codes."""
    diagnostics = list(report)
    codes = sorted({diagnostic.code for diagnostic in diagnostics})
    driver: dict[str, Any] = {"name": "nnc", "rules": [_sarif_rule(code) for code in codes]}
    if version:
        driver["version"] = version
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_sarif_result(d, codes.index(d.code)) for d in diagnostics],
    }
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _sarif_rule(code: str) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": code,
        "defaultConfiguration": {"level": "warning" if code.startswith("W") else "error"},
    }
    page = explanation(code)
    if page:
        rule["shortDescription"] = {"text": title(code)}
        rule["help"] = {"text": page, "markdown": page}
    return rule


def _sarif_result(diagnostic: Diagnostic, rule: int) -> dict[str, Any]:
    labels = _placed(diagnostic)
    result: dict[str, Any] = {
        "ruleId": diagnostic.code,
        "ruleIndex": rule,
        "level": diagnostic.severity,
        "message": {"text": "\n".join(_sentences(diagnostic))},
        "locations": [_sarif_location(label.span) for label in labels[:1]],
    }
    if labels[1:]:
        result["relatedLocations"] = [
            {"id": number, **_sarif_location(label.span), "message": {"text": label.text}}
            for number, label in enumerate(labels[1:], 1)
        ]
    return result


def _sarif_location(span: Span) -> dict[str, Any]:
    line, column, end_line, end_column = _range(span)
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(span.source.name)},
            "region": {
                "startLine": line,
                "startColumn": column,
                "endLine": end_line,
                "endColumn": end_column,
            },
        }
    }
    pointer = span.source.pointer(span.start)
    if pointer:
        location["logicalLocations"] = [{"fullyQualifiedName": pointer, "kind": "value"}]
    return location


def _uri(name: str) -> str:
    from urllib.parse import quote

    path = quote(name.encode("utf-8", "surrogateescape"))
    return f"file://{path}" if path.startswith("/") else path


def _sentences(diagnostic: Diagnostic) -> list[str]:
    """What is said about a diagnostic where no source is shown."""
    first = diagnostic.labels[0].text if diagnostic.labels else ""
    cure = f"help: {diagnostic.help}" if diagnostic.help else ""
    return [text for text in (diagnostic.message, first, *diagnostic.notes, cure) if text]


# ---- GitHub ----------------------------------------------------------------------------------


def render_github(report: Iterable[Diagnostic]) -> str:
    """Workflow commands that GitHub Actions shows as annotations, one line a diagnostic."""
    return "".join(f"{_github(diagnostic)}\n" for diagnostic in report)


def _github(diagnostic: Diagnostic) -> str:
    properties: dict[str, object] = {}
    labels = _placed(diagnostic)
    if labels:
        line, column, end_line, end_column = _range(labels[0].span)
        properties = {"file": labels[0].span.source.name, "line": line, "endLine": end_line}
        if line == end_line:  # GitHub refuses columns of a range over several lines
            properties |= {"col": column, "endColumn": max(end_column - 1, column)}
    properties["title"] = f"nnc {diagnostic.code}"
    written = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    text = "%0A".join(
        _data(line) for part in _sentences(diagnostic) for line in _short(part).split("\n")
    )
    return f"::{diagnostic.severity} {written}::{text}"


def _data(text: str) -> str:
    return visible(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
