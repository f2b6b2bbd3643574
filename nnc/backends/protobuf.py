"""Protocol-buffer messages as bytes, fields in the order of their numbers.

A message is a row of fields: a tag (number and wire type), then a number or a length and bytes. So
a large field can be written as its head, followed by memory that lies elsewhere. Written by hand,
because it takes forty lines and loading the library takes longer than all else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def integer(field: int, number: int) -> bytes:
    """A whole number of 64 bits; negative ones as two's complement."""
    return _varint(field << 3 | _VARINT) + _varint(number & 2**64 - 1)


def integers(field: int, numbers: Iterable[int]) -> bytes:
    """A repeated whole number, each with its tag."""
    return b"".join(integer(field, number) for number in numbers)


def real(field: int, number: float) -> bytes:
    """A number of 32 bits."""
    return _varint(field << 3 | _FIXED32) + struct.pack("<f", number)


def double(field: int, number: float) -> bytes:
    """A number of 64 bits."""
    return _varint(field << 3 | _FIXED64) + struct.pack("<d", number)


def text(field: int, string: str) -> bytes:
    """A text in UTF-8."""
    return message(field, string.encode("utf-8"))


def texts(field: int, strings: Iterable[str]) -> bytes:
    """A repeated text."""
    return b"".join(text(field, string) for string in strings)


def message(field: int, *parts: bytes) -> bytes:
    """A message within a message, or bytes."""
    body = b"".join(parts)
    return head(field, len(body)) + body


def head(field: int, length: int) -> bytes:
    """What stands before a message or bytes of this length."""
    return _varint(field << 3 | _BYTES) + _varint(length)


def _varint(number: int) -> bytes:
    """A whole number in groups of seven bits, the lowest first; all but the last are marked."""
    if number < 128:
        return number.to_bytes()
    groups = bytearray()
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    groups.append(number)
    return bytes(groups)
