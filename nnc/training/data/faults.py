"""What is wrong with data, as diagnostics that name the file, the row and the column."""

from __future__ import annotations

import csv
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from nnc.backends.pieces.columns import BadExample
from nnc.compiler.diagnostics import Diagnostic, Failed, Label
from nnc.compiler.source import NOWHERE, Span

_DAMAGED = (
    *(csv.Error, EOFError, KeyError, NotImplementedError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error),
)


def failed(code: str, message: str, help: str | None = None, span: Span = NOWHERE) -> Failed:
    """One diagnostic, with the place in the spec that it is about where there is one."""
    labels = () if span == NOWHERE else (Label(span, "asked for here"),)
    return Failed([Diagnostic(code, message, labels, help)])


@contextmanager
def reading(file: str, span: Span = NOWHERE) -> Iterator[None]:
    """What goes wrong while a source is read."""
    try:
        yield
    except FileNotFoundError:
        cure = "paths are relative to the spec"
        raise failed("E611", f"{file} does not exist", cure, span) from None
    except IsADirectoryError:
        raise failed("E611", f"{file} is a folder, not a file", None, span) from None
    except UnicodeError as error:
        message = f"{file} is not text in UTF-8: {error}"
        raise failed("E611", message, "save it as UTF-8", span) from None
    except OSError as error:
        message = f"{file} can't be read: {error.strerror or error}"
        raise failed("E611", message, None, span) from None
    except _DAMAGED:
        raise failed("E611", f"{file} is damaged: its bytes make no sense", None, span) from None
    except ImportError as error:
        raise _not_installed(file, error) from None
    except ValueError as error:
        raise failed("E611", f"{file}: {error}", None, span) from None


def _not_installed(file: str, error: ImportError) -> Failed:
    message = f"{file} needs {error.name}, which is not installed"
    return failed("E611", message, "pip install 'nnc[data]'")


@contextmanager
def values(
    code: str,
    file: str,
    what: str = "",
    span: Span = NOWHERE,
    rows: Any = None,
    cure: str | None = None,
    column: int | str | None = None,
) -> Iterator[None]:
    """What goes wrong with the values that were read; `what` is what they are for, `rows` which
    ones they are, `column` where from, and `cure` what helps where no single example is wrong."""
    try:
        yield
    except BadExample as error:
        row = error.row if rows is None else int(rows[error.row])
        error = BadExample(error.message, row, column if error.column is None else error.column)
        raise failed(code, _place(file, what, error), _cure(error.message), span) from None
    except ValueError as error:
        raise failed(code, _place(file, what, error), _cure(str(error)) or cure, span) from None
    except ImportError as error:
        raise _not_installed(file, error) from None


def _place(file: str, what: str, error: ValueError) -> str:
    return f"{file}, {what}: {error}" if what else f"{file}: {error}"


def _cure(message: str) -> str | None:
    if message == "a number is missing":
        return "fill in what is missing: `-> impute(mean)`"
    if message == "a value is missing":
        return "fill in what is missing: `-> impute(most_frequent)`; or leave the row out"
    if message.endswith("is not finite"):
        return "leave the row out, or write what is unknown as an empty cell and fill it in"
    if "does not occur" in message:
        return "leave the row out, or train on examples that have it"
    if message.startswith("an image has the shape"):
        return "bring images to one size: `-> resize(64, 64)`"
    if message.startswith("several columns are called"):
        return "choose them by number, from 0"
    return None


def held(table: Iterable[int | str]) -> str:
    """The columns that there are, by name where they have names."""
    keys = list(table)
    names = [f"`{key[:60]}`" for key in keys if isinstance(key, str)]
    if not names:
        return f"it has {len(keys)} columns without names, numbered from 0"
    for name, sign in {";": '";"', "\t": r'"\t"'}.items():
        if len(names) == 1 and name in names[0]:
            return f"it holds {names[0]}: is that several, with `delimiter={sign}`?"
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"it holds {', '.join(names[:12])}{more}"
