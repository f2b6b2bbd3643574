"""The body of one class: a range of nodes as `__init__` and `forward`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from nnc.backends import pysource as py
from nnc.backends.pysource.names import identifier
from nnc.backends.torch.lowering import OPS, Several, Site, Writer
from nnc.backends.torch.modules import Branch, access, statements
from nnc.compiler.ir import Graph, Node, Value
from nnc.compiler.source import Span
from nnc.compiler.types import Symbol, TensorType

PACKAGE = "nnc.backends.torch.pieces"
RESERVED = ("self", "torch", "nn", "F", "math", "Tensor", "_")


@dataclass(frozen=True)
class Unit:
    """What one line of `forward` computes: a node, or a block as a whole."""

    layer: str
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    span: Span
    node: Node | None = None
    constructor: py.Call | None = None
    """How to make the module of a block."""

    @property
    def output(self) -> Value:
        """The only (or the first) result."""
        return self.outputs[0]


class Pieces:
    """The pieces that a program needs, as they are asked for; `batch` is what shapes call the
    batch, `seed` the program's, `distributed` whether several processes train it together."""

    def __init__(self, batch: str = "N", seed: int = 0, *, distributed: bool = False) -> None:
        self.batch = batch
        self.seed = seed
        self.distributed = distributed
        self.wanted: dict[str, None] = {}

    def __call__(self, name: str) -> py.Name:
        self.wanted[name] = None
        return py.name(name.partition(":")[2])


class Recorder:
    """Notes what modules nodes have; where they stand is known only when all of them are."""

    def __init__(self, seed: int, *, distributed: bool) -> None:
        self.seed = seed
        self.distributed = distributed
        self.modules: dict[str, dict[str, tuple[Node, py.Call]]] = {}
        """Layer -> name of a node -> how this use of the layer would make the module."""
        self.companions: dict[str, tuple[str, py.Call]] = {}
        """Name of a node -> the role of what stands beside its module, and how to make it."""

    def layer(self, node: Node, constructor: py.Call) -> py.Expr:
        self.modules.setdefault(node.layer, {})[node.name] = (node, constructor)
        return py.name("self")

    def beside(self, node: Node, role: str, constructor: py.Call) -> py.Expr:
        self.companions[node.name] = (role, constructor)
        return py.name("self")

    def piece(self, name: str) -> py.Name:
        return py.name(name.partition(":")[2])

    def differs(self, layer: str) -> bool:
        """Whether the uses of a layer would make it in different ways."""
        return len({constructor for _, constructor in self.modules[layer].values()}) > 1


class Scope:
    """Modules and lines of one class, for units whose layers stand under `prefix`."""

    def __init__(
        self,
        graph: Graph,
        units: Sequence[Unit],
        prefix: str,
        pieces: Pieces,
        taken: Iterable[str],
        unnamed: Iterable[Value] = (),
    ) -> None:
        self._graph = graph
        self._unnamed = {value.name for value in unnamed}
        """Results of a block: what they are called is said where the block is used."""
        self._units = units
        self._prefix = prefix
        self.piece = pieces
        self.seed = pieces.seed
        self.distributed = pieces.distributed
        self._reserved = frozenset((*RESERVED, *taken))
        self._batch = pieces.batch
        self._root = Branch()
        self._paths: dict[str, tuple[str, ...]] = {}
        self._companions: dict[str, tuple[str, ...]] = {}
        self._varied: frozenset[str] = frozenset()
        """Layers that different uses would make in different ways: what differs must stand
        outside."""
        self._enter_modules()

    def layer(self, node: Node, constructor: py.Call) -> py.Expr:
        """The module of a node, made by `__init__`."""
        key = node.name if node.name in self._paths and not node.weights else node.layer
        return access(self._root, self._paths[key])

    def beside(self, node: Node, role: str, constructor: py.Call) -> py.Expr:
        """The module that stands beside that of a node, made by `__init__`."""
        return access(self._root, self._companions[node.name])

    def init(self) -> tuple[py.Statement, ...]:
        """The lines of `__init__`."""
        return tuple(statements(self._root))

    @property
    def base(self) -> str:
        """The class from which the class derives."""
        return self._root.base

    def site(self, writer: Writer, node: Node, inputs: tuple[py.Expr, ...]) -> Site:
        """Where a node is lowered."""
        learns = any(value.name in self._graph.learnt for value in node.inputs[:1])
        return Site(writer, node, inputs, varies=node.layer in self._varied, learns=learns)

    def _enter_modules(self) -> None:
        recorder = self._recorded()
        self._varied = frozenset(
            layer
            for layer, uses in recorder.modules.items()
            if recorder.differs(layer) and any(node.weights for node, _ in uses.values())
        )
        recorder = self._recorded() if self._varied else recorder
        names = {u.layer for u in self._units if u.constructor is not None}
        names |= recorder.modules.keys()
        above = {name[:i] for name in names for i, c in enumerate(name) if c == "."}
        for unit in self._units:
            if unit.constructor is not None and unit.layer not in self._paths:
                self._add(unit.layer, self._relative(unit.layer), unit.constructor)
            elif unit.node is not None and unit.layer in recorder.modules:
                self._enter(unit.node, recorder, above)
            if unit.node is not None and unit.node.name in recorder.companions:
                self._enter_beside(unit.node, names | above, *recorder.companions[unit.node.name])
        self._root.sort()
        self._lists = Counter(path[:-1] for path in self._paths.values())

    def _recorded(self) -> Recorder:
        recorder = Recorder(self.seed, distributed=self.distributed)
        for unit in self._units:
            if unit.node is not None:
                inputs = tuple(py.name("x") for _ in unit.inputs)
                site = self.site(recorder, unit.node, inputs)
                OPS.find(unit.node.op)(unit.node.op, site)
        return recorder

    def _enter(self, node: Node, recorder: Recorder, above: set[str]) -> None:
        """A module without weights stands wherever there is room, and uses that differ have one
        each."""
        uses = recorder.modules[node.layer]
        own = not node.weights and recorder.differs(node.layer)
        key = node.name if own else node.layer
        if key in self._paths:
            return
        path = self._relative(key)
        if not node.weights and node.layer in above:
            path = (*path[:-1], f"{path[-1]}_{node.op.word.lower()}")
        self._add(key, path, uses[node.name][1])

    def _enter_beside(self, node: Node, names: set[str], role: str, made: py.Call) -> None:
        """A module beside that of a node's layer, where nothing else is or will be; a list of
        layers stays one."""
        named = (*names, *(unit.node.name for unit in self._units if unit.node is not None))
        taken = {*map(self._relative, named), *self._paths.values(), *self._companions.values()}
        *above, last = self._relative(node.layer)
        while above and last[0].isdigit():
            *above, last = (*above[:-1], f"{above[-1]}_{last}")
        number, path = 2, (*above, f"{last}_{role}")
        while path in taken:
            number, path = number + 1, (*above, f"{last}_{role}{number}")
        self._companions[node.name] = path
        self._root.add(path, made)

    def _add(self, layer: str, path: tuple[str, ...], constructor: py.Call) -> None:
        self._paths[layer] = path
        self._root.add(path, constructor)

    def _relative(self, layer: str) -> tuple[str, ...]:
        if not self._prefix:
            return tuple(layer.split("."))
        if not layer.startswith(f"{self._prefix}."):
            return (layer.rpartition(".")[2],)
        return tuple(layer.removeprefix(f"{self._prefix}.").split("."))

    def method(
        self,
        name: str,
        units: Sequence[Unit],
        inputs: Mapping[str, str],
        results: Sequence[Value],
        docstring: str = "",
    ) -> py.Function:
        """A method that computes `units`; `inputs`: name of a value -> name of the parameter."""
        lines = _Lines(self, inputs, units, results)
        number = 0
        while number < len(units):
            run = self._run(units, number, lines)
            if len(run) > 1:
                lines.add_loop(number, run)
            else:
                lines.add(number, units[number])
            number += max(len(run), 1)
        made = tuple(py.name(lines.variables[value.name]) for value in results)
        tensor = py.name("Tensor")
        parameters = (py.Parameter(text, tensor) for text in inputs.values())
        many = py.subscript("tuple", tuple(tensor for _ in results))
        return py.Function(
            name,
            (py.Parameter("self"), *parameters),
            (*lines.statements, py.Return(made[0] if len(made) == 1 else py.Tuple(made))),
            returns=tensor if len(made) == 1 else many,
            docstring=docstring,
        )

    def _run(self, units: Sequence[Unit], start: int, lines: _Lines) -> list[Unit]:
        """The units from `start` on that apply all blocks of one list in turn, each to what the one
        before it made."""
        base, _, first = units[start].layer.rpartition(".")
        if first != "0" or units[start].constructor is None or len(units[start].inputs) != 1:
            return []
        run: list[Unit] = []
        for place, unit in enumerate(islice(units, start, None)):
            follows = not run or (
                unit.inputs == run[-1].outputs and lines.dies(unit.inputs[0], unit)
            )
            if unit.layer != f"{base}.{place}" or not follows or len(unit.outputs) != 1:
                break
            run.append(unit)
        return run if base and len(run) == self._lists[self._paths[units[start].layer][:-1]] else []

    def container(self, unit: Unit) -> py.Expr:
        """The list in which the module of a unit stands."""
        return access(self._root, self._paths[unit.layer][:-1])

    def parameters(self, wishes: Mapping[str, str]) -> dict[str, str]:
        """Names of parameters for values, each used once."""
        names = py.Names(self._reserved)
        return {value: names.fresh(wish) for value, wish in wishes.items()}

    def free(self, wish: str, live: Iterable[str]) -> str:
        """The name of a variable that nothing alive has."""
        names = py.Names((*self._reserved, *live))
        return names.fresh(identifier(wish))

    def hint(self, value: Value) -> str | None:
        """The name that the spec gives the value, if it gives one."""
        hint = self._graph.hints.get(value.name)
        return None if hint == "_" or value.name in self._unnamed else hint

    def shape(self, type_: TensorType) -> str:
        """A shape with its batch: `[N, 64, 56, 56]`."""
        return f"[{', '.join([self._batch, *map(str, type_.shape)])}]"


class _Lines:
    """The lines of a method. A variable is used again as soon as its value has been used for the
    last time, so that memory is given back while the model runs."""

    def __init__(
        self,
        scope: Scope,
        inputs: Mapping[str, str],
        units: Sequence[Unit],
        results: Sequence[Value],
    ) -> None:
        self._scope = scope
        self._parameters = frozenset(inputs.values())
        self._last = {value.name: number for number, u in enumerate(units) for value in u.inputs}
        self._last |= {value.name: len(units) for value in results}
        self._ends = _ends(scope, units)
        self._uses = Counter(value.name for unit in units for value in unit.inputs)
        self._numbers = {id(unit): number for number, unit in enumerate(units)}
        self._hinted: set[str] = set()
        self.variables = dict(inputs)
        self._live = {name: variable for name, variable in inputs.items() if name in self._last}
        self.statements: list[py.Statement] = []

    def add(self, number: int, unit: Unit) -> None:
        """The line of a unit."""
        inputs = tuple(py.name(self.variables[value.name]) for value in unit.inputs)
        made = self._lowered(unit, inputs)
        first = self.variables[unit.inputs[0].name] if unit.inputs else "x"
        self._live = {n: v for n, v in self._live.items() if self._last[n] > number}
        wanted = [value for value in unit.outputs if value.name in self._last]
        if isinstance(made, Several):
            self._unpack(unit, made, first)
        elif made in inputs:
            self._name(wanted[0], self.variables[unit.inputs[inputs.index(made)].name])
        else:
            self._assign(wanted[0], made, first, unit.span)

    def add_loop(self, number: int, run: Sequence[Unit]) -> None:
        """A loop over blocks that stand in a row."""
        first = self.variables[run[0].inputs[0].name]
        last, end = run[-1].output, number + len(run) - 1
        self._live = {n: v for n, v in self._live.items() if self._last[n] > end}
        target = self._variable(last, first)
        if target != first:
            self.statements.append(py.Assign((py.name(target),), py.name(first)))
        block = self._scope.free("block", {*self._live.values(), target})
        shapes = {self._scope.shape(unit.output.type) for unit in run}
        comment = shapes.pop() if len(shapes) == 1 else ""
        x = py.name(target)
        called = py.call(py.name(block), x)
        line = py.Assign((x,), called, comment, span=run[0].span)
        self.statements.append(py.For((py.name(block),), self._scope.container(run[0]), (line,)))
        self._name(last, target)

    def dies(self, value: Value, unit: Unit) -> bool:
        """Whether a value is used by this unit alone."""
        return self._uses[value.name] == 1 and self._last[value.name] == self._numbers[id(unit)]

    def _lowered(self, unit: Unit, inputs: tuple[py.Expr, ...]) -> py.Expr | Several:
        if unit.node is not None:
            return OPS.find(unit.node.op)(
                unit.node.op, self._scope.site(self._scope, unit.node, inputs)
            )
        module = access(self._scope._root, self._scope._paths[unit.layer])
        called = py.call(module, *inputs)
        count = len(unit.outputs)
        return called if count == 1 else Several(called, count, tuple(range(count)))

    def _assign(self, value: Value, made: py.Expr, first: str, span: Span) -> None:
        target = self._variable(value, first)
        comment = self._scope.shape(value.type)
        self.statements.append(py.Assign((py.name(target),), made, comment, span=span))
        self._name(value, target)

    def _unpack(self, unit: Unit, made: Several, first: str) -> None:
        targets: dict[int, str] = {}
        shapes = []
        for value, place in zip(unit.outputs, made.places, strict=True):
            if value.name not in self._last:
                continue
            if place not in targets:
                targets[place] = self._variable(value, first)
                shapes.append(self._scope.shape(value.type))
            self._name(value, targets[place])
        names = tuple(py.name(targets.get(place, "_")) for place in range(made.size))
        self.statements.append(py.Assign(names, made.call, ", ".join(shapes), span=unit.span))

    def _variable(self, value: Value, first: str) -> str:
        """The spec's name for the value, or its input's variable again, or x."""
        hint = self._scope.hint(value)
        if hint is not None:
            made = self._scope.free(hint, self._live.values())
            self._hinted.add(made)
            return made
        live = set(self._live.values())
        if first not in live and (first not in self._hinted | self._parameters or first == "x"):
            return first
        wish = self._ends.get(value.name, "x") if "x" in live else "x"
        return self._scope.free(wish, live)

    def _name(self, value: Value, variable: str) -> None:
        self.variables[value.name] = variable
        self._live[value.name] = variable


def _ends(scope: Scope, units: Sequence[Unit]) -> dict[str, str]:
    """Name of a value -> what the spec calls the value in which the chain behind it ends."""
    uses = Counter(value.name for unit in units for value in unit.inputs)
    ends: dict[str, str] = {}
    for unit in reversed(units):
        end = scope.hint(unit.outputs[0]) or ends.get(unit.outputs[0].name)
        if end is not None and unit.inputs and uses[unit.inputs[0].name] == 1:
            ends[unit.inputs[0].name] = end
    return ends


def batch_name(graph: Graph) -> str:
    """What the batch is called in shapes: N, unless a dimension of the spec is called so."""
    symbols = {
        str(dim) for value in graph.values() for dim in value.type.shape if isinstance(dim, Symbol)
    }
    return "batch" if any("N" in symbol.split() for symbol in symbols) else "N"
