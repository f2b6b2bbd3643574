"""A program as Keras 3 source that stands alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace

from nnc.backends import draws, rates, sources
from nnc.backends import pysource as py
from nnc.backends.base import Artifact
from nnc.backends.keras import attention
from nnc.backends.keras.build import Builder
from nnc.backends.keras.layer_names import legal
from nnc.backends.keras.lowering import PACKAGE, PieceNames
from nnc.backends.keras.optimizers import SCHEDULES
from nnc.backends.keras.sources import augment, load_data
from nnc.backends.keras.training import (
    clip_gradients,
    conclude,
    constrain,
    features,
    is_fused,
    make_optimizer,
    measure,
    objective,
    predictions,
)
from nnc.backends.layout import native
from nnc.backends.pysource import pieces
from nnc.compiler.ir import Graph, Output, Program, Value
from nnc.compiler.types import FLOATS

_DTYPES = {"i32": "int32", "i64": "int64", "u8": "uint8", "bool": "bool"}


def emit(program: Program) -> Artifact:
    """The program's text. Words that this backend refuses must have been reported before."""
    source = _Source(program)
    source.model()
    source.constants()
    if program.training is not None:
        source.training()
    source.command()
    printed = py.print_module(source.module())
    return Artifact(".py", (printed.text.encode(),), printed.lines)


class _Source:
    """The parts of the file, in the order in which they are read."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._features = features(program) | {*sources.features(program)}
        self._features |= {*attention.features(program.graph)}
        self._constants: list[py.Statement] = []
        self._body: list[py.Statement] = []
        self._imports: set[py.Import | py.FromImport] = {py.Import("keras")}
        self._given: set[str] = {"build_model", "build_models"}

    def module(self) -> py.Module:
        """Everything together."""
        body = (*self._constants, *self._body)
        used = set(_names(body))
        known = (py.FromImport("keras", "layers"), py.FromImport("keras", "ops"))
        self._imports |= {statement for statement in known if statement.name in used}
        self._imports |= {py.Import("math")} if "math" in used else set()
        self._imports |= {py.Import("numpy", "np")} if "np" in used else set()
        self._imports |= {py.FromImport("typing", "Any")} if "Any" in used else set()
        self._imports |= {py.FromImport("pathlib", "Path")}
        title = f"{self._program.name}: a model for Keras 3 on TensorFlow."
        return py.Module(title, frozenset(self._imports), body)

    def _copy(self, *wanted: str) -> None:
        """Hand-written code that is not yet in the file."""
        copied = pieces.load(PACKAGE, *wanted, given=self._given, features=self._features)
        self._imports |= copied.imports
        self._body += copied.segments.values()
        self._given |= copied.segments.keys()

    def _constant(self, name: str, value: object, comment: str = "") -> None:
        if comment:
            self._constants.append(py.Comment(comment))
        self._constants.append(py.Assign((py.name(name),), py.value(value)))
        self._given.add(name)

    def model(self) -> None:
        """The function that builds the model."""
        graph = native(_with_predictions(self._program), "channels_last")
        builder = Builder(graph, self._program.seed)
        builder.build()
        self._weights, self._fixed = builder.weights, builder.fixed
        self._blocks = builder.blocks
        if builder.unused:
            self._features |= {"unused"}
        if builder.blocks:
            self._features |= {"blocks"}
        self._copy(*builder.piece.wanted)
        self._body += _build_functions(self._program, graph, builder)

    def constants(self) -> None:
        """What the program is about, at its top."""
        graph, training = self._program.graph, self._program.training
        self._constant(
            "WEIGHTS",
            self._weights,
            "For each weight, named as PyTorch names it: the layer and the attribute that hold it, "
            "and the order of its axes there.",
        )
        if self._blocks:
            self._constant(
                "BLOCKS",
                self._blocks,
                "Weights whose blocks of rows Keras has in another order, and which row of the "
                "variable they are.",
            )
        self._constant(
            "FIXED", self._fixed, "Weights of PyTorch that are always 0, and their shapes."
        )
        self._constant("INPUTS", dict(map(_declared, graph.inputs)))
        beside = py.method(py.call("Path", py.name("__file__")), "with_suffix", ".safetensors")
        if training is not None:
            self._constant("TARGETS", dict(map(_declared, training.targets)))
            self._constant("EPOCHS", training.epochs)
            if training.batch is not None:
                self._constant("BATCH", training.batch)
                self._constant("ORDER_KEY", draws.key_of(self._program.seed, "order"))
            self._constant("LOG_EVERY", training.log_every)
            if training.stop is not None:
                self._constant("MONITOR", training.stop.monitor)
                self._constant("PATIENCE", training.stop.patience)
                self._constant("MIN_DELTA", training.stop.min_delta)
            for name, setting in rates.plateau_constants(training.schedule).items():
                self._constant(name, setting)
        else:
            self._constant("TARGETS", {})
        self._constant("WEIGHTS_FILE", beside)

    def training(self) -> None:
        """Loss, metrics, optimiser and data."""
        training = self._program.training
        assert training is not None
        self._functions(lambda piece: [objective(self._program, training, self._weights, piece)])
        if training.metrics:
            self._functions(
                lambda piece: [
                    measure(self._program, training, piece),
                    conclude(training, piece),
                ]
            )
        rate = rates.learning_rate(SCHEDULES, training.schedule, training.optimizer.lr)
        self._functions(lambda piece: [make_optimizer(training, piece), rate])
        if training.clip is not None:
            self._functions(lambda piece: [clip_gradients(training, piece)])
        if self._program.graph.constraints:
            self._functions(lambda piece: [constrain(self._program, piece)])
        self._functions(lambda piece: [load_data(self._program, piece)])
        if training.augment:
            self._functions(lambda piece: [augment(self._program, piece)])

    def _functions(self, make: Callable[[PieceNames], list[py.Function]]) -> None:
        """Functions after the hand-written code that they use."""
        piece = PieceNames()
        made = make(piece)
        self._given |= {function.name for function in made}
        self._copy(*piece.wanted)
        self._body += made

    def command(self) -> None:
        """Weights, the training loop and the command line."""
        self._copy("command:main")
        test = py.binary("==", py.name("__name__"), "__main__")
        self._body.append(py.If(test, (py.Expression(py.call("main")),)))


def _with_predictions(program: Program) -> Graph:
    """The graph with what the losses take as further outputs, so that all have the spec's axes."""
    names = {output.name for output in program.graph.outputs}
    extra = tuple(
        Output(name, value) for name, value in predictions(program).items() if name not in names
    )
    return replace(program.graph, outputs=(*program.graph.outputs, *extra))


def _build_functions(program: Program, graph: Graph, builder: Builder) -> Iterator[py.Function]:
    inputs = {value.name: builder.value(value) for value in graph.inputs}
    values = {output.name: builder.value(output.value) for output in graph.outputs}
    name, kind = legal(program.name), py.dotted("keras.Model")
    own = {output.name: values[output.name] for output in program.graph.outputs}
    model = py.call(kind, inputs, own, name=name)
    text = "The model, its weights drawn anew."
    models: tuple[py.Statement, ...] = (py.Assign((py.name("model"),), model),)
    if builder.unused:
        unused = py.Assign((py.dotted("model.unused"),), py.value(builder.unused))
        models = (*models, unused)
    if not is_fused(program):
        last = (*models, py.Return(py.name("model"))) if builder.unused else (py.Return(model),)
        yield py.Function("build_model", (), (*builder.statements, *last), kind, text)
        return
    taken = {name: values[name] for name in predictions(program)}
    second = py.Assign((py.name("trained"),), py.call(kind, inputs, taken, name=f"{name}_trained"))
    both = py.Return(py.value((py.name("model"), py.name("trained"))))
    yield py.Function(
        "build_models",
        (),
        (*builder.statements, *models, second, both),
        py.subscript("tuple", (kind, kind)),
        "The model, and one of the same layers that gives what the losses take.",
    )
    first = py.subscript(py.call("build_models"), 0)
    yield py.Function("build_model", (), (py.Return(first),), kind, text)


def _declared(value: Value) -> tuple[str, tuple[str, tuple[int, ...]]]:
    """Name, element type and shape; -1 for a size that is free."""
    dtype = "float32" if value.type.dtype in FLOATS else _DTYPES[value.type.dtype]
    return value.name, (dtype, tuple(d if isinstance(d, int) else -1 for d in value.type.shape))


def _names(part: object) -> Iterator[str]:
    """Every name in statements and expressions."""
    if isinstance(part, py.Name):
        yield part.text
    elif isinstance(part, tuple):
        for item in part:
            yield from _names(item)
    elif is_dataclass(part):
        for field in fields(part):
            yield from _names(getattr(part, field.name))
