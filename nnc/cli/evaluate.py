"""`nnc evaluate`: the loss and the metrics of a run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nnc.cli import specs
from nnc.cli.terminal import give, running
from nnc.cli.train import BACKENDS
from nnc.cli.verb import FILE, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nnc.backends.base import Counts
    from nnc.training.answers import Measured, Split, Which


@click.command(
    "evaluate",
    cls=Verb,
    example="nnc evaluate runs/digits-1\nnnc evaluate runs/digits-1 --data new.csv --format json",
    short_help="the loss and the metrics of a run",
)
@click.argument("run", type=FILE)
@click.option("--split", type=click.Choice(["test", "validation", "train", "all"]))
@click.option("--data", metavar="FILE", type=FILE, help="other examples, of the same form")
@click.option("--weights", type=click.Choice(["best", "last"]), help="without it the run's result")
@click.option("--backend", type=click.Choice(BACKENDS), help="without it the run's own")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
def command(
    run: str,
    split: Split | None,
    data: str | None,
    weights: Which | None,
    backend: str | None,
    format_: str,
) -> None:
    """Measure a run on its test examples, on another split, or on other examples.

    Without `--split` these are the test examples, or those of validation or training where there
    are none; with `--data` all of the file's.
    """
    from nnc.training import answers
    from nnc.training.folder import Folder

    folder = Folder(Path(run))
    specs.require(backend or folder.read_record().backend)
    with running():
        path = None if data is None else Path(data)
        found = answers.evaluate(folder, split=split, path=path, backend=backend, which=weights)
    if format_ == "json":
        give(json.dumps(asdict(found), indent=2))
        return
    give("\n".join(_shown(found)))


def _shown(found: Measured) -> Iterator[str]:
    """The lines of what was found: the numbers, then the tables."""
    from nnc.backends.base import numbers

    rows = [("split", found.split), ("examples", f"{found.examples:,}")]
    rows += [(name, f"{value:.6g}") for name, value in numbers(found.results).items()]
    width = max(len(name) for name, _ in rows)
    yield from (f"{name:{width}}  {text}" for name, text in rows)
    for name, result in found.results.items():
        if isinstance(result, list):
            yield from ("", name, *_table(found.classes[name], result))


def _table(names: list[str], counts: Counts) -> Iterator[str]:
    """The lines of a table of counts: true classes are rows, answers are columns."""
    from nnc.compiler.snippet import visible

    heads = [visible(name) for name in names]
    rows = [["true \\ predicted", *heads]]
    rows += [[head, *map(str, row)] for head, row in zip(heads, counts, strict=True)]
    first, *widths = (max(map(len, column)) for column in zip(*rows, strict=True))
    for head, *cells in rows:
        numbers = (f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
        yield "  " + "  ".join([f"{head:{first}}", *numbers])
