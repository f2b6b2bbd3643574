"""The data block: sources, preparations, splits, and the function that reads it all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from nnc.backends import pysource as py
from nnc.backends.base import Table
from nnc.backends.keras.lowering import PieceNames, only
from nnc.compiler.ir import Data, Field, Training
from nnc.compiler.types import INTEGERS
from nnc.compiler.vocabulary import data as words

Reading: TypeAlias = Callable[[Any, PieceNames], py.Expr]
Preparing: TypeAlias = Callable[[Any, py.Expr, PieceNames], py.Expr]
Splitting: TypeAlias = Callable[[Any, py.Expr, py.Expr, PieceNames], py.Expr]

SOURCES: Table[Reading] = Table("keras", "source")
PREPARATIONS: Table[Preparing] = Table("keras", "preparation")
SPLITS: Table[Splitting] = Table("keras", "split")

_PATH = py.name("path")


@SOURCES.lowers(words.Text)
def text(source: words.Text, piece: PieceNames) -> py.Expr:
    return py.call(piece("read_text"), py.binary("or", _PATH, source.path))


@SOURCES.lowers(words.Csv)
def csv(source: words.Csv, piece: PieceNames) -> py.Expr:
    path = py.binary("or", _PATH, source.path)
    return py.call(piece("read_csv"), path, delimiter=source.delimiter, header=source.header)


@SOURCES.lowers(words.Npz)
def npz(source: words.Npz, piece: PieceNames) -> py.Expr:
    return py.call(piece("read_npz"), py.binary("or", _PATH, source.path))


@SOURCES.lowers(words.Sklearn)
def sklearn(source: words.Sklearn, piece: PieceNames) -> py.Expr:
    return py.call(piece("read_sklearn"), source.name)


@PREPARATIONS.lowers(words.Standardize, words.MinMax, words.Category, words.OneHot)
def learned(op: words.Preparation, column: py.Expr, piece: PieceNames) -> py.Expr:
    return py.call(piece(op.word), column, py.subscript("splits", "train"))


@PREPARATIONS.lowers(words.Scale)
def scale(op: words.Scale, column: py.Expr, piece: PieceNames) -> py.Expr:
    return py.call(piece("scale"), column, op.factor)


@PREPARATIONS.lowers(words.ReshapeData)
def reshape(op: words.ReshapeData, column: py.Expr, piece: PieceNames) -> py.Expr:
    return py.method(column, "reshape", -1, *op.shape)


@SPLITS.lowers(words.Shares)
def shares(split: words.Shares, count: py.Expr, classes: py.Expr, piece: PieceNames) -> py.Expr:
    return py.call(piece("shares"), count, **_parts(split), **only(split.stratify, classes=classes))


@SPLITS.lowers(words.InOrder)
def in_order(split: words.InOrder, count: py.Expr, classes: py.Expr, piece: PieceNames) -> py.Expr:
    return py.call(piece("in_order"), py.call("np.arange", count), **_parts(split))


def _parts(split: words.Shares | words.InOrder) -> dict[str, Any]:
    given = {"validation": split.validation, "test": split.test}
    return {name: share for name, share in given.items() if share is not None}


def load_data(data: Data | None, training: Training, piece: PieceNames) -> py.Function:
    """The function that gives the examples of each split by name."""
    if data is None:
        lines: tuple[py.Statement, ...] = (py.Return(py.call(piece("load_npz"), py.name("path"))),)
    else:
        lines = tuple(_lines(data, training, piece))
    text = py.binary("|", py.name("str"), None)
    return py.Function(
        "load_data",
        (py.Parameter("path", text, py.literal(None)),),
        lines,
        py.subscript("dict", (py.name("str"), _ARRAYS)),
        "The examples of each split by name.",
    )


_ARRAYS = py.subscript("dict", (py.name("str"), py.dotted("np.ndarray")))


def _lines(data: Data, training: Training, piece: PieceNames) -> Iterator[py.Statement]:
    table, fields, splits = py.name("table"), py.name("fields"), py.name("splits")
    yield from _prepared_file(data.source, piece)
    yield py.Assign((table,), SOURCES.find(data.source)(data.source, piece))
    chosen = {field.name: py.call(piece("choose"), table, *field.columns) for field in data.fields}
    yield py.Assign((fields,), py.value(chosen))
    count = py.call("len", py.subscript(fields, data.fields[0].name))
    if data.split is None:
        made: py.Expr = py.call(piece("in_order"), py.call("np.arange", count))
    else:
        classes = py.subscript(fields, _classes(data, training))
        made = SPLITS.find(data.split)(data.split, count, classes, piece)
    yield py.Assign((splits,), made)
    for field in data.fields:
        if field.preparations:
            yield py.Assign((py.subscript(fields, field.name),), _prepared(field, piece))
    yield py.Return(py.call(piece("divide"), fields, splits))


def _prepared_file(source: words.SourceWord, piece: PieceNames) -> Iterator[py.Statement]:
    """A file of arrays that are ready may stand in for what the spec names."""
    if isinstance(source, words.Npz):
        return
    test: py.Expr = py.binary("is not", _PATH, None)
    if not isinstance(source, words.Sklearn):
        test = py.binary("and", _PATH, py.method(_PATH, "endswith", ".npz"))
    yield py.If(test, (py.Return(py.call(piece("load_npz"), _PATH)),))


def _classes(data: Data, training: Training) -> str:
    """The field whose classes a stratified split keeps: the first target of class numbers."""
    names = {field.name for field in data.fields}
    targets = [target for target in training.targets if target.name in names]
    numbered = [target for target in targets if target.type.dtype in INTEGERS]
    return (numbered or targets)[0].name if targets else data.fields[-1].name


def _prepared(field: Field, piece: PieceNames) -> py.Expr:
    column: py.Expr = py.subscript("fields", field.name)
    for preparation in field.preparations:
        column = PREPARATIONS.find(preparation)(preparation, column, piece)
    return column
