"""The safetensors format, read without trust: eight bytes with the length of a JSON header, the
header, the numbers. Nothing is executed, and no more is read than the header and the pages that are
asked for.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

HEADER_LIMIT: Final = 25_000_000
"""The longest header that is read, in bytes: enough for a hundred thousand tensors."""
SIZES: Final = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E5M2": 1,
    "F8_E4M3": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "F64": 8,
    "I64": 8,
    "U64": 8,
}
_WRITTEN: Final = {"float16": "F16", "float32": "F32", "float64": "F64", "int64": "I64"}


class Malformed(Exception):
    """The bytes aren't a safetensors file; the message says why, in words for the user."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor of a file: its element type as the format calls it, its shape, where its bytes
    are."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    stop: int


class File:
    """An open file: the entries of its header, and the arrays behind them.

    Arrays lie on the file itself (copied when written to), so the file may be replaced but not cut
    short while they are in use. Raises Malformed, or OSError when it can't be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size < 8:
                raise Malformed(
                    f"it has {size} bytes, less than the 8 that every such file begins with"
                )
            length = int.from_bytes(file.read(8), "little")
            if length > min(size - 8, HEADER_LIMIT):
                raise Malformed(
                    f"it announces a header of {length:,} bytes, but has {size:,} in all"
                    if length > size - 8
                    else f"its header is longer than {HEADER_LIMIT:,} bytes"
                )
            header = _json(file.read(length))
            self.metadata = _metadata(header.pop("__metadata__", None))
            self.entries = _entries(header, size - 8 - length, 8 + length)
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)

    def array(self, name: str) -> NDArray[Any]:
        """A tensor as an array; bfloat16, which NumPy lacks, becomes float32. Raises KeyError for
        names and types that there aren't."""
        entry = self.entries[name]
        count = prod(entry.shape)
        if entry.dtype == "BF16":
            short = np.frombuffer(self._bytes, "<u2", count, entry.start).astype(np.uint32)
            short <<= np.uint32(16)
            return short.view(np.float32).reshape(entry.shape)
        code = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I64": "<i8"}[entry.dtype]
        array = np.frombuffer(self._bytes, code, count, entry.start).reshape(entry.shape)
        return array if array.flags.aligned else array.copy()


def _metadata(given: Any) -> dict[str, str]:
    """The texts of the header; what isn't a text is passed over."""
    pairs = given.items() if isinstance(given, dict) else ()
    return {name: text for name, text in pairs if isinstance(text, str)}


def _entries(header: dict[str, Any], room: int, offset: int) -> dict[str, Entry]:
    entries = {name: _entry(name, value, offset) for name, value in header.items()}
    end = offset
    for name, entry in sorted(entries.items(), key=lambda item: (item[1].start, item[1].stop)):
        if entry.start != end:
            wrong = "overlap others" if entry.start < end else "leave a gap"
            raise Malformed(f"the bytes of `{_short(name)}` {wrong}")
        end = entry.stop
    if end != offset + room:
        what = "is cut short" if end > offset + room else "goes on after the last tensor"
        raise Malformed(
            f"it {what}: its header speaks of {end:,} bytes, the file has {offset + room:,}"
        )
    return entries


def _json(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode("utf-8"), object_pairs_hook=_unique, parse_int=_whole)
    except (ValueError, RecursionError):
        raise Malformed("its header isn't the JSON that the format asks for") from None
    if not isinstance(header, dict):
        raise Malformed("its header isn't a JSON object")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Malformed("its header names a tensor twice")
    return made


def _whole(digits: str) -> int:
    if len(digits) > 19:
        raise ValueError(digits)
    return int(digits)


def _entry(name: str, value: Any, offset: int) -> Entry:
    try:
        dtype, shape, (start, stop) = value["dtype"], value["shape"], value["data_offsets"]
        numbers = [*shape, start, stop]
    except (TypeError, KeyError, ValueError):
        raise Malformed(
            f"the entry of `{_short(name)}` lacks a type, a shape or its place"
        ) from None
    if any(type(n) is not int or n < 0 for n in numbers) or len(shape) > 64:
        raise Malformed(f"the entry of `{_short(name)}` has an impossible shape or place")
    if not isinstance(dtype, str) or dtype not in SIZES:
        raise Malformed(f"the entry of `{_short(name)}` has an unknown type")
    if stop - start != prod(shape) * SIZES[dtype]:
        raise Malformed(f"the shape of `{_short(name)}` doesn't fit the number of its bytes")
    return Entry(dtype, tuple(shape), offset + start, offset + stop)


def _short(name: str) -> str:
    return name if len(name) <= 80 else name[:77] + "..."


def encoded(
    arrays: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]
) -> Iterable[bytes | memoryview]:
    """The parts of a file with these arrays in their order; the same arrays give the same bytes.

    Raises TypeError for elements that aren't float16, float32, float64 or int64.
    """
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    place = 0
    for name, array in arrays.items():
        code = _WRITTEN.get(array.dtype.name)
        if code is None:
            raise TypeError(f"`{name}` is made of {array.dtype.name}, which is not written")
        header[name] = {
            "dtype": code,
            "shape": list(array.shape),
            "data_offsets": [place, place + array.nbytes],
        }
        place += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 8)
    return [len(text).to_bytes(8, "little"), text, *_memory(arrays)]


def _memory(arrays: Mapping[str, NDArray[Any]]) -> Iterator[memoryview]:
    for array in arrays.values():
        if array.size:
            little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            yield little.reshape(-1).data.cast("B")
