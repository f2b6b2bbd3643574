"""`nnc plot`: the graph of a model, the history of a run, or the curve of an activation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnc.cli import specs
from nnc.cli.terminal import Unusable, give, refuse_overwriting, write_text
from nnc.cli.verb import FILE, Verb

if TYPE_CHECKING:
    from nnc.compiler.vocabulary.ops.base import Activation

_FORMATS = {
    ".svg": "svg",
    ".html": "html",
    ".htm": "html",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
}
_RASTER = (".png", ".jpg", ".jpeg", ".webp", ".pdf")


@click.command(
    "plot",
    cls=Verb,
    example=(
        "nnc plot model.nn -o model.svg\n"
        "nnc plot runs/wide -o history.html\n"
        "nnc plot relu -o relu.svg"
    ),
    short_help="draw the graph of a model, the history of a run, or an activation",
)
@click.argument("file", required=False, type=FILE)
@click.option("--activation", metavar="NAME", help="the curve of an activation and its derivative")
@click.option(
    "-o", "--output", metavar="PATH", type=FILE, help=".svg, .html, .mmd or .dot; else to stdout"
)
@click.option("--format", "format_", type=click.Choice(["svg", "html", "mermaid", "dot"]))
@specs.set_option
def command(
    file: str | None,
    activation: str | None,
    output: str | None,
    format_: str | None,
    settings: dict[str, Any],
) -> None:
    """Draw the graph of a spec as SVG, as an HTML page, as a Mermaid flowchart or as DOT.

    Of a run's folder draw the history: loss, metrics, learning rate, gradients. With
    `--activation`, or with its name in place of FILE, draw an activation's curve and derivative.
    """
    if (file is None) == (activation is None):
        raise click.UsageError("give a FILE, or `--activation NAME`")
    if file is not None and not os.path.exists(file) and "." not in file and file != "-":
        file, activation = None, file
    format_ = format_ or _format_of(output)
    refuse_overwriting(output, file)
    if activation is not None:
        text = _curve(activation, format_)
    elif os.path.isdir(str(file)):
        text = _history(str(file), settings, format_)
    else:
        text = _graph(str(file), settings, format_)
    if output is None or output == "-":
        give(text, end="")
    else:
        write_text(output, text)


def _format_of(output: str | None) -> str:
    if output is None or output == "-":
        return "svg"
    suffix = os.path.splitext(output)[1].lower()
    if suffix not in _FORMATS:
        cure = "write .svg and convert it: every browser and drawing program does"
        message = f"pictures are written as .svg, .html, .mmd or .dot, not as {output}"
        raise Unusable(message, cure if suffix in _RASTER else None)
    return _FORMATS[suffix]


def _graph(file: str, settings: dict[str, Any], format_: str) -> str:
    program = specs.program(file, settings)
    from nnc.plot.drawing import drawing

    drawn = drawing(program.graph)
    if format_ == "mermaid":
        from nnc.plot.mermaid import mermaid

        return mermaid(drawn)
    if format_ == "dot":
        from nnc.plot.dot import dot

        return dot(drawn)
    from nnc.plot import svg

    return svg.html(drawn) if format_ == "html" else svg.svg(drawn)


def _history(path: str, settings: dict[str, Any], format_: str) -> str:
    """The history of a run."""
    if format_ not in ("svg", "html"):
        raise click.UsageError("the history of a run is drawn as SVG or HTML")
    if settings:
        raise click.UsageError("`--set` is for a spec: a run has had its parameters")
    from nnc.plot.lines import document, text
    from nnc.training.folder import Folder
    from nnc.training.report import curves, page

    folder = Folder(Path(path))
    record = folder.read_record()
    found = curves.charts(folder, record)
    if format_ == "svg":
        return document(record.name, found)
    return page.page(record.name, [f"<h1>{text(record.name)}</h1>", page.charts(found)])


def _curve(name: str, format_: str) -> str:
    op = _activation(name)
    if format_ != "svg":
        raise click.UsageError("a curve is drawn as SVG")
    from nnc.plot.curve import curve

    return curve(op)


def _activation(name: str) -> Activation:
    from nnc.compiler import vocabulary  # noqa: F401  enters every word in the register
    from nnc.compiler.diagnostics import did_you_mean
    from nnc.compiler.vocabulary import base
    from nnc.compiler.vocabulary.ops.base import Activation, ElementWise

    found = base.find("op", name)
    if found is None or not issubclass(found, Activation):
        known = [
            n
            for n in base.names("op", aliases=False)
            if issubclass(base.find("op", n) or base.Word, Activation)
        ]
        cure = did_you_mean(name, known) or "`nnc ops` lists them"
        raise Unusable(f"there is neither a file nor an activation `{name}`", cure)
    if found.word == "softmax" or not issubclass(found, ElementWise):
        raise Unusable(f"`{name}` works on several numbers at once and has no curve")
    return found()
