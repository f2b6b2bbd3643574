"""`nnc check`: everything that can be said about a spec without a framework."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from nnc import __version__
from nnc.cli import specs
from nnc.cli.terminal import Unusable, give, say
from nnc.cli.verb import Verb

if TYPE_CHECKING:
    from nnc.compiler.diagnostics import Diagnostic

FORMATS = ("text", "json", "sarif", "github")


@click.command(
    "check",
    cls=Verb,
    example="nnc check model.nn\nnnc check --strict --format github specs/*.nn",
    short_help="say what is wrong with a spec",
)
@specs.files_argument
@click.option("--format", "format_", type=click.Choice(FORMATS), default="text")
@click.option("--strict", is_flag=True, help="warnings count as findings")
@click.option("-W", "warnings", type=click.Choice(["error"]), help="`-W error` is `--strict`")
@specs.set_option
@click.pass_context
def command(
    context: click.Context,
    files: tuple[str, ...],
    format_: str,
    strict: bool,
    warnings: str | None,
    settings: dict[str, Any],
) -> None:
    """Say what is wrong with one spec or more, without loading any framework.

    FILE is a `.nn` or JSON spec, `-` is stdin. Text goes to stderr; json, sarif and github go to
    stdout. Exit code 0: nothing wrong (warnings alone are nothing wrong, but for `--strict`);
    1: findings; 2: a file can't be read.
    """
    found: list[Diagnostic] = []
    unread: list[Unusable] = []
    for file in files:
        try:
            found += specs.compiled(file, settings)[1]
        except Unusable as unusable:
            unread.append(unusable)
    _show(found, format_, len(files) - len(unread))
    for missing in unread:
        say(f"error: {missing.format_message()}")
    bad = [d for d in found if d.severity == "error" or strict or warnings]
    context.exit(2 if unread else 1 if bad else 0)


def _show(found: list[Diagnostic], format_: str, files: int) -> None:
    if format_ == "text":
        specs.show(found)
        if files and not found:
            say(f"{files} {'spec' if files == 1 else 'specs'} checked: nothing wrong")
        return
    from nnc.compiler import render

    if format_ == "json":
        give(render.render_json(found), end="")
    elif format_ == "sarif":
        give(render.render_sarif(found, version=__version__), end="")
    else:
        give(render.render_github(found), end="")
