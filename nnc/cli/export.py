"""`nnc export`: a network with its weights as a model for a runtime."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from nnc.cli import specs
from nnc.cli.terminal import Unusable, refuse_overwriting, running, say, write_chunks
from nnc.cli.verb import FILE, Verb
from nnc.compiler.diagnostics import Failed

if TYPE_CHECKING:
    from nnc.deployment.export import Chunks, Exported, Options
    from nnc.deployment.given import Given

TARGETS = ("ort", "web", "tensorrt", "openvino", "coreml")
LEVELS = ("none", "safe", "deploy", "fused")
_OF_PAGE = ("file", "web", "runtime", "weights", "settings")
"""What `--web` goes by."""


@click.command(
    "export",
    cls=Verb,
    example=(
        "nnc export xor.nn -o xor.onnx --weights xor.safetensors\n"
        "nnc export xor.nn -o out/xor.onnx --target tensorrt --optimize deploy --card\n"
        "nnc export runs/Digits-1 -o digits.onnx --precision int8\n"
        "nnc export xor.nn --web page --weights xor.safetensors\n"
        "nnc export xor.nn --triton models --weights xor.safetensors"
    ),
    short_help="write an ONNX model for a runtime, with its card and proofs",
)
@specs.file_argument
@click.option("-o", "--output", metavar="PATH", type=FILE, help="the model file")
@click.option("--triton", metavar="DIR", type=FILE, help="a repository for Triton, instead")
@click.option("--web", metavar="DIR", type=FILE, help="a page that runs it, instead of a model")
@click.option(
    "--runtime", metavar="DIR", type=FILE, help="onnxruntime-web for the page; else npm fetches it"
)
@click.option(
    "--weights", metavar="FILE", type=FILE, help="safetensors; without it the initial weights"
)
@click.option(
    "--target", type=click.Choice(TARGETS), default="ort", show_default=True, help="the runtime"
)
@click.option(
    "--optimize",
    type=click.Choice(LEVELS),
    default="safe",
    show_default=True,
    help="none: every layer and name stays; deploy: weights are folded; fused: activations, too,"
    " for ort alone",
)
@click.option("--opset", type=int, help="the operator set; without it the target's (20)")
@click.option("--external-data", "external", is_flag=True, help="weights in a file beside it")
@click.option("--test-vectors", is_flag=True, help="test_data_set_0 beside it, as ONNX has it")
@click.option(
    "--precision",
    type=click.Choice(["float32", "fp16", "int8"]),
    default="float32",
    show_default=True,
    help="less than float32 has to pass a gate on held-out examples",
)
@click.option("--data", metavar="FILE", type=FILE, help="examples in place of the data block's")
@click.option(
    "--max-drop", type=click.FloatRange(0), default=0.01, show_default=True, help="of the metric"
)
@click.option("--keep", metavar="LAYER", multiple=True, help="a layer that stays in float32")
@click.option("--with-preprocessing", "around", is_flag=True, help="data as a run's file has it")
@click.option("--card", "carded", is_flag=True, help="a model card beside it, in Markdown")
@specs.set_option
def command(
    file: str,
    output: str | None,
    triton: str | None,
    web: str | None,
    runtime: str | None,
    weights: str | None,
    data: str | None,
    max_drop: float,
    around: bool,
    test_vectors: bool,
    carded: bool,
    settings: dict[str, Any],
    **asked: Any,
) -> None:
    """Write an ONNX model for a runtime: its operators, its versions, in a form that is fast there.

    FILE is a spec, or the folder of a run. A layer that the target can't run is refused by name.
    The same spec, weights and options give the same bytes; the SHA-256 is shown, and stands in the
    card.
    """
    if web is not None:
        _refuse_beside_page()
        _page(file, settings, weights, web, runtime)
        return
    if runtime is not None:
        raise click.UsageError("`--runtime` is for the page that `--web` makes")
    place = _place(output, triton)
    refuse_overwriting(output, file, weights, data)
    specs.require("onnx")
    from nnc.deployment.export import Options

    options = Options(**asked)
    _check_options(options, data)
    given = _given(file, weights, settings)
    fitted = _fitted(given) if around else None
    options = replace(options, labels=given.output_labels, fitted=fitted)
    model = _made(given, place.name, options, data, max_drop)
    files = dict(_files(model, given.weights, test_vectors, carded))
    if triton is None:
        _write(place.parent, files)
    else:
        _write_repository(model, files, place)
    _tell(model)


def _refuse_beside_page() -> None:
    """A page has its own model: raise UsageError for options about another one."""
    context = click.get_current_context()
    for parameter in context.command.params:
        name = parameter.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in _OF_PAGE:
            raise click.UsageError(f"`{parameter.opts[-1]}` is not for a page, which `--web` makes")


def _given(file: str, weights: str | None, settings: dict[str, Any]) -> Given:
    """The network of a spec, or of the folder of a run."""
    from nnc.deployment.given import Given, of_run

    if Path(file).is_dir():
        if weights is not None or settings:
            raise click.UsageError("a run has its weights and its settings")
        try:
            return of_run(Path(file))
        except OSError as error:
            raise specs.unreadable(file, error) from None
    program = specs.program(file, settings)
    arrays = specs.weights(program, weights)
    if weights is None and arrays:
        say("without `--weights` this is an untrained network")
    return Given(program, arrays, Path.cwd() if file == "-" else Path(file).parent)


def _fitted(given: Given) -> Mapping[str, Any]:
    """What preparations learnt in the run that is exported."""
    if given.fitted is None:
        raise click.UsageError(
            "`--with-preprocessing` needs the folder of a run: `nnc train` first"
        )
    return given.fitted


def _made(given: Given, name: str, options: Options, data: str | None, max_drop: float) -> Exported:
    if options.precision == "float32":
        from nnc.deployment.export import exported

        return exported(given.program, given.weights, name, options)
    from nnc.deployment.precision import reduced, table

    examples = given.data(Path(data) if data else None)
    with running():
        model, rows = reduced(given.program, given.weights, name, options, examples, max_drop)
    say(table(rows))
    return model


def _files(
    model: Exported, arrays: dict[str, Any], test_vectors: bool, carded: bool
) -> Iterator[tuple[str, Chunks]]:
    """The files of a model, and what is wanted beside it."""
    yield from model.files.items()
    if test_vectors:
        from nnc.deployment.vectors import vectors

        yield from vectors(model, arrays).items()
    if carded:
        from nnc.deployment.card import card

        yield f"{Path(model.name).stem}.card.md", (card(model).encode(),)


def _page(
    file: str, settings: dict[str, Any], weights: str | None, folder: str, runtime: str | None
) -> None:
    """Write the folder of a page; the data of the spec, where it can be read, gives examples."""
    from nnc.deployment.web.folder import write_page
    from nnc.deployment.web.training import hindrance

    given = _given(file, weights, settings)
    data = None
    if given.program.data is not None:
        try:
            data = given.data(None)
        except Failed as problem:
            say(f"the page has no examples: {problem.diagnostics[0].message}")
    place = Path(runtime) if runtime else None
    try:
        write_page(
            *(given.program, given.weights, Path(folder)),
            data=data,
            unprepared=given.unprepared,
            runtime=place,
        )
    except FileExistsError:
        raise Unusable(f"{folder} exists already", "choose another name, or remove it") from None
    except OSError as error:
        raise Unusable(f"can't write {folder}: {error.strerror}") from None
    why = hindrance(given.program, data) if data is not None else None
    if why is not None and given.program.training is not None:
        say(f"the page doesn't train: {why}")
    say(f"{folder}: serve it with `python -m http.server -d {folder}` and open localhost:8000")


def _place(output: str | None, triton: str | None) -> Path:
    """Where the model goes; for a repository, a name in its folder."""
    if (output is None) == (triton is None):
        raise click.UsageError(
            "say where the result goes: -o MODEL.onnx, or --web DIR, or --triton DIR"
        )
    if triton is not None:
        return Path(triton) / "model.onnx"
    assert output is not None
    if output == "-" or Path(output).suffix != ".onnx":
        raise Unusable(f"{output} is no name for a model", "end it with `.onnx`")
    return Path(output)


def _write_repository(model: Exported, files: dict[str, Chunks], place: Path) -> None:
    """Write a repository; what else was asked for goes beside the configuration."""
    from nnc.deployment.triton import repository

    name = model.graph.name
    if (place.parent / name).exists():
        raise Unusable(f"{place.parent / name} exists already", "choose another folder")
    made = repository(model)
    made |= {f"{name}/{path}": chunks for path, chunks in files.items() if path not in model.files}
    _write(place.parent, made)


def _check_options(options: Options, data: str | None) -> None:
    if options.precision == "float32" and (data or options.keep):
        raise click.UsageError("`--data` and `--keep` are for `--precision fp16` or `int8`")
    if options.optimize == "fused" and options.target != "ort":
        raise click.UsageError(
            "`--optimize fused` writes operators of ONNX Runtime alone: it goes with `--target ort`"
        )
    if options.optimize == "fused" and options.precision != "float32":
        raise click.UsageError("`--optimize fused` is for float32")
    if options.precision != "float32" and options.external:
        raise click.UsageError("`--external-data` is for float32")
    known = options.runtime.opsets
    if options.opset is not None and options.opset not in known:
        raise click.UsageError(
            f"{options.runtime.title} takes opsets {known[0]} to {known[-1]}, not {options.opset}"
        )


def _write(folder: Path, files: dict[str, Chunks]) -> None:
    """Write files below a folder; the model, which stands first, comes last, when all is there."""
    for path, chunks in reversed(files.items()):
        target = folder / path
        try:
            if target.parent != folder:
                target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise Unusable(f"can't write {target.parent}: {reason}") from None
        write_chunks(str(target), chunks)


def _tell(model: Exported) -> None:
    for file in model.files:
        say(f"{file}: {model.size(file):,} bytes, SHA-256 {model.sha256[file]}")
    nodes = f"{len(model.graph.nodes):,} nodes"
    say(f"opset {model.graph.opset}, {nodes}, for {model.options.runtime.title}")
