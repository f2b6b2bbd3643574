"""`nnc new`: a working spec to start from."""

from __future__ import annotations

from pathlib import Path

import click
from click.shell_completion import CompletionItem

from nnc.cli.terminal import Unusable, give, say, write_text
from nnc.cli.verb import FILE, Verb


def _names(
    context: click.Context, option: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    from nnc.templates import description, names

    fitting = [name for name in names() if name.startswith(incomplete)]
    return [CompletionItem(name, help=description(name)) for name in fitting]


@click.command(
    "new",
    cls=Verb,
    example="nnc new flowers --template iris\nnnc new --list",
    short_help="a working spec to start from",
)
@click.argument("name", required=False, type=FILE)
@click.option("--template", shell_complete=_names, help="which one; `--list` shows them all")
@click.option("--list", "list_", is_flag=True, help="show the templates")
def command(name: str | None, template: str | None, list_: bool) -> None:
    """Write NAME.nn, a working spec to start from, with the data it needs beside it.

    Without `--template`, a template called NAME is taken if there is one, else xor. What exists is
    never overwritten.
    """
    from nnc import templates

    if list_:
        width = max(map(len, templates.names()))
        give("\n".join(f"{t:{width}}  {templates.description(t)}" for t in templates.names()))
        return
    if name is None:
        raise click.UsageError("give a NAME for the spec, or `--list`")
    path = Path(name.removesuffix(".nn"))
    if not path.name.strip(".-"):
        raise Unusable(f"`{name}` is not a name for a spec", "choose one such as `digits`")
    chosen = _chosen(template, path.name)
    files = {f"{path}{end}": text for end, text in templates.written(chosen, path.name)}
    for file in files:
        if Path(file).exists():
            raise Unusable(f"{file} exists already", "choose another name")
    for file, text in files.items():
        write_text(file, text)
        say(f"written: {file}")
    say(f"next: nnc check {path}.nn")


def _chosen(template: str | None, name: str) -> str:
    from nnc import templates
    from nnc.compiler.diagnostics import did_you_mean

    if template is None:
        return name if name in templates.names() else templates.DEFAULT
    if template not in templates.names():
        cure = did_you_mean(template, templates.names())
        raise Unusable(f"there is no template `{template}`", cure or "`nnc new --list` shows them")
    return template
