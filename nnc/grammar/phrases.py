"""Expressions, chains and stages as documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from nnc.compiler.source import Span
from nnc.compiler.syntax import (
    Apply,
    Argument,
    Binary,
    Boolean,
    Call,
    Chain,
    Choice,
    Comment,
    Conditional,
    Expression,
    Group,
    List,
    Loop,
    Name,
    Number,
    Parameter,
    Reference,
    Stage,
    String,
    Tuple,
    Type,
    Unary,
)
from nnc.grammar import notation
from nnc.grammar.layout import Doc, Fill, IfBroken, Line, Nest, Remark, group
from nnc.grammar.remarks import Remarks
from nnc.grammar.terminals import tables

_Node = TypeVar("_Node", Expression, Argument, Stage)


class _Item(NamedTuple):
    """A part of a chain or a list with its comments: those above it and the one after it."""

    above: list[Comment]
    doc: Doc
    trailing: str


class Phrases:
    def __init__(self, remarks: Remarks) -> None:
        self._remarks = remarks

    # ---- expressions ----------------------------------------------------------------------

    def expression(self, expression: Expression, least: int = notation.CHAIN) -> Doc:
        """An expression; in brackets when it binds less tightly than its place needs."""
        doc = self._expression(expression)
        if notation.level(expression) >= least:
            return doc
        return group("(", Nest((Line(""), doc)), Line(""), ")")

    def _expression(self, expression: Expression) -> Doc:
        match expression:
            case Number(value):
                return notation.number(value)
            case String(value):
                return notation.string(value)
            case Boolean(value):
                return "true" if value else "false"
            case Reference(name):
                return name
            case List(items):
                return self._list("[", items, "]", expression.span)
            case Tuple(items):
                return self._list("(", items, ")", expression.span)
            case Call():
                return self._call(expression, bare=False)
            case Unary(operator, operand):
                sign = "-" if operator == "-" else "not "
                return group(sign, self.expression(operand, notation.level(expression)))
            case Binary():
                return self._binary(expression)
            case Conditional():
                return self._conditional(expression)
            case Chain(source, stages):
                return self.chain(source, stages)

    def _binary(self, binary: Binary) -> Doc:
        """Operators that bind alike side by side, so that they're broken together."""
        own = notation.level(binary)
        operators: list[Binary] = [binary]
        while isinstance(inner := operators[-1].left, Binary) and (
            notation.level(inner) == own and notation.operand_levels(inner.operator)[0] <= own
        ):
            operators.append(inner)
        operators.reverse()
        first = self.expression(operators[0].left, notation.operand_levels(binary.operator)[0])
        rest: list[Doc] = []
        for one in operators:
            right = self.expression(one.right, notation.operand_levels(one.operator)[1])
            rest += [Line(), f"{one.operator} ", right]
        return group(first, Nest(tuple(rest)))

    def _conditional(self, conditional: Conditional) -> Doc:
        test = self.expression(conditional.condition, notation.TEST)
        then = self._items([conditional.then], self.expression, conditional.otherwise.span.start)
        end = conditional.span.end - 1
        otherwise = self._items([conditional.otherwise], self.expression, end)
        return group(
            *("if ", test, " ", _braces(_lines(then))),
            *(" else ", _braces(_lines(otherwise) + self._dangling(end))),
        )

    def _call(self, call: Call, *, bare: bool) -> Doc:
        """A call; without brackets where a stage needs none."""
        if bare and not call.arguments:
            return call.name

        def argument(argument: Argument) -> Doc:
            value = self.expression(argument.value)
            if argument.name is None:
                return value
            return group(f"{argument.name}=", value)

        self._remarks.hoist(call.span.start)
        end = call.span.end - 1
        items = self._items(call.arguments, argument, end)
        return group(call.name, _bracketed("(", items, self._dangling(end), ")"))

    def _list(self, opening: str, items: Sequence[Expression], closing: str, span: Span) -> Doc:
        self._remarks.hoist(span.start)
        found = self._items(items, self.expression, span.end - 1)
        dangling = self._dangling(span.end - 1)
        commented = dangling or any(item.above or item.trailing for item in found)
        if len(items) < 2 or commented or not all(map(_is_number, items)):
            return _bracketed(opening, found, dangling, closing)
        numbers = [group(item.doc, ",") for item in found[:-1]]
        fill = Fill((*numbers, found[-1].doc))
        return group(opening, Nest((Line(""), fill, IfBroken(","))), Line(""), closing)

    # ---- chains ---------------------------------------------------------------------------

    def chain(self, source: Expression, stages: Sequence[Stage], *, statement: bool = False) -> Doc:
        """`source -> stage -> stage`. A statement begins with a name or a bracket; a name such as
        `input`, which would begin another statement, stands in brackets."""
        self._remarks.hoist(source.span.start)
        bracket = statement and not isinstance(source, Reference | Tuple)
        bracket |= statement and isinstance(source, Reference) and source.name in tables().names
        first = self.expression(source, notation.BRACKETS if bracket else notation.TEST)
        trailing = self._remarks.trailing(source.span, stages[0].span.start)
        items = self._items(stages, self.stage, None)
        return group(first, *_remark(trailing), Nest(_arrows(_rows(stages, items))))

    def stages(self, stages: Sequence[Stage]) -> Doc:
        """Stages without a source, outside of brackets: what a `layer` is."""
        self._remarks.hoist(stages[0].span.start)
        return group(*_headless(stages, self._items(stages, self.stage, None)))

    def stage(self, stage: Stage) -> Doc:
        end = stage.span.end
        match stage:
            case Apply(call, name):
                return group(self._call(call, bare=True), _label(name))
            case Group(stages, name):
                inner = self._inner(stages, name.span.start if name else end)
                return group("(", Nest((Line(""), *inner)), Line(""), ")", _label(name))
            case Loop(variable, start, stop, stages, name):
                bounds = [self.expression(bound, notation.SUM) for bound in (start, stop)]
                inner = self._inner(stages, name.span.start if name else end)
                head = group(f"for {variable.text} in ", bounds[0], "..", bounds[1], " ")
                return group(head, _braces(inner), _label(name))
            case Choice(condition, then, otherwise):
                test = self.expression(condition, notation.TEST)
                middle = otherwise[0].span.start if otherwise else end
                parts: list[Doc] = ["if ", test, " ", _braces(self._inner(then, middle, end))]
                if otherwise:
                    parts += [" else ", _braces(self._inner(otherwise, end))]
                return group(*parts)

    def _inner(
        self, stages: Sequence[Stage], bound: int, end: int | None = None
    ) -> tuple[Doc, ...]:
        """The stages between brackets; comments after the last go up to the closing one."""
        items = self._items(stages, self.stage, bound)
        dangling = self._dangling(bound) if end is None or bound == end else ()
        return (*_headless(stages, items), *dangling)

    # ---- types and parameters -------------------------------------------------------------

    def type(self, type: Type) -> Doc:
        if not type.shape:
            return type.dtype.text
        items = self._items(type.shape, self.expression, type.span.end - 1)
        return group(type.dtype.text, _bracketed("[", items, (), "]"))

    def parameters(self, parameters: Sequence[Parameter]) -> Doc:
        items = [_Item([], self.parameter(parameter), "") for parameter in parameters]
        return _bracketed("(", items, (), ")")

    def parameter(self, parameter: Parameter, equals: str = "=") -> Doc:
        if parameter.default is None:
            return parameter.name.text
        return group(parameter.name.text, equals, self.expression(parameter.default))

    # ---- comments -------------------------------------------------------------------------

    def _items(
        self, nodes: Sequence[_Node], build: Callable[[_Node], Doc], close: int | None
    ) -> list[_Item]:
        """The documents of nodes side by side, up to `close`, each with its comments.

        Without a `close` what follows the last is left to the statement.
        """
        items = []
        for index, node in enumerate(nodes):
            above = self._remarks.before(node.span.start)
            mark = len(self._remarks.hoisted)
            doc = build(node)
            above += self._remarks.inside(mark, node.span)
            bound = nodes[index + 1].span.start if index + 1 < len(nodes) else close
            trailing = "" if bound is None else self._remarks.trailing(node.span, bound)
            items.append(_Item(above, doc, trailing))
        return items

    def _dangling(self, close: int) -> tuple[Doc, ...]:
        """The comments left before a closing bracket, each on its own line."""
        comments = self._remarks.before(close)
        return tuple(part for comment in comments for part in (Line(), Remark(comment.text)))


def _is_number(expression: Expression) -> bool:
    operand = expression.operand if isinstance(expression, Unary) else expression
    return isinstance(operand, Number)


def _label(name: Name | None) -> str:
    return f" as {name.text}" if name else ""


def _remark(trailing: str) -> tuple[Doc, ...]:
    return (Remark(trailing),) if trailing else ()


def _above(item: _Item) -> list[Doc]:
    return [part for comment in item.above for part in (Remark(comment.text), Line())]


def _lines(items: Sequence[_Item]) -> tuple[Doc, ...]:
    return tuple(
        part for item in items for part in (*_above(item), item.doc, *_remark(item.trailing))
    )


def _braces(parts: Sequence[Doc]) -> Doc:
    return group("{", Nest((Line(), *parts)), Line(), "}")


def _bracketed(opening: str, items: Sequence[_Item], dangling: Sequence[Doc], closing: str) -> Doc:
    """Items with commas between them; each on its own line, with a comma, when they don't fit."""
    if not items and not dangling:
        return opening + closing
    parts: list[Doc] = []
    for index, item in enumerate(items):
        last = index == len(items) - 1
        parts += [Line("" if index == 0 else " "), *_above(item), item.doc]
        parts += [IfBroken(",") if last else ",", *_remark(item.trailing)]
    return group(opening, Nest((*parts, *dangling)), Line(""), closing)


def _rows(stages: Sequence[Stage], items: Sequence[_Item]) -> list[_Item]:
    """The lines of a broken chain, without the arrow before each.

    A bare word (`relu`, `BatchNorm as bn1`) stays on the line of the word before it.
    """
    rows: list[list[_Item]] = []
    previous: Stage | None = None
    for stage, item in zip(stages, items, strict=True):
        bare = isinstance(stage, Apply) and not stage.call.arguments
        if bare and isinstance(previous, Apply) and not rows[-1][-1].trailing and not item.above:
            rows[-1].append(item)
        else:
            rows.append([item])
        previous = stage
    return [_row(row) for row in rows]


def _row(items: Sequence[_Item]) -> _Item:
    first, *rest = items
    ridden = [part for item in rest for part in (Line(), "-> ", item.doc)]
    return _Item(first.above, group(first.doc, *ridden), items[-1].trailing)


def _arrows(rows: Sequence[_Item]) -> tuple[Doc, ...]:
    """Each row on a line of its own, after an arrow."""
    return tuple(
        part
        for row in rows
        for part in (Line(), *_above(row), "-> ", row.doc, *_remark(row.trailing))
    )


def _headless(stages: Sequence[Stage], items: Sequence[_Item]) -> tuple[Doc, ...]:
    """Stages of which the first has no arrow. The comments around them don't break the chain."""
    first, *rest = _rows(stages, items)
    if not rest:
        return (*_above(first), first.doc, *_remark(first.trailing))
    *others, last = rest
    arrows = _arrows([*others, last._replace(trailing="")])
    chain = group(first.doc, *_remark(first.trailing), Nest(arrows))
    return (*_above(first), chain, *_remark(last.trailing))
