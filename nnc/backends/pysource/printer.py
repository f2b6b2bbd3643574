"""The one printer of generated Python: lays out statements exactly as `ruff format` leaves them."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import zip_longest

from nnc.backends.pysource.document import (
    SOFT,
    SPACE,
    WIDTH,
    Document,
    Group,
    IfBroken,
    Indent,
    flat,
    render,
    width,
)
from nnc.backends.pysource.expressions import (
    bare_tuple,
    bracketed,
    document,
    hanging,
    is_bracketed,
    optional_brackets,
)
from nnc.backends.pysource.imports import import_lines
from nnc.backends.pysource.literals import docstring
from nnc.backends.pysource.statements import (
    Assign,
    Blank,
    Class,
    Comment,
    Expression,
    For,
    Function,
    If,
    Module,
    Parameter,
    Raise,
    Return,
    Segment,
    Statement,
    While,
)
from nnc.backends.pysource.values import (
    Attribute,
    Binary,
    Call,
    Conditional,
    Expr,
    Literal,
    Name,
    Tuple,
    Unary,
)
from nnc.compiler.source import Span


@dataclass(frozen=True)
class Printed:
    """A program's text, and for lines (counted from 1) the place in the spec they come from."""

    text: str
    lines: Mapping[int, Span] = field(default_factory=dict)


def print_expression(expr: Expr) -> str:
    """The expression on one line."""
    return flat(document(expr))


def print_module(module: Module) -> Printed:
    """The text of a file, laid out as `ruff format` (88 columns) leaves it, imports in isort's
    order."""
    printer = _Printer()
    printer.docstring(module.docstring, 0)
    imports = import_lines(module.imports)
    if imports:
        printer.blank(1)
        printer.lines += imports
    printer.body(module.body, 0, first_gap=1 if module.docstring or imports else 0)
    return Printed("\n".join(printer.lines) + "\n", printer.spans)


class _Printer:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.spans: dict[int, Span] = {}

    def blank(self, count: int) -> None:
        if self.lines:
            self.lines += [""] * count

    def put(self, indent: int, text: str) -> None:
        first, *rest = text.split("\n")
        self.lines += [" " * indent + first if first else "", *rest]

    def docstring(self, text: str, indent: int) -> None:
        if not text:
            return None
        body = docstring(text)
        if "\n" not in body:
            return self.put(indent, f'"""{body}"""')
        first, *rest = body.split("\n")
        inner = [" " * indent + line if line else "" for line in rest]
        return self.put(indent, "\n".join([f'"""{first}', *inner, " " * indent + '"""']))

    def body(self, statements: tuple[Statement, ...], indent: int, first_gap: int = 0) -> None:
        """Statements one after the other with the blank lines that definitions need around them."""
        before: Statement | None = None
        for statement, following in zip_longest(statements, statements[1:]):
            # What is said of a definition stands directly above it.
            said_of = following if isinstance(statement, Comment) else None
            around = max(_around(statement, indent), _around(said_of, indent))
            if before is None:
                self.blank(max(first_gap, around) if first_gap else 0)
            elif not isinstance(before, Comment) and not isinstance(statement, Blank):
                self.blank(max(around, _around(before, indent)))
            self.statement(statement, indent)
            before = statement

    def statement(self, statement: Statement, indent: int) -> None:
        match statement:
            case Assign() | Expression():
                self.line(statement, indent)
            case Blank():
                self.blank(1)
            case Return(None):
                self.put(indent, "return")
            case Return(Tuple(items)):
                self.put(indent, render(("return ", bare_tuple(items)), indent))
            case Return(value) if value is not None:
                self.put(indent, render(("return ", _right_side(value, indent + 7)), indent))
            case Raise(value):
                self.put(indent, render(("raise ", document(value)), indent))
            case Comment(text):
                self.comment(text, indent)
            case Segment(text):
                self.lines += text.split("\n")
            case _:
                self.compound(statement, indent)

    def compound(self, statement: Statement, indent: int) -> None:
        match statement:
            case If(test, body, otherwise):
                self.header(("if ", _right_side(test, indent + 3), ":"), body, indent)
                if otherwise:
                    self.header("else:", otherwise, indent)
            case For(targets, iterable, body):
                left = bare_tuple(targets) if len(targets) > 1 else document(targets[0])
                self.header(("for ", left, " in ", document(iterable), ":"), body, indent)
            case While(test, body):
                self.header(("while ", _right_side(test, indent + 6), ":"), body, indent)
            case Function():
                self.function(statement, indent)
            case Class():
                self.klass(statement, indent)
            case _:
                raise TypeError(type(statement).__name__)

    def header(self, head: Document, body: tuple[Statement, ...], indent: int) -> None:
        self.put(indent, render(head, indent))
        self.body(body, indent + 4)

    def line(self, statement: Assign | Expression, indent: int) -> None:
        start = len(self.lines) + 1
        left = _left_side(statement)
        content = _right_side(statement.value, indent + width(flat(left)))
        comment = f"  # {_one_line(statement.comment)}" if statement.comment else ""
        whole: Document = (left, content)
        if comment and indent + width(flat(whole) + comment) > WIDTH:
            self.comment(statement.comment, indent)
            comment = ""
        self.put(indent, render(whole, indent) + comment)
        if statement.span is not None:
            self.spans |= dict.fromkeys(range(start, len(self.lines) + 1), statement.span)

    def comment(self, text: str, indent: int) -> None:
        for line in textwrap.wrap(_one_line(text), WIDTH - indent - 2, break_long_words=False):
            self.put(indent, f"# {line}")

    def function(self, function: Function, indent: int) -> None:
        self.decorators(function.decorators, indent)
        self.put(indent, render(_head(function, indent), indent))
        self.docstring(function.docstring, indent + 4)
        nested = bool(function.body) and isinstance(function.body[0], Function | Class)
        self.body(function.body, indent + 4, first_gap=int(bool(function.docstring) and nested))

    def klass(self, klass: Class, indent: int) -> None:
        self.decorators(klass.decorators, indent)
        bases = _call_items(tuple(map(document, klass.bases)))
        head = (f"class {Name(klass.name).text}", bases if klass.bases else "", ":")
        self.put(indent, render(head, indent))
        self.docstring(klass.docstring, indent + 4)
        self.body(klass.body, indent + 4, first_gap=1 if klass.docstring else 0)

    def decorators(self, decorators: tuple[Expr, ...], indent: int) -> None:
        for decorator in decorators:
            self.put(indent, render(("@", document(decorator)), indent))


def _around(statement: Statement | None, indent: int) -> int:
    is_definition = isinstance(statement, Function | Class) or (
        isinstance(statement, Segment) and statement.text.startswith(("def ", "class ", "@"))
    )
    if not is_definition:
        return 0
    return 1 if indent else 2


def _left_side(statement: Assign | Expression) -> Document:
    if isinstance(statement, Expression):
        return ()
    many = len(statement.targets) > 1
    left = bare_tuple(statement.targets) if many else document(statement.targets[0])
    if statement.annotation is not None:
        return (left, ": ", document(statement.annotation), " = ")
    return (left, " = ")


def _right_side(value: Expr, column: int) -> Document:
    """A value that begins at a column, with brackets around what can't be broken inside."""
    if isinstance(value, Binary) and _hangs(value, column):
        return hanging(value)
    content = document(value)
    if isinstance(value, Unary) and is_bracketed(value):
        return content
    if isinstance(value, Binary | Conditional | Name | Literal | Attribute | Unary):
        return optional_brackets(content)
    return content


def _hangs(value: Binary, column: int) -> bool:
    """Whether a single operation that ends in a bracket is broken there rather than at its
    operator: when the line fits up to that bracket."""
    if isinstance(value.left, Binary | Conditional):
        return False
    right = value.right
    is_call = isinstance(right, Call) and bool(right.arguments or right.keywords)
    if not is_call and not is_bracketed(value):
        return False
    head = flat(hanging(Binary(value.operator, value.left, Name("x"))))[:-1]
    function = flat(document(right.function)) if isinstance(right, Call) else ""
    return column + width(head + function) < WIDTH


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _head(function: Function, indent: int) -> Document:
    name, parameters = Name(function.name).text, _parameters(function.parameters)
    if function.returns is None:
        return (f"def {name}", parameters, ":")
    made = document(function.returns)
    if indent + width(f") -> {flat(made)}:") <= WIDTH:
        return (f"def {name}", parameters, " -> ", flat(made), ":")
    # What is too long for a line of its own is broken, but only after the parameters.
    inner = flat(parameters)[1:-1]
    return (f"def {name}(", Indent((SOFT, inner)), SOFT, ") -> ", made, ":")


def _parameters(parameters: tuple[Parameter, ...]) -> Document:
    items: list[Document] = []
    star = False
    for parameter in parameters:
        if parameter.kind == "only" and not star:
            items.append("*")
            star = True
        star = star or parameter.kind == "*"
        items.append(_parameter(parameter))
    return _call_items(tuple(items)) if items else "()"


def _parameter(parameter: Parameter) -> Document:
    stars = "" if parameter.kind == "only" else parameter.kind
    made: list[Document] = [stars + Name(parameter.name).text]
    if parameter.annotation is not None:
        made += [": ", document(parameter.annotation)]
    if parameter.default is not None:
        equals = " = " if parameter.annotation is not None else "="
        made += [equals, document(parameter.default)]
    return tuple(made)


def _call_items(items: tuple[Document, ...]) -> Document:
    joined: list[Document] = []
    for item in items:
        joined += [",", SPACE, item] if joined else [item]
    return bracketed("(", Group((*joined, IfBroken(","))), ")")
