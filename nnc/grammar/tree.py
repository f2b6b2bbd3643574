"""The tree is built during the parse: one method for each rule of nn.lark.

Each is given the span of the rule and the parts that the grammar keeps: the text of a terminal, or
what the part's own method returned. What is wrong inside a part is reported, and the parse goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from nnc.compiler.diagnostics import Report
from nnc.compiler.source import Source, Span
from nnc.compiler.syntax import (
    Apply,
    Argument,
    Assert,
    Binary,
    BinaryOperator,
    Bind,
    Block,
    Boolean,
    Call,
    Chain,
    Choice,
    Conditional,
    Declaration,
    Expression,
    Group,
    Input,
    Layer,
    Layout,
    List,
    Loop,
    Model,
    Name,
    Number,
    Output,
    Parameter,
    Reference,
    Run,
    Section,
    Stage,
    Statement,
    String,
    Target,
    Tuple,
    Type,
    Unary,
    UnaryOperator,
    Use,
)
from nnc.grammar import literals

_STAGES = ("group", "loop", "choice")
NESTING = frozenset(
    ("binary", "unary", "conditional", "call", "sequence", "several", "chain", *_STAGES)
)
"""The methods whose result lies one level above its parts."""


class Tree:
    def __init__(self, source: Source, report: Report) -> None:
        self._source = source
        self._report = report

    # ---- lists ----------------------------------------------------------------------------

    def none(self, span: Span) -> list[Any]:
        return []

    def one(self, span: Span, item: Any) -> list[Any]:
        return [item]

    def more(self, span: Span, items: list[Any], item: Any) -> list[Any]:
        items.append(item)
        return items

    # ---- declarations ---------------------------------------------------------------------

    def file(self, span: Span, declarations: Sequence[Declaration]) -> tuple[Declaration, ...]:
        return tuple(declarations)

    def use(self, span: Span, path: str) -> Use:
        return Use(self._text(span, path), span)

    def parameter(self, span: Span, name: Name, default: Expression | None) -> Parameter:
        return Parameter(self._plain(name), default, span)

    def block(
        self,
        span: Span,
        name: Name,
        parameters: Sequence[Parameter] | None,
        body: Sequence[Statement],
    ) -> Block:
        return Block(self._plain(name), tuple(parameters or ()), tuple(body), span)

    def model(self, span: Span, name: Name, body: Sequence[Statement]) -> Model:
        return Model(self._plain(name), tuple(body), span)

    def data(self, span: Span, body: Sequence[Bind | Target]) -> Section:
        return Section("data", tuple(body), span)

    def train(self, span: Span, body: Sequence[Bind | Target]) -> Section:
        return Section("train", tuple(body), span)

    def search(self, span: Span, body: Sequence[Bind | Target]) -> Section:
        return Section("search", tuple(body), span)

    # ---- statements -----------------------------------------------------------------------

    def input(self, span: Span, name: Name, type: Type | None) -> Input:
        return Input(self._plain(name), type, span)

    def output(self, span: Span, name: Name, value: Expression) -> Output:
        return Output(self._plain(name), value, span)

    def layer(self, span: Span, name: Name, stages: Sequence[Stage]) -> Layer:
        return Layer(self._plain(name), tuple(stages), span)

    def check(self, span: Span, condition: Expression, message: str) -> Assert:
        return Assert(condition, self._text(span, message), span)

    def layout(self, span: Span, name: Name) -> Layout:
        return Layout(self._plain(name), span)

    def run(self, span: Span, source: Expression, stages: Sequence[Stage]) -> Run:
        if literals.continues_line(span):
            from nnc.grammar.mistakes import stage_or_statement

            first = Span(span.source, span.start, max(source.span.end, span.start + 1))
            self._report.add(stage_or_statement(first))
        return Run(Chain(source, tuple(stages), span), span)

    def bind(self, span: Span, names: Sequence[Name], value: Expression) -> Bind:
        return Bind(tuple(self._plain(name) for name in names), value, span)

    def target(self, span: Span, name: Name, type: Type) -> Target:
        return Target(self._plain(name), type, span)

    def type(self, span: Span, dtype: Name, shape: Sequence[Expression] | None) -> Type:
        return Type(dtype, tuple(shape or ()), span)

    # ---- chains ---------------------------------------------------------------------------

    def chain(self, span: Span, source: Expression, stages: Sequence[Stage]) -> Chain:
        return Chain(source, tuple(stages), span)

    def apply(self, span: Span, call: Call, name: Name | None) -> Apply:
        return Apply(call, name, span)

    def group(self, span: Span, stages: Sequence[Stage], name: Name | None) -> Group:
        return Group(tuple(stages), name, span)

    def loop(
        self,
        span: Span,
        variable: Name,
        start: Expression,
        stop: Expression,
        stages: Sequence[Stage],
        name: Name | None,
    ) -> Loop:
        return Loop(self._plain(variable), start, stop, tuple(stages), name, span)

    def choice(
        self,
        span: Span,
        condition: Expression,
        then: Sequence[Stage],
        otherwise: Sequence[Stage] | None,
    ) -> Choice:
        return Choice(condition, tuple(then), tuple(otherwise or ()), span)

    def bare_call(self, span: Span, name: str) -> Call:
        return Call(name, (), span, span)

    def call(self, span: Span, name: str, arguments: Sequence[Argument] | None) -> Call:
        name_span = Span(self._source, span.start, span.start + len(name))
        return Call(name, tuple(arguments or ()), span, name_span)

    def argument(self, span: Span, value: Expression) -> Argument:
        return Argument(None, value, span)

    def keyword(self, span: Span, name: str, value: Expression) -> Argument:
        name_span = Span(self._source, span.start, span.start + len(name))
        self._plain(Name(name, name_span))
        return Argument(name, value, span, name_span)

    # ---- expressions ----------------------------------------------------------------------

    def binary(self, span: Span, left: Expression, operator: str, right: Expression) -> Binary:
        return Binary(cast(BinaryOperator, operator), left, right, span)

    def unary(self, span: Span, operator: str, operand: Expression) -> Unary:
        return Unary(cast(UnaryOperator, operator), operand, span)

    def conditional(
        self, span: Span, condition: Expression, then: Expression, otherwise: Expression
    ) -> Conditional:
        return Conditional(condition, then, otherwise, span)

    def number(self, span: Span, text: str) -> Number:
        return Number(literals.number(text, span, self._report), span)

    def string(self, span: Span, text: str) -> String:
        return String(self._text(span, text), span)

    def boolean(self, span: Span, text: str) -> Boolean:
        return Boolean(text == "true", span)

    def sequence(self, span: Span, items: Sequence[Expression] | None) -> List:
        return List(tuple(items or ()), span)

    def several(self, span: Span, first: Expression, rest: Sequence[Expression]) -> Tuple:
        return Tuple((first, *rest), span)

    def reference(self, span: Span, name: str) -> Reference:
        if name in literals.FOREIGN:
            literals.report_foreign(name, span, self._report)
        return Reference(name, span)

    # ---- names ----------------------------------------------------------------------------

    def name(self, span: Span, text: str) -> Name:
        return Name(text, span)

    def label(self, span: Span, text: str) -> Name:
        if not text.replace(".", "_").isidentifier() and not text.isalnum():
            literals.report_label(text, span, self._report)
        return Name(text, span)

    def _plain(self, name: Name) -> Name:
        """The name, without dots: those are for reaching into a layer."""
        if "." in name.text:
            literals.report_dotted(name.text, name.span, self._report)
        return name

    def _text(self, span: Span, quoted: str) -> str:
        """The value of the quoted string at the end of a span."""
        place = Span(self._source, span.end - len(quoted), span.end)
        return literals.string(quoted, place, self._report)
