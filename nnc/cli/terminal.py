"""Streams and files as the verbs use them: colour, bytes, and files that are written whole."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal, TypeAlias

import click

Color: TypeAlias = Literal["auto", "always", "never"]
_WIDTH = 100
"""Columns where there is no terminal."""
_REMARKS = 20_000


class Unusable(click.ClickException):
    """Input or output that can't be used, or something that is missing: exit code 2."""

    exit_code = 2

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.help = help

    def format_message(self) -> str:
        return self.message + (f"\n  = help: {self.help}" if self.help else "")


def colored(stream: IO[str]) -> bool:
    """Whether to write colours: as `--color` says, else on a terminal unless NO_COLOR is set."""
    context = click.get_current_context(silent=True)
    choice: Color = context.find_root().meta.get("nnc.color", "auto") if context else "auto"
    if choice != "auto":
        return choice == "always"
    plain = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    return not plain and stream.isatty()


def width(stream: IO[str]) -> int:
    """The columns of the terminal behind a stream."""
    try:
        return max(os.get_terminal_size(stream.fileno()).columns, 40)
    except (OSError, ValueError):
        return _WIDTH


def say(text: str) -> None:
    """Words for people, on stderr."""
    click.echo(text, err=True, color=True)


def give(text: str, *, end: str = "\n") -> None:
    """Data, on stdout."""
    click.echo(text + end, nl=False, color=True)


def give_bytes(chunks: Iterable[bytes | memoryview]) -> None:
    """Binary data, on stdout."""
    sys.stdout.flush()
    for chunk in chunks:
        sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def read_bytes(file: str, most: int) -> bytes:
    """The bytes of a file, or of stdin for `-`: at most one more than `most`. Raises OSError."""
    if file == "-":
        return sys.stdin.buffer.read(most + 1)
    with Path(file).open("rb") as stream:
        return stream.read(most + 1)


def write_text(path: str, text: str) -> None:
    """Write a file whole or not at all. Raises Unusable."""
    write_chunks(path, (text.encode("utf-8"),))


def write_chunks(path: str, chunks: Iterable[bytes | memoryview]) -> None:
    """Write a file whole or not at all. Raises Unusable."""
    from nnc.backends.files import write_whole

    try:
        write_whole(path, chunks)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Unusable(f"can't write {path}: {reason}") from None


def refuse_overwriting(output: str | None, *inputs: str | None) -> None:
    """Raise Unusable when the output is one of the files that are read."""
    if output is None or output == "-":
        return
    for path in inputs:
        if path is None or path == "-" or not os.path.exists(output):
            continue
        if os.path.exists(path) and os.path.samefile(output, path):
            raise Unusable(
                f"{output} is read here and can't be written as well",
                "give another name to `-o`",
            )


@contextmanager
def running() -> Iterator[IO[str]]:
    """While a network runs: memory is collected again, and frameworks keep their remarks to
    themselves, unless something goes wrong or NNC_DEBUG is set.

    Gives the stream for what people should read meanwhile. TensorFlow writes to the file
    descriptor while it is imported, before any of its settings count.
    """
    import tempfile

    from nnc.compiler.diagnostics import Failed

    gc.enable()
    if os.environ.get("NNC_DEBUG"):
        yield sys.stderr
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as remarks, os.fdopen(os.dup(2), "w", encoding="utf-8") as kept:
        os.dup2(remarks.fileno(), 2)
        try:
            yield kept if _leads_to(sys.stderr, 2) else sys.stderr
        except (Failed, click.ClickException):
            raise
        except Exception:
            remarks.seek(0)
            os.write(kept.fileno(), remarks.read(_REMARKS))
            raise
        finally:
            kept.flush()
            os.dup2(kept.fileno(), 2)


def _leads_to(stream: IO[str], descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (OSError, ValueError):
        return False


def is_terminal() -> bool:
    """Whether stdout is a terminal."""
    return sys.stdout.isatty()
