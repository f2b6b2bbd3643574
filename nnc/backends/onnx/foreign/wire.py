"""Protocol-buffer messages, read field by field without trust and without copying."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

LIMIT: Final = 1_000_000
"""How many fields are read of one file: a model of ten thousand nodes has about a tenth of that."""


class Damaged(Exception):
    """The bytes aren't a message; the text says why, in words for the user."""


@dataclass
class Reader:
    """Reads messages; counts the fields of all of them, so that no file takes long."""

    left: int = LIMIT

    def fields(self, memory: memoryview) -> Iterator[tuple[int, int | memoryview]]:
        """The fields of a message in order: number, and a whole number or bytes.

        Raises Damaged.
        """
        place = 0
        while place < len(memory):
            self.left -= 1
            if self.left < 0:
                raise Damaged(f"it has more than {LIMIT:,} parts")
            tag, place = _varint(memory, place)
            kind = tag & 7
            if kind == 0:
                number, place = _varint(memory, place)
                yield tag >> 3, number
                continue
            if kind == 2:
                length, place = _varint(memory, place)
            elif kind in (1, 5):
                length = 8 if kind == 1 else 4
            else:
                raise Damaged("its bytes make no sense")
            if length > len(memory) - place:
                raise Damaged("it ends too early")
            yield tag >> 3, memory[place : place + length]
            place += length


def _varint(memory: memoryview, place: int) -> tuple[int, int]:
    number = shift = 0
    while shift < 70:
        if place >= len(memory):
            raise Damaged("it ends too early")
        byte = memory[place]
        place += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number & 2**64 - 1, place
        shift += 7
    raise Damaged("its bytes make no sense")


def signed(number: int) -> int:
    """A whole number of 64 bits, which the format writes as two's complement."""
    return number - 2**64 if number >> 63 else number
