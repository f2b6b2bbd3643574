"""The data block: sources, preparations and splits as expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from nnc.backends import pysource as py
from nnc.backends.base import Table
from nnc.compiler.ir import Data, Program
from nnc.compiler.vocabulary.data import (
    Category,
    Csv,
    InOrder,
    MinMax,
    Npz,
    OneHot,
    ReshapeData,
    Scale,
    Shares,
    Sklearn,
    SourceWord,
    Standardize,
    Text,
)

Piece: TypeAlias = Callable[[str], py.Name]

SOURCES: Table[Callable[[Any, Piece, py.Expr], py.Expr]] = Table("torch", "source")
PREPARATIONS: Table[Callable[[Any, Piece, py.Expr, py.Expr], py.Expr]] = Table(
    "torch", "preparation"
)
SPLITS: Table[Callable[[Any, Piece, py.Expr, py.Expr | None], py.Expr]] = Table("torch", "split")


@SOURCES.lowers(Text)
def text(source: Text, piece: Piece, path: py.Expr) -> py.Expr:
    return py.call(piece("data:read_text"), path)


@SOURCES.lowers(Csv)
def csv(source: Csv, piece: Piece, path: py.Expr) -> py.Expr:
    return py.call(piece("data:read_csv"), path, delimiter=source.delimiter, header=source.header)


@SOURCES.lowers(Npz)
def npz(source: Npz, piece: Piece, path: py.Expr) -> py.Expr:
    return py.call(piece("data:read_npz"), path)


@SOURCES.lowers(Sklearn)
def sklearn(source: Sklearn, piece: Piece, path: py.Expr) -> py.Expr:
    return py.call(piece("data:read_sklearn"), source.name)


@PREPARATIONS.lowers(Standardize, MinMax, Category, OneHot)
def learnt(
    step: Standardize | MinMax | Category | OneHot, piece: Piece, x: py.Expr, rows: py.Expr
) -> py.Expr:
    """What learns from the training examples, by the word's own name."""
    return py.call(piece(f"data:{step.word}"), x, rows)


@PREPARATIONS.lowers(Scale)
def scale(step: Scale, piece: Piece, x: py.Expr, rows: py.Expr) -> py.Expr:
    return py.binary("*", py.call(piece("data:numbers"), x), step.factor)


@PREPARATIONS.lowers(ReshapeData)
def reshape(step: ReshapeData, piece: Piece, x: py.Expr, rows: py.Expr) -> py.Expr:
    return py.method(py.call(piece("data:numbers"), x), "reshape", -1, *step.shape)


@SPLITS.lowers(Shares)
def shares(split: Shares, piece: Piece, count: py.Expr, classes: py.Expr | None) -> py.Expr:
    options = _shares(split)
    if split.stratify and classes is not None:
        options["classes"] = classes
    return py.call(piece("data:shares"), count, **options)


@SPLITS.lowers(InOrder)
def in_order(split: InOrder, piece: Piece, count: py.Expr, classes: py.Expr | None) -> py.Expr:
    rows = py.call("torch.arange", count)
    return py.call(piece("data:in_order"), rows, **_shares(split))


def _shares(split: Shares | InOrder) -> dict[str, object]:
    given = {"validation": split.validation, "test": split.test}
    return {name: share for name, share in given.items() if share is not None}


def load_data(program: Program, piece: Piece) -> py.Function | None:
    """The function that reads the data block; None when there is no data block to read."""
    if program.data is None:
        return None
    data, names = program.data, py.Names(("path", "table", "splits", "rows", "torch"))
    fields = {field.name: names.of(field.name) for field in data.fields}
    body: list[py.Statement] = [*_reading(data.source, piece)]
    for field in data.fields:
        chosen = py.call(piece("data:choose"), py.name("table"), *field.columns)
        body.append(py.Assign((py.name(fields[field.name]),), chosen))
    body += _splitting(program, data, fields, piece)
    rows = py.subscript("splits", "train")
    for field in data.fields:
        x = py.name(fields[field.name])
        for step in field.preparations:
            body.append(py.Assign((x,), PREPARATIONS.find(step)(step, piece, x, rows)))
    made = {field: py.name(local) for field, local in fields.items()}
    body.append(py.Return(py.call(piece("data:divide"), made, py.name("splits"))))
    optional = py.binary("|", py.name("str"), py.literal(None))
    return py.Function(
        "load_data",
        (py.Parameter("path", optional, py.literal(None)),),
        tuple(body),
        returns=py.subscript(
            "dict", (py.name("str"), py.subscript("dict", (py.name("str"), py.name("Tensor"))))
        ),
        docstring="The examples of each split by name, from the file or from where the spec says.",
    )


def _reading(source: SourceWord, piece: Piece) -> list[py.Statement]:
    """The table; a file of arrays may stand in for what the spec names."""
    path = py.name("path")
    found: list[py.Statement] = []
    where: py.Expr = path
    if not isinstance(source, Npz):
        given = py.call(piece("data:load_npz"), path)
        test: py.Expr = py.binary("is not", path, None)
        if not isinstance(source, Sklearn):
            test = py.binary("and", path, py.method(path, "endswith", ".npz"))
        found.append(py.If(test, (py.Return(given),)))
    if isinstance(source, Text | Csv | Npz):
        where = py.binary("or", path, source.path)
    table = SOURCES.find(source)(source, piece, where)
    return [*found, py.Assign((py.name("table"),), table)]


def _splitting(
    program: Program, data: Data, fields: dict[str, str], piece: Piece
) -> list[py.Statement]:
    count = py.call("len", py.name(fields[data.fields[0].name]))
    if data.split is None:
        whole: py.Expr = py.value({"train": py.call("torch.arange", count)})
    else:
        whole = SPLITS.find(data.split)(data.split, piece, count, _classes(program, fields))
    return [py.Assign((py.name("splits"),), whole)]


def _classes(program: Program, fields: dict[str, str]) -> py.Expr | None:
    """The column by whose classes a split is stratified: the first target that has them."""
    training = program.training
    for target in training.targets if training else ():
        if target.name in fields:
            return py.name(fields[target.name])
    return None
