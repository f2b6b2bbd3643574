"""Pixels as PNG: RFC 2083 with no filters, which the standard library's zlib is enough for."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode

import numpy as np
from numpy.typing import NDArray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GRAY, _COLORS = 0, 2


def png(pixels: NDArray[np.uint8]) -> bytes:
    """The file of a gray `[height, width]` or a coloured `[height, width, 3]` picture."""
    height, width = pixels.shape[:2]
    kind = _GRAY if pixels.ndim == 2 else _COLORS
    rows = pixels.reshape(height, -1)
    filtered = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1)
    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    body = zlib.compress(filtered.tobytes(), 9)
    parts = ((b"IHDR", head), (b"IDAT", body), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, content) for name, content in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def url(pixels: NDArray[np.uint8]) -> str:
    """The picture as an address that holds it."""
    return f"data:image/png;base64,{b64encode(png(pixels)).decode()}"
