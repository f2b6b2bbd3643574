"""Numbers and strings as Python source."""

from __future__ import annotations

from math import isinf, isnan

from nnc.backends.pysource.values import Hexadecimal, Scalar

_ESCAPES = {"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def scalar(value: Scalar) -> str:
    """The shortest source that gives the value again; strings are quoted as `ruff format` does."""
    if isinstance(value, str):
        return string(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, Hexadecimal):
        return f"0x{value:08X}"
    return repr(value)


def string(text: str) -> str:
    """A string literal: double quotes unless single ones need fewer escapes; what can't be seen is
    escaped."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_character(c, quote) for c in text) + quote


def _character(character: str, quote: str) -> str:
    if character == quote:
        return "\\" + quote
    if character in _ESCAPES:
        return _ESCAPES[character]
    if character.isprintable():
        return character
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _float(value: float) -> str:
    if isnan(value):
        return 'float("nan")'
    if isinf(value):
        return 'float("inf")' if value > 0 else '-float("inf")'
    return repr(value)


def docstring(text: str) -> str:
    """The inside of a docstring: quotes and backslashes can't end it, what can't be seen is
    escaped."""
    safe = "".join(
        c if c == "\n" or (c.isprintable() and c != "\\") else _character(c, "") for c in text
    )
    safe = safe.replace('"""', '\\"\\"\\"')
    return safe[:-1] + '\\"' if safe.endswith('"') else safe
