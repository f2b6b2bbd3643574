"""A program as Keras 3 source that stands alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass

from nnc.backends import pysource as py
from nnc.backends.base import Artifact
from nnc.backends.keras.build import PACKAGE, Builder
from nnc.backends.layout import native
from nnc.backends.pysource import pieces
from nnc.compiler.ir import Program

_WEIGHTS = ("get_weights", "set_weights", "load_weights", "save_weights")


def emit(program: Program) -> Artifact:
    """The program's text. Words that this backend refuses must have been reported before."""
    graph = native(program.graph, "channels_last")
    builder = Builder(graph)
    builder.build()
    body: list[py.Statement] = [
        _constant("WEIGHTS", builder.weights, "name: (layer, attribute, axes in Keras' order)"),
        _constant("FIXED", builder.fixed, "always zero, and kept for PyTorch"),
    ]
    given = ["WEIGHTS", "FIXED"]
    wanted = [*sorted(builder.pieces), *(f"weights:{name}" for name in _WEIGHTS)]
    copied = pieces.load(PACKAGE, *wanted, given=given)
    inputs = {value.name: builder.value(value) for value in graph.inputs}
    outputs = {output.name: builder.value(output.value) for output in graph.outputs}
    made = py.Return(py.call("keras.Model", inputs, outputs, name="model"))
    function = py.Function(
        "build_model",
        (),
        (*builder.statements, made),
        returns=py.dotted("keras.Model"),
        docstring="The model with fresh weights.",
    )
    imports = copied.imports | {
        py.Import("keras"),
        py.FromImport("keras", "layers"),
        py.FromImport("keras", "ops"),
    }
    module = py.Module(f"{program.name}", imports, (*body, *copied.segments.values(), function))
    printed = py.print_module(module)
    return Artifact(".py", (printed.text.encode(),), printed.lines)


def _constant(name: str, value: object, comment: str) -> py.Assign:
    return py.Assign((py.name(name),), py.value(value), comment)


def _imports(statements: Iterable[py.Statement]) -> Iterator[py.FromImport]:
    """`layers` and `ops`, where statements use them."""
    used = {name for statement in statements for name in _names(statement)}
    yield from (py.FromImport("keras", name) for name in ("layers", "ops") if name in used)


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
