"""`nnc verify`: the same weights and the same data on every backend."""

from __future__ import annotations

import json
from typing import Any

import click

from nnc.cli import specs
from nnc.cli.terminal import give, running, say
from nnc.cli.verb import FILE, Verb


@click.command(
    "verify",
    cls=Verb,
    example="nnc verify model.nn\nnnc verify model.nn --backend torch --backend onnx --float64",
    short_help="show that every backend computes the same network",
)
@specs.file_argument
@click.option(
    "--backend",
    "backends",
    multiple=True,
    type=click.Choice(["torch", "keras", "onnx"]),
    help="which one; may be repeated; all without it",
)
@click.option("--weights", metavar="FILE", type=FILE, help="safetensors; without it random weights")
@click.option("--float64", is_flag=True, help="compute in float64 instead of float32")
@click.option("--batch", type=click.IntRange(1, 4096), default=4, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), help="of the random weights and data")
@click.option("--details", is_flag=True, help="show every comparison")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
@specs.set_option
@click.pass_context
def command(
    context: click.Context,
    file: str,
    backends: tuple[str, ...],
    weights: str | None,
    float64: bool,
    batch: int,
    seed: int | None,
    details: bool,
    format_: str,
    settings: dict[str, Any],
) -> None:
    """Compare outputs, loss and gradients of every backend with a float64 reference.

    Exit code 0: all agree; 1: one differs, and the first layer that does is named; 2: a backend
    that was asked for isn't installed. Without `--backend`, those that aren't installed are left
    out.
    """
    program = specs.program(file, settings)
    for backend in backends:
        specs.require(backend)
    given = specs.weights(program, weights) if weights else None
    from nnc.verify import render, verify

    with running():
        verdict = verify(
            program,
            backends=backends or None,
            weights=given,
            batch=batch,
            seed=seed,
            precision="float64" if float64 else "float32",
        )
    if format_ == "json":
        give(json.dumps(verdict.to_json(), indent=2, ensure_ascii=False))
    else:
        give(render(verdict, details=details).rstrip("\n"))
    if not verdict.complete:
        say("not every backend was compared")
    context.exit(0 if verdict.agrees else 1)
