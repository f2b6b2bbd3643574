"""One process at a time trains in a folder."""

from __future__ import annotations

import os
import sys
import weakref
from contextlib import suppress
from pathlib import Path

from nnc.compiler.diagnostics import Diagnostic, Failed

if sys.platform != "win32":
    import fcntl

NAME = ".lock"


class Hold:
    """A folder that is this process's until `close`, or until nothing refers to the hold.

    The system itself locks the file `.lock`, which says the process's id, and gives it free when
    the process ends, killed or not: what a dead process has left is taken over. Windows, and file
    systems that lock nothing, hold nothing.
    """

    def __init__(self, folder: Path) -> None:
        """Raises Failed (E808) when the folder is held already, OSError."""
        path = folder / NAME
        file = _opened(path)
        self.close = weakref.finalize(self, _release, path, file)
        os.ftruncate(file, 0)
        os.write(file, str(os.getpid()).encode())


def _opened(path: Path) -> int:
    """The lock's file, locked: the one that bears the name, not one that was given up meanwhile."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(file, path)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file), path.stat()):
                    return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _lock(file: int, path: Path) -> None:
    if sys.platform == "win32":
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        number = os.pread(file, 20, 0).decode("ascii", "replace")
        who = f"process {number}" if number.isdigit() else "another process"
        message = f"{path.parent} is in use: {who} trains in it"
        cure = "wait until it ends, stop it with Ctrl-C, or give another folder"
        raise Failed([Diagnostic("E808", message, help=cure)]) from None
    except OSError:  # this file system has no locks
        return


def _release(path: Path, file: int) -> None:
    # Whoever waits for the file finds that it lost its name, and makes a new one.
    with suppress(OSError):
        path.unlink()
    os.close(file)
