"""`nnc predict`: a spec with weights, applied to data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nnc.cli import specs
from nnc.cli.terminal import Unusable, give, refuse_overwriting, running, say, write_chunks
from nnc.cli.verb import FILE, Verb

if TYPE_CHECKING:
    from nnc.backends.base import Arrays
    from nnc.compiler.ir import Program
    from nnc.training.answers import Classes

BACKENDS = ("onnx", "torch", "keras", "reference")


@click.command(
    "predict",
    cls=Verb,
    example=(
        "nnc predict xor.nn --weights xor.safetensors --input points.csv\n"
        "nnc predict xor.nn --weights xor.safetensors --input points.npz --backend torch -o p.npz\n"
        "nnc predict runs/iris-1 --input flowers.csv\n"
        "nnc predict model.onnx --input points.csv"
    ),
    short_help="apply a run, a spec with weights, or an ONNX model to data",
)
@specs.file_argument
@click.option(
    "--weights", metavar="FILE", type=FILE, help="safetensors; without it the initial weights"
)
@click.option(
    "--input", "data", metavar="FILE", type=FILE, required=True, help=".npz by names, .npy, or .csv"
)
@click.option("--backend", type=click.Choice(BACKENDS), help="what runs it; onnx without it")
@click.option(
    "-o", "--output", metavar="PATH", type=FILE, help=".csv or .npz; CSV on stdout without it"
)
@specs.set_option
def command(
    file: str,
    weights: str | None,
    data: str,
    backend: str | None,
    output: str | None,
    settings: dict[str, Any],
) -> None:
    """Apply a run, a spec with weights, or an ONNX model of whatever origin to examples in a file.

    A CSV file has a row for each example; a line of names (`x[0],x[1]`) says which column is what,
    and may be left out when the model has one input of numbers. In an .npz file arrays have the
    names of the inputs. A run reads the kind of file that it was trained on, prepares it as it has
    learnt to, and names classes.
    """
    refuse_overwriting(output, file, weights, data)
    from nnc import predict

    if output not in (None, "-") and not predict.writable(str(output)):
        raise Unusable(f"results are written as .csv or .npz, not as {output}")
    classes: dict[str, Classes] = {}
    if file.lower().endswith(".onnx"):
        if weights is not None or settings or backend not in (None, "onnx"):
            raise click.UsageError("an ONNX model has its weights, and runs on onnxruntime alone")
        results = _of_model(file, data)
    elif Path(file).is_dir():
        if settings:
            raise click.UsageError("a run keeps its settings: `--set` is for specs")
        results, classes = _of_run(Path(file), weights, data, backend or "onnx")
    else:
        results = _of_spec(file, weights, data, backend or "onnx", settings)
    as_csv = output is None or not output.lower().endswith(".npz")
    if not predict.has_rows(results):
        if as_csv:
            message = f"{file} gives results without a row for each example"
            raise Unusable(message, "write them as arrays: `-o results.npz`")
    elif lost := predict.without_number(results):
        count = len(next(iter(results.values())))
        say(f"warning: {lost} of {count} examples of {data} have results that are no numbers (nan)")
    if output is None or output == "-":
        give(predict.to_csv(results, classes), end="")
    elif as_csv:
        write_chunks(output, (predict.to_csv(results, classes).encode(),))
    else:
        write_chunks(output, (predict.to_npz(results),))


def _of_run(
    path: Path, weights: str | None, data: str, backend: str
) -> tuple[Arrays, dict[str, Classes]]:
    """The results of a run by output, and the classes that outputs tell apart."""
    from nnc.training import answers
    from nnc.training.folder import Folder
    from nnc.training.units import restored

    folder = Folder(path)
    record, program = folder.read_record(), folder.read_program()
    specs.require(backend)
    if weights is None:
        arrays = answers.read_weights(folder, record, program)
    else:
        arrays = specs.weights(program, weights)
    fitted, labels = folder.read_fitted()
    suffix = Path(data).suffix.lower()
    prepared = suffix not in (".npz", ".npy") and answers.takes_files(program)
    if prepared:
        inputs = answers.prepared(program, fitted, Path(data))
    else:
        if program.data is not None and not suffix.startswith(".np"):
            say(f"{data} is taken as prepared already: the run's data do not come from one file")
        inputs = _inputs(data, program)
    results = _run(program, arrays, inputs, backend)
    if prepared:
        results = restored(program, fitted, results)
    return results, answers.classes(program, labels)


def _of_spec(
    file: str, weights: str | None, data: str, backend: str, settings: dict[str, Any]
) -> Arrays:
    program = specs.program(file, settings)
    if weights is None and program.graph.weights:
        say("without `--weights` these are the results of an untrained network")
    specs.require(backend)
    arrays = specs.weights(program, weights)
    return _run(program, arrays, _inputs(data, program), backend)


def _of_model(file: str, data: str) -> Arrays:
    specs.require("onnx")
    from nnc import predict
    from nnc.backends.onnx.foreign.session import ForeignModel

    try:
        model = ForeignModel(Path(file))
    except OSError as error:
        raise specs.unreadable(file, error) from None
    try:
        inputs = predict.read_inputs(Path(data), model.inputs)
    except OSError as error:
        raise specs.unreadable(data, error) from None
    return model.tensors(inputs)


def _inputs(data: str, program: Program) -> Arrays:
    from nnc import predict

    try:
        return predict.read_program_inputs(Path(data), program)
    except OSError as error:
        raise specs.unreadable(data, error) from None


def _run(program: Program, weights: Arrays, inputs: Arrays, backend: str) -> Arrays:
    from nnc.backends import registry
    from nnc.compiler.diagnostics import Failed

    if backend == "reference":
        return registry.REFERENCE.load_runner()(program, weights, "float64").outputs(inputs)
    chosen = registry.BACKENDS[backend]
    refused = chosen.refusals(program)
    if refused:
        raise Failed(refused)
    with running():
        return chosen.load_runner()(program, weights).outputs(inputs)
