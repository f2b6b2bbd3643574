"""What a program and its processes say to each other: arrays by name, each message with its length
in front."""

from __future__ import annotations

import io
import struct
from typing import IO

import numpy as np

from nnc.backends.base import Arrays

_LENGTH = struct.Struct("<Q")


def packed(message: Arrays) -> bytes:
    """A message as bytes."""
    made = io.BytesIO()
    np.savez(made, allow_pickle=False, **message)
    return _LENGTH.pack(made.tell()) + made.getvalue()


def read(stream: IO[bytes]) -> Arrays | None:
    """The next message; None where the stream ends."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    if len(data) < length:
        return None
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}
