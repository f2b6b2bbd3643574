"""`nnc fmt`: the one layout of a spec, and its other form."""

from __future__ import annotations

import sys
from difflib import unified_diff
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nnc.cli import specs
from nnc.cli.terminal import colored, give, say, write_text
from nnc.cli.verb import Verb

if TYPE_CHECKING:
    from nnc.compiler.ir import Program
    from nnc.compiler.source import Source

_DIFF_COLORS = {"+": "32", "-": "31", "@": "36"}


@click.command(
    "fmt",
    cls=Verb,
    example="nnc fmt model.nn\nnnc fmt --to json model.nn > model.json",
    short_help="bring specs into the one layout; convert to JSON and back",
)
@specs.files_argument
@click.option("--check", is_flag=True, help="write nothing; exit code 1 if a file would change")
@click.option("--diff", is_flag=True, help="write nothing; show what would change")
@click.option("--to", "form", type=click.Choice(["json", "nn"]), help="convert, to stdout")
@click.pass_context
def command(
    context: click.Context, files: tuple[str, ...], check: bool, diff: bool, form: str | None
) -> None:
    """Bring specs into the one layout, with the canonical names of layers and arguments.

    Each FILE is rewritten in place, whole or not at all; `-` goes from stdin to stdout.
    """
    if form is not None:
        if len(files) != 1 or check or diff:
            raise click.UsageError("`--to` converts one FILE, and goes with no other option")
        give(_converted(files[0], form), end="")
        return
    changed = [file for file in files if _format(file, write=not (check or diff), diff=diff)]
    if check or diff:
        for file in changed:
            say(f"would change: {file}")
        context.exit(1 if changed else 0)


def _format(file: str, *, write: bool, diff: bool) -> bool:
    """Bring a file into the one layout; whether that changes it."""
    source = specs.read(file)
    text = formatted(source, file)
    if write and file == "-":
        give(text, end="")
    elif write and text != source.text:
        write_text(file, text)
        say(f"formatted: {file}")
    if diff:
        _show_difference(source, text)
    return text != source.text


def formatted(source: Source, file: str) -> str:
    """The text of a source in the one layout. Raises Failed."""
    if is_json(source):
        from nnc.compiler.document.write import to_json

        return to_json(_program(source, file))
    from nnc.cli.naming import canonical
    from nnc.compiler.diagnostics import Failed
    from nnc.grammar.format import format_file
    from nnc.loading import load, parse_source

    tree = parse_source(source)
    try:
        _, *used = load(source, None if file == "-" else Path(file))
    except Failed:  # what a name means is unknown when blocks of another file are
        return format_file(tree)
    return format_file(canonical(tree, used))


def _converted(file: str, form: str) -> str:
    """A spec in a form, from either one."""
    source = specs.read(file)
    if form == "nn" and not is_json(source):
        return formatted(source, file)
    program = _program(source, file)
    if form == "json":
        from nnc.compiler.document.write import to_json

        return to_json(program)
    from nnc.loading import to_text

    return to_text(program)


def _program(source: Source, file: str) -> Program:
    from nnc.compiler.diagnostics import Failed
    from nnc.loading import compile_source

    program, diagnostics = compile_source(source, None if file == "-" else Path(file))
    if program is None:
        raise Failed(diagnostics)
    return program


def is_json(source: Source) -> bool:
    """Whether a source is a JSON spec."""
    return source.text.lstrip("\ufeff \t\r\n").startswith("{")


def _show_difference(source: Source, text: str) -> None:
    color = colored(sys.stdout)
    lines = unified_diff(
        source.text.splitlines(), text.splitlines(), source.name, source.name, lineterm=""
    )
    for line in lines:
        code = _DIFF_COLORS.get(line[:1])
        give(f"\x1b[{code}m{line}\x1b[0m" if color and code else line)
