"""FILE arguments and `--set`: from what was typed to a program and its diagnostics."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nnc.cli.terminal import Unusable, colored, read_bytes, say, width
from nnc.cli.verb import FILE

if TYPE_CHECKING:
    from nnc.compiler.diagnostics import Diagnostic
    from nnc.compiler.ir import Program
    from nnc.compiler.source import Source

_Function = TypeVar("_Function", bound=Callable[..., Any])
_STDIN = "<stdin>"


def file_argument(function: _Function) -> _Function:
    """The argument FILE: a spec, or `-` for stdin."""
    return click.argument("file", type=FILE)(function)


def files_argument(function: _Function) -> _Function:
    """The argument FILE…: one spec or more, or `-` for stdin."""
    return click.argument("files", metavar="FILE…", nargs=-1, required=True, type=FILE)(function)


def set_option(function: _Function) -> _Function:
    """The option `--set`, which gives parameters of the spec other values."""
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="NAME=VALUE",
        callback=_settings,
        help="give a `param` of the spec another value; may be repeated",
    )(function)


def _settings(
    context: click.Context, option: click.Parameter, given: Sequence[str]
) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter(f"`{text}` is not NAME=VALUE, such as `units=64`")
        settings[name.strip()] = setting_value(value.strip())
    return settings


def setting_value(text: str) -> Any:
    """A setting's value: a number, `true`, `false`, a list, text in quotes, or the text itself."""
    for kind in (int, float):
        try:
            value = kind(text)
        except (ValueError, OverflowError):
            continue
        # `inf` and `nan` are no numbers of the language, and nothing is said of so long a one.
        return value if len(text) < 400 and abs(value) < float("inf") else text
    if text[:1] not in ("[", '"') and text not in ("true", "false"):
        return text
    try:
        return _frozen(json.loads(text))
    except (ValueError, RecursionError):
        raise click.BadParameter(f"`{text[:60]}` is not a value of the language") from None


def _frozen(value: Any) -> Any:
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def read(file: str) -> Source:
    """The text of a spec. Raises Failed when it is not text, Unusable when it can't be read."""
    from nnc.loading import MAXIMUM_BYTES, decoded

    try:
        data = read_bytes(file, MAXIMUM_BYTES)
    except OSError as error:
        raise unreadable(file, error) from None
    return decoded(_STDIN if file == "-" else file, data)


def unreadable(file: str, error: OSError) -> Unusable:
    """What is said about a file that can't be read, with the nearest name in its folder."""
    reason = (error.strerror or str(error)).lower()
    return Unusable(f"can't read {file}: {reason}", _near(Path(file)))


def _near(path: Path) -> str | None:
    from nnc.compiler.diagnostics import did_you_mean

    try:
        if path.is_dir():
            return "give a file, such as `model.nn`"
        beside = [p.name for p in path.parent.iterdir() if not p.is_dir()][:1000]
    except (OSError, ValueError):
        return None
    return did_you_mean(path.name, beside)


def compiled(file: str, settings: dict[str, Any]) -> tuple[Program | None, list[Diagnostic]]:
    """The program of a spec and everything there is to say about it. Raises Unusable."""
    from nnc.compiler.diagnostics import Failed
    from nnc.loading import compile_source

    try:
        source = read(file)
    except Failed as failed:
        return None, list(failed.diagnostics)
    return compile_source(source, None if file == "-" else Path(file), settings)


def program(file: str, settings: dict[str, Any]) -> Program:
    """The program of a spec; its warnings are shown. Raises Failed when there is an error."""
    from nnc.compiler.diagnostics import Failed

    made, diagnostics = compiled(file, settings)
    if made is None:
        raise Failed(diagnostics)
    show(diagnostics)
    return made


def show(diagnostics: Iterable[Diagnostic]) -> None:
    """Diagnostics as text, on stderr."""
    found = list(diagnostics)
    if not found:
        return
    from nnc.compiler.render import render_text

    text = render_text(found, color=colored(sys.stderr), width=width(sys.stderr))
    say(text.rstrip("\n"))


def weights(program: Program, path: str | None) -> dict[str, Any]:
    """The weights of a file, or without one those that the spec begins with.

    Raises Failed when they don't fit, Unusable when the file can't be read.
    """
    if path is None:
        from nnc.backends import initial

        return dict(initial.weights(program.graph, program.seed))
    from nnc.backends.weights import read as read_weights

    try:
        return dict(read_weights(path, program.graph))
    except OSError as error:
        raise unreadable(path, error) from None


def require(backend: str) -> None:
    """Raise Unusable unless what runs a backend is installed."""
    from nnc.backends.registry import BACKENDS

    chosen = BACKENDS.get(backend)
    if chosen is not None and chosen.missing is not None:
        raise Unusable(
            f"{chosen.title} is not installed: there is no module `{chosen.missing}`", chosen.hint
        )
