"""`nnc summary`: layers, shapes, parameters, work and memory."""

from __future__ import annotations

from typing import Any

import click

from nnc.cli import specs
from nnc.cli.terminal import give
from nnc.cli.verb import Verb


@click.command(
    "summary",
    cls=Verb,
    example="nnc summary model.nn\nnnc summary model.nn --format json",
    short_help="layers, shapes, parameters, multiply-adds, memory",
)
@specs.file_argument
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
@specs.set_option
def command(file: str, format_: str, settings: dict[str, Any]) -> None:
    """Show the layers of a spec with their shapes, parameters, multiply-adds and memory.

    Everything counts ONE example; a size that is free at run time counts as 1.
    """
    from nnc import summary

    found = summary.summarize(specs.program(file, settings))
    give(summary.to_json(found) if format_ == "json" else summary.to_text(found), end="")
