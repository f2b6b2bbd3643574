"""Arithmetic at compile time: numbers, booleans, text and lists; bounded, so that it always
ends."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Final

LARGEST: Final = 10**18
"""Whole numbers beyond this are refused: no size and no count is that large."""


class Unfit(Exception):
    """The operands don't fit the operator; the message says why in the user's words."""


def _divide(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int) and a % b == 0:
        return a // b
    return a / b


def _power(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int) and b >= 0:
        if abs(a) > 1 and b * math.log10(abs(a)) > 18:
            raise Unfit("the result is too large")
        return a**b
    result = float(a) ** b
    if isinstance(result, complex):
        raise Unfit("a negative number has no such power")
    return result


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": _power,
}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def binary(symbol: str, a: Any, b: Any) -> Any:
    """The value of `a symbol b`. Raises Unfit."""
    if symbol in ("==", "!="):
        return (a == b) == (symbol == "==")
    if symbol in ("and", "or"):
        if not (isinstance(a, bool) and isinstance(b, bool)):
            raise Unfit(f"`{symbol}` joins conditions: `true` or `false`")
        return (a and b) if symbol == "and" else (a or b)
    if symbol == "+" and isinstance(a, tuple) and isinstance(b, tuple):
        return a + b
    if not (is_number(a) and is_number(b)):
        raise Unfit(f"`{symbol}` works on numbers")
    if symbol in _ORDER:
        return _ORDER[symbol](a, b)
    if symbol not in _ARITHMETIC:
        raise Unfit(f"`{symbol}` works on values of the model")
    try:
        result = _ARITHMETIC[symbol](a, b)
    except ZeroDivisionError:
        raise Unfit("division by zero") from None
    except OverflowError:
        raise Unfit("the result is too large") from None
    return _bounded(result)


def unary(symbol: str, a: Any) -> Any:
    """The value of `symbol a`. Raises Unfit."""
    if symbol == "not":
        if not isinstance(a, bool):
            raise Unfit("`not` turns a condition round: `true` or `false`")
        return not a
    if not is_number(a):
        raise Unfit("`-` works on numbers")
    return -a


def _bounded(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        raise Unfit("the result is too large")
    if isinstance(value, int) and abs(value) > LARGEST:
        raise Unfit("the result is too large")
    return value


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "min": min,
    "max": max,
    "floor": math.floor,
    "ceil": math.ceil,
}
"""Functions of numbers that may be called at compile time, beside `shape`, `channels` and
`length`."""
