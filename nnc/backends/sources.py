"""The function of generated programs that reads the data block: `load_data`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from nnc.backends import draws, recipes
from nnc.backends import pysource as py
from nnc.backends.recipes import Call, Preparing
from nnc.compiler.ir import Data, Field, Program
from nnc.compiler.types import INTEGERS
from nnc.compiler.vocabulary.data import Files, Npz, Shares

_OWN = ("path", "table", "splits", "rows", "np", "torch", "divide", "load_npz")
Piece = Callable[[str], py.Name]
"""Gives the name of a function that the program must contain, by `file:name`."""


def load_data(
    program: Program, piece: Piece, array: py.Expr, arange: str, drawn: str = ""
) -> py.Function:
    """`load_data(path)`: the examples of each split by name, as arrays of this type. `arange` names
    the function that counts rows, `drawn` the method that makes an array of a drawn order where it
    is none."""
    lines = _Lines(program, piece, arange, drawn)
    by_name = py.subscript("dict", (py.name("str"), array))
    return py.Function(
        "load_data",
        (py.Parameter("path", py.binary("|", py.name("str"), None), py.literal(None)),),
        tuple(lines.all()),
        py.subscript("dict", (py.name("str"), by_name)),
        "The examples of each split by name, from the file or from where the spec says.",
    )


class _Lines:
    def __init__(self, program: Program, piece: Piece, arange: str, drawn: str) -> None:
        assert program.data is not None
        self._program = program
        self._data: Data = program.data
        self._piece = piece
        self._arange = py.dotted(arange)
        self._drawn = drawn
        names = py.Names((*_OWN, *recipes.functions()))
        self._names = {n: py.name(names.of(n)) for f in self._data.fields for n in f.names}
        self._series = {f.names: py.name(names.of("series")) for f in self._data.fields}

    def all(self) -> Iterator[py.Statement]:
        yield from self._columns()
        yield py.Assign((py.name("splits"),), self._splits())
        fields = self._data.fields
        if any(recipe.learn for field in fields for recipe in recipes.preparing(field)):
            yield py.Assign((py.name("rows"),), self._learning())
        for field in fields:
            yield from self._prepared(field)
        made: dict[str, py.Expr] = dict(self._names)
        yield py.Return(py.call(self._piece("data:divide"), made, py.name("splits")))

    def _column(self, field: Field) -> py.Name:
        """What the columns of a field are called before they are windows."""
        return self._series[field.names] if recipes.window(field) else self._names[field.names[0]]

    def _call(self, call: Call, *first: Any, **options: Any) -> py.Expr:
        given = {**call.options, **options}
        return py.call(self._piece(call.function), *first, *call.arguments, **given)

    # ---- columns --------------------------------------------------------------------------

    def _columns(self) -> Iterator[py.Statement]:
        """The columns of every field; arrays that are ready may stand in for them."""
        tables = [recipes.reading(self._data, field) for field in self._data.fields]
        path, alone = py.name("path"), all(table == tables[0] for table in tables)
        replaced = alone and len(tables[0].files) == 1
        if not isinstance(self._data.source, Npz):
            ready = py.call(self._piece("data:load_npz"), path)
            test: py.Expr = py.binary("is not", path, None)
            if replaced:
                test = py.binary("and", path, py.method(path, "endswith", ".npz"))
            yield py.If(test, (py.Return(ready),))
        before = None
        for field, table in zip(self._data.fields, tables, strict=True):
            if table != before:
                files: list[Any] = list(table.files)
                if replaced:
                    files[0] = py.binary("or", path, files[0])
                yield py.Assign((py.name("table"),), self._call(table.call, *files))
            before = table
            yield py.Assign((self._column(field),), self._chosen(field))

    def _chosen(self, field: Field) -> py.Expr:
        columns, steps = field.columns, recipes.preparing(field)
        table = py.name("table")
        if isinstance(columns, Files):
            options = {"channels": columns.channels} if columns.channels != 3 else {}
            files = py.subscript(table, "files")
            return py.call(self._piece("images:images"), files, **options, **self._last())
        first = steps[0] if steps else Preparing(Call(""))
        missing = {"missing": True} if first.missing else {}
        read = self._piece(f"columns:{first.takes if len(columns.names) == 1 else 'numbers'}")
        return py.call(read, table, *columns.names, **missing)

    def _last(self) -> dict[str, bool]:
        return {"last": True} if self._program.graph.layout == "channels_last" else {}

    # ---- splits ---------------------------------------------------------------------------

    def _splits(self) -> py.Expr:
        rows: py.Expr = py.call(self._arange, self._count())
        if self._data.split is None:
            return py.value({"train": rows})
        split = recipes.SPLITS.find(self._data.split)(self._data.split)
        if split.column is not None:
            read = self._piece(f"columns:{split.takes}")
            return self._call(split.call, py.call(read, py.name("table"), split.column))
        if split.drawn:
            key = py.Hexadecimal(draws.key_of(self._program.seed, "split"))
            rows = py.call(self._piece("draws:drawn_order"), self._count(), key)
            rows = py.method(rows, self._drawn) if self._drawn else rows
        options: dict[str, Any] = {}
        if isinstance(self._data.split, Shares) and self._data.split.stratify:
            options["classes"] = self._names[classes(self._program)]
        elif not split.drawn and gap(self._data):
            options["gap"] = gap(self._data)
        return self._call(split.call, rows, **options)

    def _count(self) -> py.Expr:
        field = self._data.fields[0]
        window, x = recipes.window(field), self._column(field)
        if window is None:
            return py.call("len", x)
        count = self._piece("series:count_windows")
        return py.call(count, x, window.lookback, window.horizon)

    def _learning(self) -> py.Expr:
        """The rows that preparations learn from."""
        rows = py.subscript("splits", "train")
        window = recipes.window(self._data.fields[0])
        if window is None:
            return rows
        return py.call(self._piece("series:covered"), rows, window.lookback + window.horizon)

    # ---- preparations ---------------------------------------------------------------------

    def _prepared(self, field: Field) -> Iterator[py.Statement]:
        x = self._column(field)
        for recipe in recipes.preparing(field):
            learnt: tuple[py.Expr, ...] = ()
            if recipe.learn is not None:
                learnt = (self._call(recipe.learn, x, py.name("rows")),)
                learnt = learnt if len(recipe.learnt) == 1 else (py.Starred(learnt[0]),)
            call = recipe.apply
            options = {**call.options, **(self._last() if recipe.images else {})}
            made = py.call(self._piece(call.function), x, *learnt, *call.arguments, **options)
            yield py.Assign((x,), made)
        window = recipes.window(field)
        if window is not None:
            call = recipes.PREPARATIONS.find(window)(window).apply
            yield py.Assign(tuple(self._names[name] for name in field.names), self._call(call, x))


def augment(program: Program, piece: Piece, batch: py.Expr, rewrap: str) -> py.Function:
    """`augment(batch, places, epoch)`; `rewrap` makes the framework's tensor of an array."""
    names = py.Names((*_OWN, *recipes.functions(), "batch", "places", "epoch"))
    inputs = {name: py.name(names.of(name)) for name, _, _ in recipes.changes(program)}
    lines: list[py.Statement] = [
        py.Assign((x,), py.method(py.subscript("batch", name), "numpy"))
        for name, x in inputs.items()
    ]
    for name, change, key in recipes.changes(program):
        before = py.binary("-", py.name("epoch"), 1)
        drawn = py.call(piece("draws:hashed"), before, py.Hexadecimal(key))
        last = change.images and program.graph.layout == "channels_last"
        options = {**change.call.options, **({"last": True} if last else {})}
        function = piece(change.call.function)
        given = (inputs[name], py.name("places"), drawn, *change.call.arguments)
        lines.append(py.Assign((inputs[name],), py.call(function, *given, **options)))
    made = {name: py.call(rewrap, x) for name, x in inputs.items()}
    lines.append(py.Return(py.binary("|", py.name("batch"), py.value(made))))
    parameters = (
        py.Parameter("batch", batch),
        py.Parameter("places", py.dotted("np.ndarray")),
        py.Parameter("epoch", py.name("int")),
    )
    text = "A batch changed at random; `places` are those of its examples in training."
    return py.Function("augment", parameters, tuple(lines), batch, text)


def features(program: Program) -> Iterator[str]:
    """What the functions must be able to do for the data of a program."""
    if recipes.changes(program):
        yield "augmented"
    data = program.data
    if data is None:
        return
    keys = [key for field in data.fields for key in getattr(field.columns, "names", ())]
    if any(isinstance(key, str) and set("*?") & set(key) for key in keys):
        yield "patterns"
    if gap(data):
        yield "windows"


def gap(data: Data) -> int:
    """How many windows at the start of a split foretell what an earlier split does."""
    return max((w.horizon for field in data.fields if (w := recipes.window(field))), default=1) - 1


def classes(program: Program) -> str:
    """What a stratified split keeps the shares of: the first target of class numbers."""
    assert program.data is not None
    named = [name for field in program.data.fields for name in field.names]
    targets = program.training.targets if program.training else ()
    fed = [target for target in targets if target.name in named]
    numbered = [target for target in fed if target.type.dtype in INTEGERS]
    return (numbered or fed)[0].name if fed else named[-1]
