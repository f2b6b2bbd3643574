"""`nnc verify`: the same weights and the same data on every backend."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnc.cli import specs
from nnc.cli.terminal import Unusable, give, refuse_overwriting, running, say
from nnc.cli.verb import FILE, Verb

if TYPE_CHECKING:
    from nnc.backends.base import Precision
    from nnc.compiler.ir import Program
    from nnc.verify.again import Again
    from nnc.verify.feed import Feed
    from nnc.verify.paths import Paths
    from nnc.verify.verdict import Verdict


@click.command(
    "verify",
    cls=Verb,
    example=(
        "nnc verify model.nn\n"
        "nnc verify model.nn --backend torch --backend onnx --float64\n"
        "nnc verify model.nn --steps 100 --certificate model.cert.json\n"
        "nnc verify model.nn --steps 20 --ranks 2\n"
        "nnc verify --cert model.cert.json"
    ),
    short_help="show that every backend computes the same network",
)
@click.argument("file", type=FILE, required=False)
@click.option(
    "--backend",
    "backends",
    multiple=True,
    type=click.Choice(["torch", "keras", "onnx"]),
    help="which one; may be repeated; all without it",
)
@click.option(
    "--steps",
    type=click.IntRange(1, 1_000_000),
    metavar="K",
    help="compare K updates of training, in float64 and in float32",
)
@click.option(
    "--ranks",
    type=click.IntRange(2, 64),
    metavar="N",
    help="with --steps: N processes train the program of `compile --distributed`, too",
)
@click.option(
    "--weights",
    metavar="FILE",
    type=FILE,
    help="safetensors; without it random weights, with --steps the initial ones",
)
@click.option("--float64", is_flag=True, help="compute in float64 alone")
@click.option("--batch", type=click.IntRange(1, 4096), default=4, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), help="of the random weights and data")
@click.option("--certificate", metavar="FILE", type=FILE, help="write down what is found, as JSON")
@click.option("--cert", metavar="FILE", type=FILE, help="check a certificate again, without a spec")
@click.option("--details", is_flag=True, help="show every comparison")
@click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text")
@specs.set_option
@click.pass_context
def command(context: click.Context, /, **given: Any) -> None:
    """Compare outputs, loss and gradients of every backend with a float64 reference.

    With `--steps K` a training is compared instead, update by update, with dropout on: on the
    spec's own data in its order, or on random examples where there is none. `--ranks N` adds the
    same training by N processes on this machine, each with its rows of every batch.

    Exit code 0: all agree; 1: one differs, and the first layer that does is named; 2: a backend
    that was asked for isn't installed. Without `--backend`, those that aren't installed are left
    out.
    """
    asked = Asked(**given)
    found = _all(asked) if asked.cert is None else _again(asked)
    if asked.format_ == "json":
        give(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        give(_text(found, details=asked.details).rstrip("\n"))
    if not found.complete:
        say("not everything was compared")
    context.exit(0 if found.agrees else 1)


def _again(asked: Asked) -> Again:
    """A certificate checked."""
    from nnc.cli import certifying

    assert asked.cert is not None
    others = {
        "steps": asked.steps,
        "ranks": asked.ranks,
        "backend": asked.backends,
        "certificate": asked.certificate,
    }
    certifying.refuse(asked.file, {**others, "float64": asked.float64, "set": asked.settings})
    return certifying.check(asked.cert, asked.weights)


def _all(asked: Asked) -> Verdict | Paths:
    """What was asked for, compared, and written down where that was asked for too."""
    if asked.file is None:
        raise click.UsageError("give a spec, or a certificate with `--cert`")
    refuse_overwriting(asked.certificate, asked.file, asked.weights)
    program = specs.program(asked.file, asked.settings)
    for backend in asked.backends:
        specs.require(backend)
    if asked.ranks is not None:
        _require_ranks(asked)
    weights = specs.weights(program, asked.weights) if asked.weights else None
    trained = None if asked.steps is None else _training(asked, program, weights)
    if trained is not None and asked.certificate is None:
        return trained[1]
    verdict = _network(asked, program, weights)
    if asked.certificate is not None:
        from nnc.cli import certifying

        certifying.write(asked.certificate, program, verdict, trained, weights)
    return verdict if trained is None else trained[1]


def _require_ranks(asked: Asked) -> None:
    """Raise Unusable unless several processes can train here."""
    from nnc.backends.registry import BACKENDS

    if asked.steps is None:
        raise click.UsageError("`--ranks` compares steps of training: say `--steps K` as well")
    able = [b for b in BACKENDS.values() if b.load_ranks is not None]
    chosen = [b for b in able if b.name in asked.backends or not asked.backends]
    if not chosen:
        names = " or ".join(f"`--backend {b.name}`" for b in able)
        raise click.UsageError(f"`--ranks` is for {names}")
    for backend in chosen:
        specs.require(backend.name)
        assert backend.load_ranks is not None
        with running():
            lacking = backend.load_ranks().lacking()
        if lacking is not None:
            raise Unusable(f"several processes can't train here: {lacking}")


@dataclass(frozen=True)
class Asked:
    """What stands on the command line."""

    file: str | None
    backends: tuple[str, ...]
    steps: int | None
    ranks: int | None
    weights: str | None
    float64: bool
    batch: int
    seed: int | None
    certificate: str | None
    cert: str | None
    details: bool
    format_: str
    settings: dict[str, Any]


def _network(asked: Asked, program: Program, weights: dict[str, Any] | None) -> Verdict:
    """One batch compared."""
    from nnc.verify import verify

    with running():
        return verify(
            program,
            backends=asked.backends or None,
            weights=weights,
            batch=asked.batch,
            seed=asked.seed,
            precision="float64" if asked.float64 else "float32",
        )


def _training(asked: Asked, program: Program, weights: dict[str, Any] | None) -> tuple[Feed, Paths]:
    """Some updates compared. Raises Failed for a spec that says nothing of training."""
    from nnc.backends import initial
    from nnc.verify import verify_steps

    assert asked.steps is not None
    precisions: tuple[Precision, ...] = ("float64",) if asked.float64 else ("float64", "float32")
    with running():
        feed = _feed(asked, program, asked.steps)
        return feed, verify_steps(
            program,
            steps=asked.steps,
            feed=feed,
            weights=weights or dict(initial.weights(program.graph, program.seed)),
            backends=asked.backends or None,
            precisions=precisions,
            ranks=asked.ranks or 1,
        )


def _feed(asked: Asked, program: Program, steps: int) -> Feed:
    """The spec's own examples where they can be read, random ones elsewhere."""
    from nnc.backends import reach
    from nnc.compiler.diagnostics import Diagnostic, Failed
    from nnc.training.data import open_data
    from nnc.verify import feed

    if program.training is None:
        raise Failed(
            [
                Diagnostic(
                    "E721",
                    "the spec has no train block, so there are no steps to compare",
                    help="leave `--steps` out to compare the network, or write a `train` block",
                )
            ]
        )
    reach.refuse_unmoved(program)
    if program.data is not None:
        try:
            base = Path() if asked.file in (None, "-") else Path(str(asked.file)).parent
            return feed.of_data(program, open_data(program, base))
        except Failed as failed:
            say(f"random examples are used, for the data can't be: {failed.diagnostics[0].message}")
    seed = program.seed if asked.seed is None else asked.seed
    return feed.at_random(program, asked.batch, seed, steps)


def _text(found: Verdict | Paths | Again, *, details: bool) -> str:
    from nnc.verify import Paths, Verdict, again, chart, render

    if isinstance(found, Verdict):
        return render(found, details=details)
    if isinstance(found, Paths):
        return chart.render(found, details=details)
    return again.render(found)
