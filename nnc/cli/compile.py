"""`nnc compile`: a spec as source that stands alone, or as a model file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnc.cli import specs
from nnc.cli.terminal import (
    Unusable,
    give_bytes,
    is_terminal,
    refuse_overwriting,
    say,
    write_chunks,
)
from nnc.cli.verb import FILE, Verb

if TYPE_CHECKING:
    from nnc.backends.base import Arrays, Artifact
    from nnc.compiler.ir import Program

_INITIAL = {"state": "initial"}
"""Marks a file of weights that nobody has trained."""
BACKENDS = ("torch", "keras", "onnx")


@click.command(
    "compile",
    cls=Verb,
    example=(
        "nnc compile xor.nn --backend torch -o xor.py\n"
        "nnc compile xor.nn --backend onnx -o xor.onnx --weights xor.safetensors"
    ),
    short_help="write PyTorch or Keras source, or an ONNX model",
)
@specs.file_argument
@click.option("--backend", type=click.Choice(BACKENDS), required=True)
@click.option("-o", "--output", metavar="PATH", type=FILE, help="where to write; `-` is stdout")
@click.option(
    "--weights", metavar="FILE", type=FILE, help="a safetensors file instead of initial weights"
)
@specs.set_option
@click.option(
    "--seed", type=click.IntRange(min=0), help="draw the initial weights from another seed"
)
@click.option(
    "--distributed", is_flag=True, help="PyTorch: several processes train it, started by torchrun"
)
@click.option("--opset", type=int, help="ONNX: the operator set, 18 to 26 (20 without it)")
@click.option(
    "--train", "trains", is_flag=True, help="ONNX: a folder with the training step as a model too"
)
@click.option(
    "--updates",
    metavar="N",
    type=click.IntRange(min=1),
    help="with --train: how many learning rates of a schedule are written",
)
def command(
    file: str,
    backend: str,
    output: str | None,
    weights: str | None,
    settings: dict[str, Any],
    seed: int | None,
    distributed: bool,
    opset: int | None,
    trains: bool,
    updates: int | None,
) -> None:
    """Write a spec as source that needs nothing of nnc, or as an ONNX model.

    Source goes to stdout without `-o`. With `-o xor.py` the weights are written beside it as
    xor.safetensors: those of `--weights`, or initial ones drawn from the spec's seed.

    With `--train -o FOLDER` an ONNX model is written as train_step.onnx, eval.onnx and infer.onnx
    with the state they begin with, and manifest.json, which says what goes where: any ONNX Runtime
    can train it.
    """
    _check_options(backend, output, opset, distributed=distributed)
    _check_training(backend, output, trains, updates)
    refuse_overwriting(output, file, weights)
    program = specs.program(file, settings)
    if seed is not None:
        program = replace(program, seed=seed)
    if trains and output:
        _write_training(program, specs.weights(program, weights), Path(output), opset, updates)
        return
    target = None if output in (None, "-") else output
    if backend == "onnx":
        artifact = _onnx(program, specs.weights(program, weights), opset)
    else:
        artifact = _source(program, backend, distributed=distributed)
    if target is not None:
        _write(target, artifact, program, weights)
        return
    if backend != "onnx" and weights is not None:
        say("the source holds no weights: with `-o` they are written beside it")
    give_bytes(artifact.chunks)


def _write(target: str, artifact: Artifact, program: Program, weights: str | None) -> None:
    """Write an artifact, and weights beside source. What goes beside is looked at first: nothing
    is written when one of the two can't be."""
    path = Path(target).with_suffix(".safetensors")
    is_model = artifact.suffix == ".onnx"
    chunks = None if is_model else _weights_beside(program, weights, path)
    write_chunks(target, artifact.chunks)
    if chunks is not None:
        write_chunks(str(path), chunks)


def _check_options(
    backend: str, output: str | None, opset: int | None, *, distributed: bool
) -> None:
    if distributed and backend != "torch":
        raise click.UsageError("`--distributed` is for `--backend torch`")
    if backend == "onnx" and output in (None, "-") and is_terminal():
        raise Unusable("an ONNX model is binary and not for a terminal", "write `-o model.onnx`")
    if output and output.endswith(".safetensors"):
        raise Unusable(f"{output} is a name for weights, and this writes a model")
    if opset is None:
        return
    if backend != "onnx":
        raise click.UsageError("`--opset` is for `--backend onnx`")
    from nnc.backends.onnx.model import IR_VERSIONS

    if opset not in IR_VERSIONS:
        known = sorted(IR_VERSIONS)
        raise click.UsageError(f"`--opset` goes from {known[0]} to {known[-1]}, not {opset}")


def _check_training(backend: str, output: str | None, trains: bool, updates: int | None) -> None:
    if trains and backend != "onnx":
        raise click.UsageError("`--train` is for `--backend onnx`: source trains as it is")
    if trains and output in (None, "-"):
        raise click.UsageError("`--train` writes a folder: `-o FOLDER`")
    if updates is not None and not trains:
        raise click.UsageError("`--updates` is for `--train`")


def _write_training(
    program: Program, weights: Arrays, folder: Path, opset: int | None, updates: int | None
) -> None:
    """The folder with the training step; the manifest comes last, when all is there."""
    specs.require("onnx")
    from nnc.backends.onnx.emit import DEFAULT_OPSET
    from nnc.backends.onnx.folder import training_files
    from nnc.training.engines import Setup
    from nnc.training.start import check

    check(program, Setup("onnx"))
    rates = _rates(program, updates)
    files = training_files(program, weights, rates, opset=opset or DEFAULT_OPSET)
    try:
        folder.mkdir()
    except FileExistsError:
        raise Unusable(f"{folder} exists already", "choose another folder") from None
    except OSError as error:
        raise Unusable(f"can't write {folder}: {(error.strerror or str(error)).lower()}") from None
    for name, chunks in files.items():
        write_chunks(str(folder / name), chunks)


def _rates(program: Program, updates: int | None) -> list[float]:
    """The learning rate of each update; one that holds on where it doesn't change."""
    from nnc.backends.reference.schedules import rate
    from nnc.compiler.vocabulary.schedules import ConstantRate, Plateau

    training = program.training
    assert training is not None
    schedule, base = training.schedule, training.optimizer.lr
    if updates is None:
        if not isinstance(schedule, ConstantRate | Plateau):
            raise click.UsageError(f"the rate follows `{schedule.word}`: say `--updates N`")
        updates = max(1, schedule.warmup_steps)
    return [rate(schedule, base, t, updates) for t in range(updates)]


def _source(program: Program, backend: str, *, distributed: bool) -> Artifact:
    from nnc.backends import registry
    from nnc.compiler.diagnostics import Diagnostic, Failed

    chosen = registry.BACKENDS[backend]
    refused = chosen.refusals(program)
    if refused:
        raise Failed(refused)
    assert chosen.load_emit is not None
    if not distributed:
        return chosen.load_emit()(program)
    if program.training is None:
        message = "the spec has no train block, so there is nothing to divide among processes"
        raise Failed([Diagnostic("E724", message, help="leave `--distributed` out")])
    from nnc.training.engines import check_parts

    check_parts(program, "compile without `--distributed`")
    return chosen.load_emit()(program, distributed=True)


def _onnx(program: Program, weights: Arrays, opset: int | None) -> Artifact:
    specs.require("onnx")
    from nnc.backends.onnx.emit import DEFAULT_OPSET, emit

    return emit(program, weights, opset=opset or DEFAULT_OPSET)


def _weights_beside(program: Program, given: str | None, path: Path) -> list[bytes] | None:
    """The file of weights beside the source, or None when there is nothing to write.

    Raises Unusable when the file exists and may hold weights that somebody trained.
    """
    from nnc.backends.safetensors import encoded

    weights = specs.weights(program, given)
    if not weights or (given is not None and path.exists() and os.path.samefile(given, path)):
        return None
    metadata = {"format": "pt", "producer": "nnc", **({} if given else _INITIAL)}
    data = b"".join(encoded(weights, metadata))
    if path.exists() and not _may_go(path, data):
        raise Unusable(
            f"{path} holds weights that would be lost",
            f"move it away, or use it with `--weights {path}`",
        )
    return [data]


def _may_go(path: Path, new: bytes) -> bool:
    """Whether a file holds the same weights, or initial ones, which can be drawn again."""
    old = path.read_bytes()
    (name, value), *_ = _INITIAL.items()
    mark = f'"{name}":"{value}"'.encode()
    return old == new or mark in old[:300].replace(b" ", b"")
