"""The function that builds the model: one line a node, with the result's shape as a comment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from nnc.backends import pysource as py
from nnc.backends.keras.layer_names import LayerNames, legal_input
from nnc.backends.keras.lowering import PIECES, Axes, PieceNames, Place, Rows, Site
from nnc.backends.keras.table import OPS
from nnc.compiler.ir import Graph, Instance, Node, Value
from nnc.compiler.types import FLOATS, Symbol, TensorType

_RESERVED = ("keras", "layers", "ops", "math", "np", "tf", "model", "trained", *PIECES)
_DTYPES = {"i32": "int32", "i64": "int64", "u8": "uint8", "bool": "bool"}


class Builder:
    """Writes the lines of the function for a graph whose layout is channels last.

    Afterwards `weights` maps canonical names to (layer, attribute, axes), `blocks` those
    whose rows stand elsewhere to (order, row), `fixed` the names of weights that are always zero to
    their shapes, `unused` the names of layers on which no output
    depends to their variables, and `piece` knows what was used of the hand-written code.
    """

    def __init__(self, graph: Graph, seed: int) -> None:
        self._graph = graph
        self.seed = seed
        self._names = py.Names(_RESERVED)
        self._layer_names = LayerNames()
        self._uses = Counter(node.layer for node in graph.nodes)
        self._layers: dict[str, py.Name] = {}
        self._known: dict[str, py.Expr] = {}
        self._read, self._live = _needed(graph)
        self._starts: dict[int, list[Instance]] = {}
        for instance in graph.instances:
            self._starts.setdefault(instance.start, []).append(instance)
        self.statements: list[py.Statement] = []
        self.weights: dict[str, tuple[str, str, Axes]] = {}
        self.blocks: dict[str, tuple[tuple[int, ...], int | None]] = {}
        self.fixed: dict[str, tuple[int, ...]] = {}
        self.unused: dict[str, py.Name] = {}
        self.piece = PieceNames()

    def build(self) -> None:
        """Write a line for every input and for every node that something needs."""
        for value in self._graph.inputs:
            self._layer_names.take(value.name)
        for value in self._graph.inputs:
            self._input(value)
        for place, node in enumerate(self._graph.nodes):
            for instance in self._starts.get(place, ()):
                self.statements.append(py.Comment(f"{instance.path}: {instance.block}"))
            if node.weights or not self._read.isdisjoint(v.name for v in node.outputs):
                self._node(node)

    def value(self, value: Value) -> py.Expr:
        """What a value is called in the function."""
        return self._known[value.name]

    def _input(self, value: Value) -> None:
        sizes = tuple(None if isinstance(d, Symbol) else d for d in value.type.shape)
        free = legal_input(value.name)
        layer = value.name if free else self._layer_names.fresh(value.name)
        options: dict[str, object] = {"name": layer}
        if value.type.dtype not in FLOATS:
            options["dtype"] = _DTYPES[value.type.dtype]
        self._assign(value, py.call("keras.Input", sizes, **options))
        if not free:
            # The layer may not be called what Keras calls an operation, but its tensor may.
            name = py.attribute(self._known[value.name], "name")
            self.statements.append(py.Assign((name,), py.literal(value.name)))

    def _node(self, node: Node) -> None:
        read = tuple(value.name in self._read for value in node.outputs)
        site = Site(self, node, tuple(self._known[value.name] for value in node.inputs), read)
        lowered = OPS.find(node.op)(node.op, site)
        self._store_fixed(node)
        if isinstance(lowered, tuple):
            for value, expr in zip(node.outputs, lowered, strict=False):
                if value.name in self._read:
                    self._assign(value, expr)
        elif not any(read):
            self.statements.append(py.Expression(lowered, span=node.span))
        elif len(node.outputs) == 1:
            self._assign(node.output, lowered)
        else:
            targets = tuple(self._name(value) for value in node.outputs)
            comment = ", ".join(shape(value.type) for value in node.outputs)
            self.statements.append(py.Assign(targets, lowered, comment, span=node.span))

    def _name(self, value: Value) -> py.Name:
        wish = self._graph.hints.get(value.name, "").strip("_") or value.name
        made = py.name(self._names.fresh(wish))
        self._known[value.name] = made
        return made

    def _assign(self, value: Value, expr: py.Expr) -> None:
        if isinstance(expr, py.Name):
            self._known[value.name] = expr
            return
        line = py.Assign((self._name(value),), expr, shape(value.type), span=value.span)
        self.statements.append(line)

    def _store_fixed(self, node: Node) -> None:
        if node.owns_weights:
            self.fixed |= {
                f"{node.layer}.{weight.name}": weight.shape
                for weight in node.weights
                if weight.role == "fixed"
            }

    def layer(
        self, site: Site, constructor: py.Call, stored: Mapping[str, Place], suffix: str
    ) -> py.Expr:
        """The layer that is to be called: a shared one gets a line of its own at its first use."""
        node = site.node
        key = f"{node.layer}_{suffix}" if suffix else node.layer
        if key in self._layers:
            return self._layers[key]
        path = f"{node.name}_{suffix}" if suffix else node.name
        name = self._layer_names.fresh(path)
        named = (*constructor.keywords, ("name", py.literal(name)))
        made = py.Call(constructor.function, constructor.arguments, named)
        for weight in node.weights:
            if weight.name in stored:
                self._store(f"{node.layer}.{weight.name}", name, stored[weight.name])
        dead = node.layer not in self._live
        prepares = suffix and not stored
        if prepares or not node.weights or (self._uses[node.layer] == 1 and not dead):
            return made
        variable = py.name(self._names.fresh(f"{key}_layer"))
        self.statements.append(py.Assign((variable,), made, span=node.span))
        self._layers[key] = variable
        if dead:
            self.unused[name] = variable
        return variable

    def _store(self, weight: str, layer: str, place: Place) -> None:
        attribute, axes, *rows = place
        self.weights[weight] = (layer, attribute, axes)
        if rows and rows[0] != Rows():
            self.blocks[weight] = (rows[0].order, rows[0].number)

    def step(self, site: Site, expr: py.Expr, suffixes: tuple[str, ...]) -> tuple[py.Name, ...]:
        """A line for values that are not results of a node."""
        made = tuple(py.name(self._names.fresh(f"{site.node.name}_{s}")) for s in suffixes)
        self.statements.append(py.Assign(made, expr, span=site.node.span))
        return made


def _needed(graph: Graph) -> tuple[set[str], set[str]]:
    """The names of values that outputs or weights need, and the layers that outputs depend on."""
    live = {output.value.name for output in graph.outputs}
    read, layers = set(live), set()
    for node in reversed(graph.nodes):
        names, inputs = {v.name for v in node.outputs}, {v.name for v in node.inputs}
        if names & live:
            live |= inputs
            layers.add(node.layer)
        if names & read or node.weights:
            read |= inputs
    return read, layers


def shape(type_: TensorType) -> str:
    """`[3, T]`, as it stands in comments."""
    return f"[{', '.join(map(str, type_.shape))}]"
