"""`nnc schema`: the JSON Schema of a JSON spec."""

from __future__ import annotations

import click

from nnc.cli.terminal import give
from nnc.cli.verb import Verb


@click.command(
    "schema",
    cls=Verb,
    example="nnc schema > nnc.schema.json",
    short_help="the JSON Schema of a spec in JSON",
)
def command() -> None:
    """Write the JSON Schema of a spec in JSON, for editors and for programs that write specs."""
    import json

    from nnc.compiler.document.schema import schema

    give(json.dumps(schema(), indent=2, ensure_ascii=False))
