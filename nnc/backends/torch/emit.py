"""A program as PyTorch source that stands alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from math import prod

from nnc import __version__
from nnc.backends import pysource as py
from nnc.backends import recipes, sources
from nnc.backends.base import Artifact
from nnc.backends.pysource import pieces
from nnc.backends.torch import attention, recurrent, table, training
from nnc.backends.torch.model import Model, build
from nnc.backends.torch.scope import PACKAGE, RESERVED, Pieces, batch_name
from nnc.backends.torch.sources import augment, is_plain, load_data
from nnc.compiler.diagnostics import Diagnostic, Failed, Label
from nnc.compiler.ir import Program, Value
from nnc.compiler.types import INTEGERS, DType, TensorType

_IMPORTS: dict[str, py.Import | py.FromImport] = {
    "torch": py.Import("torch"),
    "F": py.Import("torch.nn.functional", "F"),
    "nn": py.FromImport("torch", "nn"),
    "np": py.Import("numpy", "np"),
    "Tensor": py.FromImport("torch", "Tensor"),
    "math": py.Import("math"),
    "Path": py.FromImport("pathlib", "Path"),
    "Any": py.FromImport("typing", "Any"),
}
_DTYPES: dict[DType, str] = {
    "f16": "float32",
    "bf16": "float32",
    "f32": "float32",
    "f64": "float64",
    "i32": "int32",
    "i64": "int64",
    "u8": "uint8",
    "bool": "bool",
}
_CONSTANTS = (
    *(
        "WEIGHTS",
        "INPUTS",
        "TARGETS",
        "OUTPUTS",
        "SEED",
        "EPOCHS",
        "BATCH",
        "ORDER_KEY",
        "LOG_EVERY",
    ),
    *("MONITOR", "PATIENCE", "MIN_DELTA"),
    *("PLATEAU_MONITOR", "PLATEAU_FACTOR", "PLATEAU_PATIENCE", "PLATEAU_THRESHOLD"),
    *("PLATEAU_COOLDOWN", "PLATEAU_MINIMUM"),
)
_FUNCTIONS = (
    *("loss", "activity", "penalty", "objective", "measure", "conclude", "optimizer_of"),
    *("learning_rate", "clip_gradients", "constrain", "load_data", "augment"),
)
_FILES = (
    *("attention", "command", "data", "embedding", "losses", "metrics", "optimizers"),
    *("penalties", "pooling", "recurrent", "regularization", "selection", "training", "units"),
    *("constraints", "distributed", "weights"),
)


def emit(program: Program, *, weights: str = "", distributed: bool = False) -> Artifact:
    """The program's text. `weights` is the name of the file beside the program that has its
    weights; without it the program's own name with the ending `.safetensors`. A `distributed` one
    is trained by several processes together, as torchrun starts them.

    Words that this backend refuses must have been reported before. Raises Failed (E705) for a layer
    called `training`.
    """
    _check_names(program)
    for refusing in table.TABLES:
        refusing.sealed()
    names = _names_taken()
    text = _Text(program, distributed=distributed)
    model = build(program, names, text.pieces)
    settings = _settings(program, weights)
    text.given += settings
    text.add(model.classes)
    if program.training is not None:
        functions = training.functions(program, program.training, model, text.pieces)
        text.add(functions)
        reading = load_data(program, text.pieces)
        text.add([reading] if reading is not None else [])
        if program.training.augment:
            text.add([augment(program, text.pieces)])
    for name in _around(program):
        text.pieces(name)
    text.add([_start(model)])
    constants = [py.Assign((py.name(n),), value) for n, value in settings.items()]
    body = (*constants, *text.body)
    imports = frozenset((*text.imports, *_imports(body)))
    printed = py.print_module(py.Module(_docstring(program), imports, body))
    return Artifact(".py", (printed.text.encode(),), printed.lines)


def _check_names(program: Program) -> None:
    """nn.Module assigns `training` in itself and in all modules below, whatever stands there."""
    for node in program.graph.nodes:
        if node.weights and "training" in node.layer.split("."):
            raise Failed(
                [
                    Diagnostic(
                        "E705",
                        "no layer can be called `training` in PyTorch",
                        (Label(node.span, "this layer"),),
                        help="give it another name: `as trained`",
                    )
                ]
            )


class _Text:
    """The body of a program as it grows: each part stands behind the pieces that it needs."""

    def __init__(self, program: Program, *, distributed: bool) -> None:
        name = batch_name(program.graph)
        self.pieces = Pieces(name, program.seed, distributed=distributed)
        self.given: list[str] = []
        """Names that the program has already, or makes itself."""
        self.body: list[py.Statement] = []
        self.imports: set[py.Import | py.FromImport] = set()
        self._features = (*_features(program), *(["distributed"] if distributed else []))
        self.given += _FUNCTIONS

    def add(self, statements: Iterable[py.Statement]) -> None:
        """Statements, after the pieces that were asked for since the last ones."""
        statements = list(statements)
        found = pieces.load(PACKAGE, *self.pieces.wanted, given=self.given, features=self._features)
        self.pieces.wanted.clear()
        self.given += found.segments
        self.imports |= found.imports
        self.body += [*found.segments.values(), *statements]


def _names_taken() -> py.Names:
    """Names for the model and its blocks: what programs call something themselves is taken."""
    return py.Names((*RESERVED, *_IMPORTS, *_CONSTANTS, *_FUNCTIONS, *_piece_names()))


def class_name(program: Program) -> str:
    """The name of the model's class in the emitted source."""
    return _names_taken().fresh(program.name)


def _piece_names() -> Iterator[str]:
    """Every name that a piece defines."""
    for file in (*_FILES, *recipes.FILES):
        yield from pieces.read(PACKAGE, file)


def _start(model: Model) -> py.If:
    begin = py.Expression(py.call("torch.manual_seed", py.name("SEED")))
    run = py.Expression(py.call("main", py.call(model.name)))
    return py.If(py.binary("==", py.name("__name__"), "__main__"), (begin, run))


def _around(program: Program) -> Iterator[str]:
    yield "weights:load_safetensors"
    yield "weights:save_safetensors"
    if program.training is not None:
        yield "training:train"
        yield "training:evaluate"
        if program.data is None:
            yield "data:load_npz"
    yield "command:main"


def _features(program: Program) -> Iterator[str]:
    yield from attention.features(program.graph)
    yield from recurrent.features(program.graph)
    if program.training is not None:
        yield "training"
        yield from training.features(program, program.training)
        if program.data is None:
            yield "npz"
        elif not is_plain(program.data):
            yield "arrays"
        yield from sources.features(program)


def _settings(program: Program, weights: str) -> dict[str, py.Expr]:
    """The constants at the head of the program."""
    here = py.call("Path", py.name("__file__"))
    beside = py.method(here, "with_suffix", ".safetensors")
    if weights:
        beside = py.method(here, "with_name", weights)
    made: dict[str, py.Expr] = {
        "SEED": py.literal(program.seed),
        "WEIGHTS": beside,
        "INPUTS": _table(program.graph.inputs),
        "OUTPUTS": py.value(tuple(output.name for output in program.graph.outputs)),
    }
    if program.training is not None:
        made["TARGETS"] = _table(map(_target, program.training.targets))
        settings = training.constants(program, program.training)
        made |= {name: py.value(setting) for name, setting in settings.items()}
    return made


def _target(value: Value) -> Value:
    """A target as losses take it: PyTorch knows class numbers in 64 bits alone."""
    whole = value.type.dtype in INTEGERS
    return replace(value, type=TensorType("i64", value.type.shape)) if whole else value


def _table(values: Iterable[Value]) -> py.Expr:
    """Name: (element type, shape of one example), -1 for a size that is free."""
    return py.value(
        {
            value.name: (
                py.dotted(f"torch.{_DTYPES[value.type.dtype]}"),
                tuple(d if isinstance(d, int) else -1 for d in value.type.shape),
            )
            for value in values
        }
    )


def _docstring(program: Program) -> str:
    count = sum(prod(w.shape) for w in program.graph.weights.values() if w.role == "parameter")
    inputs = ", ".join(f"{value.name}: {value.type}" for value in program.graph.inputs)
    outputs = ", ".join(f"{o.name}: {o.value.type}" for o in program.graph.outputs)
    return (
        f"{program.name}, a neural network in PyTorch.\n\n"
        f"From {inputs}\nto {outputs}\nwith {count:,} parameters.\n\n"
        f"Generated by nnc {__version__}."
    )


def _imports(statements: Iterable[py.Statement]) -> Iterator[py.Import | py.FromImport]:
    used = {name for statement in statements for name in _names(statement)}
    yield from (found for name, found in _IMPORTS.items() if name in used)


def _names(part: object) -> Iterator[str]:
    """Every name in a statement or an expression."""
    if isinstance(part, py.Name):
        yield part.text
    elif isinstance(part, tuple):
        for item in part:
            yield from _names(item)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _names(getattr(part, field.name))
