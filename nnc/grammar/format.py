"""The one layout of a file: `nnc fmt`, and expressions in messages."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nnc.compiler.source import Span
from nnc.compiler.syntax import (
    Assert,
    Bind,
    Block,
    Comment,
    Declaration,
    Expression,
    File,
    Input,
    Layer,
    Layout,
    Model,
    Output,
    Parameter,
    Run,
    Section,
    Statement,
    Target,
    Use,
)
from nnc.grammar import align, notation
from nnc.grammar.align import Entry
from nnc.grammar.layout import INDENT, Doc, render
from nnc.grammar.phrases import Phrases
from nnc.grammar.remarks import Remarks


def format_file(file: File) -> str:
    """The text of a file: what `parse` reads back as the same tree."""
    return _Formatter(file).text()


def format_expression(expression: Expression) -> str:
    """An expression or chain on one line, for messages."""
    return render([Phrases(Remarks(None)).expression(expression)], width=float("inf"))


class _Formatter:
    def __init__(self, file: File) -> None:
        self._file = file
        self._remarks = Remarks(file)
        self._phrases = Phrases(self._remarks)

    def text(self) -> str:
        lines: list[str] = []
        declarations = self._file.declarations
        for index, declaration in enumerate(declarations):
            above = self._above(declaration.span)
            mark = len(self._remarks.hoisted)
            body = self._declaration(declaration)
            above += [c.text for c in self._remarks.inside(mark, declaration.span)]
            apart = index > 0 and (_is_long(declaration) or _is_long(declarations[index - 1]))
            lines += [""] if apart and above[:1] != [""] else []
            bound = _start_of(declarations, index + 1, len(self._file.source.text) + 1)
            lines += [*above, body + self._remarks.trailing(declaration.span, bound)]
        lines += self._comment_lines(self._remarks.before(len(self._file.source.text) + 1))
        return "\n".join(lines[1:] if lines[:1] == [""] else lines) + "\n" if lines else ""

    # ---- declarations ---------------------------------------------------------------------

    def _declaration(self, declaration: Declaration) -> str:
        match declaration:
            case Use(path):
                return f"use {notation.string(path)}"
            case Parameter():
                return render(["param ", self._phrases.parameter(declaration, " = ")])
            case Block(name, parameters, body):
                brackets: list[Doc] = [self._phrases.parameters(parameters)] if parameters else []
                head = render([f"block {name.text}", *brackets, " {"])
                return self._body(head, body, declaration.span, align.body_columns)
            case Model(name, body):
                head = f"model {name.text} {{"
                return self._body(head, body, declaration.span, align.body_columns)
            case Section(keyword, settings):
                columns = align.body_columns if keyword == "data" else align.settings_columns
                return self._body(f"{keyword} {{", settings, declaration.span, columns)

    def _body(
        self,
        head: str,
        statements: Sequence[Statement | Target],
        span: Span,
        columns: Callable[[Sequence[Entry]], list[int]],
    ) -> str:
        """The lines of a declaration with braces."""
        close = span.end - 1
        first = statements[0].span.start if statements else close
        lines = [head + self._remarks.beside_brace(first)]
        entries = []
        for index, statement in enumerate(statements):
            entries.append(self._entry(statement, _start_of(statements, index + 1, close)))
        for entry, column in zip(entries, columns(entries), strict=True):
            text = render([entry.head.ljust(column), *entry.tail], INDENT)
            lines += _indented(entry.above)
            lines.append(" " * INDENT + text + entry.trailing)
        lines += _indented(self._comment_lines(self._remarks.before(close)))
        if len(lines) == 1 and lines[0].endswith("{"):
            return lines[0] + "}"
        if lines[1:2] == [""]:
            del lines[1]
        return "\n".join([*lines, "}"])

    def _above(self, span: Span) -> list[str]:
        """The comments before a statement or declaration, with the empty lines among them."""
        lines = self._comment_lines(self._remarks.before(span.start))
        return [*lines, ""] if self._remarks.blank_before(span) else lines

    def _comment_lines(self, comments: Sequence[Comment]) -> list[str]:
        lines = []
        for comment in comments:
            lines += (
                ["", comment.text] if self._remarks.blank_before(comment.span) else [comment.text]
            )
        return lines

    # ---- statements -----------------------------------------------------------------------

    def _entry(self, statement: Statement | Target, bound: int) -> Entry:
        above = self._above(statement.span)
        mark = len(self._remarks.hoisted)
        head, tail = self._statement(statement)
        above += [comment.text for comment in self._remarks.inside(mark, statement.span)]
        trailing = self._remarks.trailing(statement.span, bound)
        return Entry(statement, tuple(above), head, tail, trailing)

    def _statement(self, statement: Statement | Target) -> tuple[str, tuple[Doc, ...]]:
        """What stands before the column that may be aligned, and what after it."""
        phrases = self._phrases
        match statement:
            case Input(name, type):
                typed = (": ", phrases.type(type)) if type else ()
                return "input", (f" {name.text}", *typed)
            case Target(name, type):
                return f"target {name.text}: ", (phrases.type(type),)
            case Output(name, value):
                return f"output {name.text}", (" = ", phrases.expression(value))
            case Bind(names, value):
                return ", ".join(n.text for n in names), (" = ", phrases.expression(value))
            case Layer(name, stages):
                return f"layer {name.text}", (" = ", phrases.stages(stages))
            case Run(value):
                return "", (phrases.chain(value.source, value.stages, statement=True),)
            case Assert(condition, message):
                test = phrases.expression(condition, notation.TEST)
                return "assert ", (test, f", {notation.string(message)}")
            case Layout(name):
                return f"layout {name.text}", ()


def _start_of(nodes: Sequence[Declaration | Statement | Target], index: int, otherwise: int) -> int:
    return nodes[index].span.start if index < len(nodes) else otherwise


def _is_long(declaration: Declaration) -> bool:
    return not isinstance(declaration, Use | Parameter)


def _indented(lines: Sequence[str]) -> list[str]:
    return [" " * INDENT + line if line else "" for line in lines]
