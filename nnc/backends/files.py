"""Files are written whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

_LARGE = 1 << 20
"""Bytes from which it is worth it to reserve room."""


def write_whole(path: str | os.PathLike[str], chunks: Iterable[bytes | memoryview]) -> None:
    """Write chunks one after the other into a file that appears under its name only when it is
    complete.

    A new file beside the target takes its place at the end; whatever goes wrong before, the target
    is as it was and nothing is left over. A link is followed; what is no ordinary file
    (`/dev/stdout`, a pipe) is written directly. Raises OSError as the system gives it.
    """
    target = Path(os.path.realpath(path))
    mode = _mode(target)
    if mode is not None and not stat.S_ISREG(mode):
        with open(target, "wb") as file:
            file.writelines(chunks)
        return
    beside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}")
    try:
        with open(beside, "xb") as file:
            if isinstance(chunks, Sequence):
                _reserve(file, sum(memoryview(chunk).nbytes for chunk in chunks))
            file.writelines(chunks)
        if mode is not None:
            beside.chmod(stat.S_IMODE(mode))
        beside.replace(target)
    except BaseException:  # an interrupt as well: nothing may be left over
        beside.unlink(missing_ok=True)
        raise


def _reserve(file: IO[bytes], size: int) -> None:
    """Room on the disk for a large file, where the system can give it at once: else it is sought
    when the file takes the place of another, and that takes longer than writing it.

    Where there is not enough, writing says so.
    """
    if size >= _LARGE and hasattr(os, "posix_fallocate"):
        with suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, size)


def _mode(target: Path) -> int | None:
    """The mode of an existing target. Raises PermissionError when it may not be written."""
    if not target.exists():
        return None
    if not os.access(target, os.W_OK):
        raise PermissionError(13, "Permission denied", str(target))
    return target.stat().st_mode
