"""How numbers, strings and operators are written: the other half of `literals`."""

from __future__ import annotations

import math
import re
from typing import Final

from nnc.compiler.syntax import Binary, Chain, Expression, Number, Unary

CHAIN, TEST, SUM, OPPOSITE, ATOM, BRACKETS = 0, 1, 5, 7, 9, 10
"""How tightly an expression binds, loosest first; a place asks for the least that it takes."""

_LEVELS: Final = {
    "or": TEST,
    "and": 2,
    "not": 3,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), 4),
    **dict.fromkeys(("+", "-"), SUM),
    **dict.fromkeys(("*", "/", "//", "%", "@"), 6),
    "**": 8,
}
_COMPARISON: Final = 4
_PLAIN: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_SPECIAL: Final = re.compile(r'["\\\x00-\x1f\x7f\ud800-\udfff]')


def level(expression: Expression) -> int:
    match expression:
        case Chain():
            return CHAIN
        case Binary(operator):
            return _LEVELS[operator]
        case Unary(operator):
            return OPPOSITE if operator == "-" else _LEVELS[operator]
        case Number(value) if value < 0:
            return OPPOSITE
    return ATOM


def operand_levels(operator: str) -> tuple[int, int]:
    """What the two sides of an operator must at least bind like to stand there without brackets."""
    own = _LEVELS[operator]
    if operator == "**":
        return ATOM, OPPOSITE
    return (own + 1 if own == _COMPARISON else own), own + 1


def number(value: float) -> str:
    """The shortest text that reads back as the same number; digits of large whole ones in threes.

    Fractions are written out from 0.001 up to 100,000, and with an exponent outside where that is
    shorter.
    """
    if isinstance(value, int):
        return f"{value:_}" if abs(value) >= 10_000 else str(value)
    text = repr(value)
    if value == 0 or not math.isfinite(value) or ("e" not in text and 1e-3 <= abs(value) < 1e5):
        return text
    scientific = _scientific(text)
    return scientific if "e" in text or len(scientific) < len(text) else text


def _scientific(text: str) -> str:
    """A float's shortest text with one digit before the dot and an exponent: the same digits."""
    mantissa, _, exponent = text.lstrip("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    padded = whole + fraction
    digits = padded.lstrip("0")
    power = int(exponent or 0) + len(whole) - 1 - (len(padded) - len(digits))
    digits = digits.rstrip("0")
    dot = "." if digits[1:] else ""
    return f"{'-' if text[0] == '-' else ''}{digits[0]}{dot}{digits[1:]}e{power}"


def string(text: str) -> str:
    """The text in double quotes, with the escapes that the language has."""

    def escape(match: re.Match[str]) -> str:
        return _PLAIN.get(match[0]) or f"\\u{ord(match[0]):04x}"

    return f'"{_SPECIAL.sub(escape, text)}"'
