"""The function of generated programs that reads the data block: `load_data`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nnc.backends import draws, recipes
from nnc.backends import pysource as py
from nnc.backends.recipes import Call
from nnc.compiler.ir import Data, Field, Program
from nnc.compiler.types import INTEGERS
from nnc.compiler.vocabulary.data import Npz, Shares

Piece = Callable[[str], py.Name]
"""Gives the name of a function that the program must contain, by `file:name`."""


def load_data(program: Program, piece: Piece, array: py.Expr, arange: str) -> py.Function:
    """`load_data(path)`: the examples of each split by name, as arrays of this type. `arange` names
    the function that counts rows."""
    lines = _Lines(program, piece, arange)
    by_name = py.subscript("dict", (py.name("str"), array))
    return py.Function(
        "load_data",
        (py.Parameter("path", py.binary("|", py.name("str"), None), py.literal(None)),),
        tuple(lines.all()),
        py.subscript("dict", (py.name("str"), by_name)),
        "The examples of each split by name, from the file or from where the spec says.",
    )


class _Lines:
    def __init__(self, program: Program, piece: Piece, arange: str) -> None:
        assert program.data is not None
        names = py.Names(("path", "table", "splits", "rows", "np", "torch"))
        self._arange = py.dotted(arange)
        self._program = program
        self._data: Data = program.data
        self._piece = piece
        self._fields = {field.name: py.name(names.of(field.name)) for field in self._data.fields}

    def all(self) -> Iterator[py.Statement]:
        yield from self._table()
        for field in self._data.fields:
            yield py.Assign((self._fields[field.name],), self._columns(field))
        yield py.Assign((py.name("splits"),), self._splits())
        if any(recipe.learn for field in self._data.fields for recipe in _recipes(field)):
            yield py.Assign((py.name("rows"),), py.subscript("splits", "train"))
        for field in self._data.fields:
            yield from self._prepared(field)
        made: dict[str, py.Expr] = dict(self._fields)
        yield py.Return(py.call(self._piece("data:divide"), made, py.name("splits")))

    def _call(self, call: Call, *first: Any, **options: Any) -> py.Expr:
        given = {**call.options, **options}
        return py.call(self._piece(call.function), *first, *call.arguments, **given)

    def _table(self) -> Iterator[py.Statement]:
        """The table; a file of arrays that are ready may stand in for what the spec names."""
        source, path = self._data.source, py.name("path")
        reading = recipes.SOURCES.find(source)(source)
        if not isinstance(source, Npz):
            ready = py.call(self._piece("data:load_npz"), path)
            test: py.Expr = py.binary("is not", path, None)
            if reading.path is not None:
                test = py.binary("and", path, py.method(path, "endswith", ".npz"))
            yield py.If(test, (py.Return(ready),))
        where = () if reading.path is None else (py.binary("or", path, reading.path),)
        yield py.Assign((py.name("table"),), self._call(reading.call, *where))

    def _columns(self, field: Field) -> py.Expr:
        takes = next((recipe.takes for recipe in _recipes(field)), "numbers")
        read = f"columns:{takes if len(field.columns) == 1 else 'numbers'}"
        return py.call(self._piece(read), py.name("table"), *field.columns)

    def _splits(self) -> py.Expr:
        split = self._data.split
        count = py.call("len", self._fields[self._data.fields[0].name])
        rows: py.Expr = py.call(self._arange, count)
        if split is None:
            return py.value({"train": rows})
        if isinstance(split, Shares):
            key = draws.key_of(self._program.seed, "split")
            rows = py.call(self._piece("draws:drawn_order"), count, key)
        stratified = isinstance(split, Shares) and split.stratify
        options = {"classes": self._fields[classes(self._program)]} if stratified else {}
        return self._call(recipes.SPLITS.find(split)(split), rows, **options)

    def _prepared(self, field: Field) -> Iterator[py.Statement]:
        x = self._fields[field.name]
        for recipe in _recipes(field):
            learnt: tuple[py.Expr, ...] = ()
            if recipe.learn is not None:
                learnt = (self._call(recipe.learn, x, py.name("rows")),)
                learnt = learnt if len(recipe.learnt) == 1 else (py.Starred(learnt[0]),)
            call = recipe.apply
            made = py.call(self._piece(call.function), x, *call.arguments, *learnt, **call.options)
            yield py.Assign((x,), made)


def features(data: Data | None) -> Iterator[str]:
    """What the functions must be able to do for a data block."""
    keys = [key for field in data.fields for key in field.columns] if data else []
    if any(isinstance(key, str) and set("*?") & set(key) for key in keys):
        yield "patterns"


def classes(program: Program) -> str:
    """The field whose classes a stratified split keeps: the first target of class numbers."""
    assert program.data is not None
    named = {field.name for field in program.data.fields}
    targets = program.training.targets if program.training else ()
    fed = [target for target in targets if target.name in named]
    numbered = [target for target in fed if target.type.dtype in INTEGERS]
    return (numbered or fed)[0].name if fed else program.data.fields[-1].name


def _recipes(field: Field) -> list[recipes.Preparing]:
    return [recipes.PREPARATIONS.find(step)(step) for step in field.preparations]
