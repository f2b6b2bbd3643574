"""Files are written whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable
from pathlib import Path


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
            file.writelines(chunks)
        if mode is not None:
            beside.chmod(stat.S_IMODE(mode))
        beside.replace(target)
    except BaseException:  # an interrupt as well: nothing may be left over
        beside.unlink(missing_ok=True)
        raise


def _mode(target: Path) -> int | None:
    """The mode of an existing target. Raises PermissionError when it may not be written."""
    if not target.exists():
        return None
    if not os.access(target, os.W_OK):
        raise PermissionError(13, "Permission denied", str(target))
    return target.stat().st_mode
