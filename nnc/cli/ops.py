"""`nnc ops`: the catalogue."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem

from nnc.cli.terminal import Unusable, give
from nnc.cli.verb import Verb


def _names(
    context: click.Context, option: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    from nnc.catalogue import entries

    fitting = [entry for entry in entries() if entry.word.startswith(incomplete)]
    return [CompletionItem(entry.word, help=entry.summary) for entry in fitting]


@click.command(
    "ops",
    cls=Verb,
    example="nnc ops\nnnc ops Conv2D",
    short_help="the catalogue: layers, losses, optimisers, …",
)
@click.argument("name", required=False, shell_complete=_names)
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
def command(name: str | None, format_: str) -> None:
    """List every word of the language, or show one: its arguments, formula, examples, backends."""
    from nnc import catalogue

    found = catalogue.entries(name)
    if not found:
        raise Unusable(f"there is no layer or other word `{name}`", _near(str(name)))
    if format_ == "json":
        import json
        from dataclasses import asdict

        give(json.dumps([asdict(entry) for entry in found], indent=2, ensure_ascii=False))
    elif name is None:
        give(catalogue.to_list(), end="")
    else:
        give("\n\n".join(catalogue.to_text(entry) for entry in found), end="")


def _near(name: str) -> str:
    from nnc.catalogue import entries
    from nnc.compiler.diagnostics import did_you_mean
    from nnc.compiler.vocabulary import foreign

    known = [n for entry in entries() for n in (entry.word, *entry.aliases)]
    return foreign.anywhere(name) or did_you_mean(name, known) or "`nnc ops` lists them all"
