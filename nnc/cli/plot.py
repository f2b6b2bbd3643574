"""`nnc plot`: the graph of a model, or the curve of an activation."""

from __future__ import annotations

import os
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
}


@click.command(
    "plot",
    cls=Verb,
    example="nnc plot model.nn -o model.svg\nnnc plot relu -o relu.svg",
    short_help="draw the graph of a model, or the curve of an activation",
)
@click.argument("file", required=False, type=FILE)
@click.option("--activation", metavar="NAME", help="the curve of an activation and its derivative")
@click.option(
    "-o", "--output", metavar="PATH", type=FILE, help=".svg, .html or .mmd; stdout without it"
)
@click.option("--format", "format_", type=click.Choice(["svg", "html", "mermaid"]))
@specs.set_option
def command(
    file: str | None,
    activation: str | None,
    output: str | None,
    format_: str | None,
    settings: dict[str, Any],
) -> None:
    """Draw the graph of a spec as SVG, as an HTML page, or as a Mermaid flowchart.

    With `--activation`, or with its name in place of FILE, draw an activation's curve and
    derivative.
    """
    if (file is None) == (activation is None):
        raise click.UsageError("give a FILE, or `--activation NAME`")
    if file is not None and not os.path.exists(file) and "." not in file and file != "-":
        file, activation = None, file
    format_ = format_ or _format_of(output)
    refuse_overwriting(output, file)
    if activation is not None:
        text = _curve(activation, format_)
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
        raise Unusable(f"pictures are written as .svg, .html or .mmd, not as {output}")
    return _FORMATS[suffix]


def _graph(file: str, settings: dict[str, Any], format_: str) -> str:
    program = specs.program(file, settings)
    from nnc.plot.drawing import drawing

    drawn = drawing(program.graph)
    if format_ == "mermaid":
        from nnc.plot.mermaid import mermaid

        return mermaid(drawn)
    from nnc.plot import svg

    return svg.html(drawn) if format_ == "html" else svg.svg(drawn)


def _curve(name: str, format_: str) -> str:
    if format_ != "svg":
        raise click.UsageError("a curve is drawn as SVG")
    op = _activation(name)
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
