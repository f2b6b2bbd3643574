"""A run's history as event files, which TensorBoard shows.

A file is a row of records as TFRecord frames them: length (u64), masked CRC32C of the length, the
bytes of an `Event` message, masked CRC32C of the bytes; all little-endian. Training and validation
stand in folders of their own, so that a chart shows both curves of a number; the step is the epoch.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from nnc.backends import protobuf
from nnc.backends.base import numbers
from nnc.training.loop import Epoch

VERSION = "brain.Event:2"
_WALL_TIME, _STEP, _FILE_VERSION, _SUMMARY, _SESSION = 1, 2, 3, 5, 7
"""Fields of `Event`."""
_START = 1
"""`SessionLog.status` of a beginning: what an earlier file has from its step on is void."""
_POLYNOMIAL = 0x82F63B78
"""Castagnoli's, reflected."""


class Events:
    """The event files of a run, open for writing."""

    def __init__(self, folder: Path, epochs: int, *, validated: bool) -> None:
        """Begin files, or go on after a number of epochs in new ones. Raises OSError."""
        self._train = EventFile(folder / "train", epochs)
        self._validation = EventFile(folder / "validation", epochs) if validated else None

    def add(self, epoch: Epoch, norms: Mapping[str, float] | None) -> None:
        """Write down an epoch, without tables; `norms` are those of the gradients, for a logged
        one."""
        results = numbers(epoch.results)
        own = {name: x for name, x in results.items() if not name.startswith("val_")}
        gradients = {f"gradients/{name}": norm for name, norm in (norms or {}).items()}
        self._train.add(epoch.number, {**own, "rate": epoch.rate, **gradients})
        if self._validation is not None:
            measured = {name: x for name, x in results.items() if name.startswith("val_")}
            named = {name.removeprefix("val_"): x for name, x in measured.items()}
            self._validation.add(epoch.number, named)

    def flush(self) -> None:
        """Hand everything to the system."""
        self._train.flush()
        if self._validation is not None:
            self._validation.flush()

    def close(self) -> None:
        self._train.close()
        if self._validation is not None:
            self._validation.close()


class EventFile:
    """An event file that grows."""

    def __init__(self, folder: Path, epochs: int) -> None:
        """Begin a file, which continues those of its folder after a number of epochs. Raises
        OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        count = len(list(folder.glob("events.out.tfevents.*")))
        # Files are read in the order of their names.
        name = f"events.out.tfevents.{int(time.time()):010d}.{count:04d}"
        self._file: BinaryIO = (folder / name).open("xb")
        self._write(protobuf.text(_FILE_VERSION, VERSION))
        if count:
            started = protobuf.message(_SESSION, protobuf.integer(1, _START))
            self._write(protobuf.integer(_STEP, epochs + 1) + started)
        self.flush()

    def add(self, step: int, numbers: Mapping[str, float]) -> None:
        """Numbers by name at a step, in float32."""
        with np.errstate(over="ignore"):
            values = [
                protobuf.message(
                    1, protobuf.text(1, name), protobuf.real(2, float(np.float32(number)))
                )
                for name, number in numbers.items()
            ]
        self._write(protobuf.integer(_STEP, step) + protobuf.message(_SUMMARY, *values))

    def _write(self, event: bytes) -> None:
        self._file.write(framed(protobuf.double(_WALL_TIME, time.time()) + event))

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def framed(content: bytes) -> bytes:
    """A record of a TFRecord file."""
    length = struct.pack("<Q", len(content))
    checks = [struct.pack("<I", masked(crc32c(part))) for part in (length, content)]
    return length + checks[0] + content + checks[1]


def crc32c(content: bytes) -> int:
    """The cyclic redundancy check of RFC 3720, appendix B.4."""
    found = 0xFFFFFFFF
    for byte in content:
        found = found >> 8 ^ _TABLE[(found ^ byte) & 255]
    return found ^ 0xFFFFFFFF


def masked(check: int) -> int:
    """A check as TFRecord stores it: turned by 15 bits, plus a constant."""
    return ((check >> 15 | check << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _entry(byte: int) -> int:
    for _ in range(8):
        byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
    return byte


_TABLE = tuple(map(_entry, range(256)))
