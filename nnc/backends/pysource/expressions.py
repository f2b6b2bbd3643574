"""Expressions as documents: brackets by precedence, breaks where `ruff format` has them."""

from __future__ import annotations

from collections.abc import Iterable

from nnc.backends.pysource.document import SOFT, SPACE, Document, Group, IfBroken, Indent
from nnc.backends.pysource.literals import scalar
from nnc.backends.pysource.values import (
    Attribute,
    Binary,
    Call,
    Conditional,
    Dict,
    Expr,
    Lambda,
    List,
    Literal,
    Name,
    Slice,
    Starred,
    Subscript,
    Tuple,
    Unary,
)

_COMPARISONS = ("==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not")
_PRECEDENCE = {
    "or": 3,
    "and": 4,
    **dict.fromkeys(_COMPARISONS, 6),
    "|": 7,
    "^": 8,
    "&": 9,
    "<<": 10,
    ">>": 10,
    "+": 11,
    "-": 11,
    "*": 12,
    "/": 12,
    "//": 12,
    "%": 12,
    "@": 12,
    "**": 14,
}
_LAMBDA, _CONDITIONAL, _NOT, _SIGN, _ATOM = 1, 2, 5, 13, 16


def precedence(expr: Expr) -> int:
    """How tightly the expression's outermost operator binds."""
    match expr:
        case Binary(operator):
            return _PRECEDENCE[operator]
        case Unary(operator):
            return _NOT if operator == "not" else _SIGN
        case Literal(int() | float() as number) if not isinstance(number, bool):
            return _SIGN if str(number).startswith("-") else _ATOM
        case Conditional():
            return _CONDITIONAL
        case Lambda():
            return _LAMBDA
        case _:
            return _ATOM


def document(expr: Expr) -> Document:
    """The expression with its possible breaks; the outermost operator has no brackets."""
    match expr:
        case Name(text):
            return text
        case Literal(value):
            return scalar(value)
        case Attribute(owner, attribute):
            return (_owner(owner), ".", attribute)
        case Subscript(owner, index):
            return (_owner(owner), _subscript(index))
        case Call():
            return (_owner(expr.function), _arguments(expr))
        case Tuple(items):
            return _tuple(items)
        case List(items):
            return bracketed("[", _commas(map(document, items)), "]")
        case Dict(items):
            pairs = ((document(key), ": ", _within(value)) for key, value in items)
            return bracketed("{", _commas(pairs), "}")
        case _:
            return _operation(expr)


def _operation(expr: Expr) -> Document:
    match expr:
        case Slice():
            return _slice(expr)
        case Starred(value, stars):
            return ("*" * stars, _at_least(value, _PRECEDENCE["|"]))
        case Unary(operator, operand):
            sign = "not " if operator == "not" else operator
            return (sign, _at_least(operand, precedence(expr)))
        case Binary():
            return Group(tuple(_binary(expr)))
        case Conditional(test, then, otherwise):
            head = _at_least(then, _CONDITIONAL + 1)
            middle = _at_least(test, _CONDITIONAL + 1)
            end = _at_least(otherwise, _CONDITIONAL)
            return Group((head, SPACE, "if ", middle, SPACE, "else ", end))
        case Lambda(parameters, body):
            head = f"lambda {', '.join(parameters)}: " if parameters else "lambda: "
            return (head, document(body))
        case _:
            raise TypeError(type(expr).__name__)


def bracketed(opening: str, content: Document, closing: str) -> Document:
    """Brackets around content that is indented when it does not fit."""
    if content == ():
        return opening + closing
    return Group((opening, Indent((SOFT, content)), SOFT, closing))


def optional_brackets(content: Document) -> Document:
    """Brackets that stand only when the content does not fit on its line."""
    return Group((IfBroken("("), Indent((SOFT, content)), SOFT, IfBroken(")")))


def bare_tuple(items: tuple[Expr, ...]) -> Document:
    """A tuple as it stands on the left of `=` and after `return`: without brackets when it fits."""
    if len(items) == 1:
        return (document(items[0]), ",")
    return optional_brackets(_commas(map(document, items)))


def _commas(items: Iterable[Document]) -> tuple[Document, ...]:
    made: list[Document] = []
    for item in items:
        made += [",", SPACE, item] if made else [item]
    return (*made, IfBroken(",")) if made else ()


def _tuple(items: tuple[Expr, ...]) -> Document:
    if len(items) == 1:
        return bracketed("(", (document(items[0]), ","), ")")
    return bracketed("(", _commas(map(document, items)), ")")


def _arguments(call: Call) -> Document:
    named = ((key, "=", _within(value)) for key, value in call.keywords)
    items = _commas([*map(document, call.arguments), *named])
    return bracketed("(", Group(items) if items else (), ")")


def _within(expr: Expr) -> Document:
    """An expression after `=` or `:` inside brackets: an operation that does not fit gets its
    own."""
    return optional_brackets(document(expr)) if isinstance(expr, Binary) else document(expr)


def _subscript(index: Expr) -> Document:
    if isinstance(index, Tuple) and len(index.items) > 1:
        return bracketed("[", _commas(map(document, index.items)), "]")
    return bracketed("[", document(index), "]")


def _owner(expr: Expr) -> Document:
    """What stands before a dot or a bracket; numbers need brackets there as well."""
    is_number = isinstance(expr, Literal) and not isinstance(expr.value, str)
    return ("(", document(expr), ")") if is_number else _at_least(expr, _ATOM)


def _at_least(expr: Expr, level: int) -> Document:
    if precedence(expr) >= level:
        return document(expr)
    return bracketed("(", document(expr), ")")


def _binary(expr: Binary) -> list[Document]:
    """Operands and operators of one level, flattened to the left."""
    operator, level = expr.operator, _PRECEDENCE[expr.operator]
    if operator == "**":
        tight = is_simple(expr.left) and is_simple(expr.right)
        left, right = _at_least(expr.left, level + 1), _at_least(expr.right, _SIGN)
        return [left, "**", right] if tight else [left, SPACE, "** ", right]
    if isinstance(expr.left, Binary) and _PRECEDENCE[expr.left.operator] == level:
        start = [_at_least(expr.left, level + 1)] if level == 6 else _binary(expr.left)
    else:
        start = [_at_least(expr.left, level)]
    return [*start, SPACE, operator, " ", _at_least(expr.right, level + 1)]


def hanging(expr: Binary) -> Document:
    """A single operation that is broken inside its right side only."""
    right = _at_least(expr.right, _PRECEDENCE[expr.operator] + 1)
    return (_at_least(expr.left, _PRECEDENCE[expr.operator]), f" {expr.operator} ", right)


def is_bracketed(expr: Binary | Unary) -> bool:
    """Whether the last operand is an operation that needs brackets."""
    if isinstance(expr, Unary):
        return precedence(expr.operand) < precedence(expr)
    return precedence(expr.right) <= precedence(expr)


def is_simple(expr: Expr) -> bool:
    """What `ruff format` calls a simple operand of a power: a name, an attribute of one, a
    number."""
    match expr:
        case Name() | Literal(int() | float()):
            return True
        case Unary("-", operand):
            return is_simple(operand)
        case Attribute(owner):
            return not isinstance(owner, Literal) and is_simple(owner)
        case _:
            return False


def _slice(part: Slice) -> Document:
    parts = [part.lower, part.upper] + ([part.step] if part.step is not None else [])
    simple = all(p is None or _is_simple_bound(p) for p in parts)
    made: list[Document] = []
    for number, bound in enumerate(parts):
        if number:
            before = not simple and number == 1 and part.lower is not None
            made.append(" :" if before or (not simple and number == 2) else ":")
            if not simple and bound is not None:
                made.append(" ")
        if bound is not None:
            made.append(document(bound))
    return tuple(made)


def _is_simple_bound(expr: Expr) -> bool:
    return isinstance(expr, Name | Literal) or (
        isinstance(expr, Unary) and isinstance(expr.operand, Name | Literal)
    )
