"""The classes of a program: one for the model and one for each block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nnc.backends import pysource as py
from nnc.backends.layout import native
from nnc.backends.torch.scope import PACKAGE, Pieces, Scope, Unit
from nnc.backends.torch.sharing import Body, Shared, share, skeleton
from nnc.compiler.ir import Graph, Instance, Output, Program, Value

__all__ = ["PACKAGE", "Model", "build"]


@dataclass(frozen=True)
class Model:
    """The classes, the model's last.

    `outputs` are the model's results; `scores` the values that the loss is computed from, when
    these are not the results themselves. `places`: name of an output's or a prediction's value in
    the spec's graph -> its name among these.
    """

    name: str
    classes: tuple[py.Class, ...]
    outputs: tuple[Value, ...]
    scores: tuple[Value, ...] | None
    places: Mapping[str, str]


def build(program: Program, names: py.Names, pieces: Pieces) -> Model:
    """The classes of the program. Convolutions are computed with the channels first."""
    terms = program.training.losses if program.training else ()
    predictions = tuple(Output("", term.prediction) for term in terms)
    outputs = program.graph.outputs
    # What the loss is computed from must come out in the spec's axis order, as outputs do.
    graph = native(replace(program.graph, outputs=(*outputs, *predictions)), "channels_first")
    made = [output.value for output in graph.outputs]
    asked = [output.value.name for output in (*outputs, *predictions)]
    places = dict(zip(asked, (value.name for value in made), strict=True))
    own = tuple(made[: len(outputs)])
    graph = replace(graph, outputs=graph.outputs[: len(outputs)])
    builder = _Builder(program.name, graph, tuple(made[len(outputs) :]), names, pieces)
    classes, scores = builder.build()
    return Model(builder.name, classes, own, scores, places)


class _Builder:
    def __init__(
        self,
        name: str,
        graph: Graph,
        predictions: Sequence[Value],
        names: py.Names,
        pieces: Pieces,
    ) -> None:
        self.name = names.fresh(name)
        self._graph = graph
        self._names = names
        self._pieces = pieces
        self._classes: list[py.Class] = []
        self._class_names: list[str] = [self.name]
        self._predictions = tuple({value.name: value for value in predictions}.values())
        self._needed = self._alive()
        self._blocks: dict[Instance, tuple[str, py.Call]] = {}
        """Instance -> the layer of its module and how to make it."""

    def build(self) -> tuple[tuple[py.Class, ...], tuple[Value, ...] | None]:
        """The classes, the model's last, and the values that `scores` gives."""
        for block in self._by_height():
            self._share(block)
        outer = [i for i in self._blocks if not self._around(i)]
        units = self._units(0, len(self._graph.nodes), outer)
        scope = self._scope(units, "")
        methods, scores = self._methods(scope, units)
        described = py.Class(
            self.name,
            (py.dotted(scope.base),),
            (_init(scope.init(), ()), *methods),
        )
        return (*self._classes, described), scores

    def _scope(self, units: Sequence[Unit], prefix: str, unnamed: Iterable[Value] = ()) -> Scope:
        return Scope(self._graph, units, prefix, self._pieces, self._class_names, unnamed)

    # What is computed

    def _alive(self) -> set[str]:
        """Names of the values that outputs and losses depend on."""
        needed = {o.value.name for o in self._graph.outputs}
        needed |= {value.name for value in self._predictions}
        for node in reversed(self._graph.nodes):
            if any(value.name in needed for value in node.outputs):
                needed |= {value.name for value in node.inputs}
        return needed

    def _units(self, start: int, stop: int, inner: Iterable[Instance]) -> list[Unit]:
        """What is alive of the nodes `[start, stop)`, blocks in one piece."""
        begins = {instance.start: instance for instance in inner}
        units: list[Unit] = []
        place = start
        while place < stop:
            instance = begins.get(place)
            node = self._graph.nodes[place]
            if instance is not None:
                units.append(self._block_unit(instance))
                place = instance.stop
                continue
            units.append(Unit(node.layer, node.inputs, node.outputs, node.span, node))
            place += 1
        return [u for u in units if any(value.name in self._needed for value in u.outputs)]

    def _block_unit(self, instance: Instance) -> Unit:
        layer, constructor = self._blocks[instance]
        inputs, outputs = self._border(instance)
        span = self._graph.nodes[instance.start].span
        return Unit(layer, inputs, outputs, span, constructor=constructor)

    def _border(self, instance: Instance) -> tuple[tuple[Value, ...], tuple[Value, ...]]:
        """The values that enter a block and those that leave it."""
        inside = self._graph.nodes[instance.start : instance.stop]
        made = {value.name: value for node in inside for value in node.outputs}
        used = {v.name: v for node in inside for v in node.inputs if self._is_alive(node.outputs)}
        outside = (*self._graph.nodes[: instance.start], *self._graph.nodes[instance.stop :])
        left = {v.name for node in outside if self._is_alive(node.outputs) for v in node.inputs}
        left |= {o.value.name for o in self._graph.outputs}
        left |= {value.name for value in self._predictions}
        return (
            tuple(value for name, value in used.items() if name not in made),
            tuple(value for name, value in made.items() if name in left),
        )

    def _is_alive(self, values: Iterable[Value]) -> bool:
        return any(value.name in self._needed for value in values)

    # Blocks

    def _around(self, inner: Instance) -> list[Instance]:
        """The blocks with a class in which an instance stands."""
        return [i for i in self._blocks if i != inner and _contains(i, inner)]

    def _by_height(self) -> list[list[Instance]]:
        """The uses of each block, those first that contain no other block."""
        instances = self._graph.instances
        height: dict[str, int] = {}
        for instance in sorted(instances, key=lambda i: i.stop - i.start):
            inner = [height[i.block] for i in instances if i != instance and _contains(instance, i)]
            height[instance.block] = max([height.get(instance.block, 0), *(h + 1 for h in inner)])
        order = sorted(height, key=lambda block: height[block])
        return [[i for i in instances if i.block == block] for block in order]

    def _share(self, instances: list[Instance]) -> None:
        """Make the classes of a block."""
        made: dict[object, list[tuple[Instance, Body]]] = {}
        for instance in filter(self._owns_its_layers, instances):
            body = self._body(instance)
            made.setdefault(skeleton(body), []).append((instance, body))
        for number, uses in enumerate(made.values()):
            shared = share([body for _, body in uses], self._class_names)
            name = self._names.fresh(_class_name(uses[0][0].block, number))
            self._class_names.append(name)
            self._classes.append(_block_class(name, uses[0][0].block, shared))
            for (instance, _), arguments in zip(uses, shared.arguments, strict=True):
                self._blocks[instance] = (instance.path, py.call(py.name(name), *arguments))
        self._share_again(instances)

    def _share_again(self, instances: list[Instance]) -> None:
        """Later uses of a shared block call the module of the first."""
        layers = {self._layers(i): i for i in instances if i in self._blocks}
        for instance in instances:
            first = layers.get(self._layers(instance))
            if instance in self._blocks or first is None:
                continue
            if _sizes(self._border(instance)) == _sizes(self._border(first)):
                self._blocks[instance] = self._blocks[first]

    def _layers(self, instance: Instance) -> tuple[str, ...]:
        nodes = self._graph.nodes[instance.start : instance.stop]
        return tuple(node.layer for node in nodes if node.weights)

    def _owns_its_layers(self, instance: Instance) -> bool:
        nodes = self._graph.nodes[instance.start : instance.stop]
        inside = all(
            node.layer.startswith(f"{instance.path}.")
            for node in nodes
            if not _is_moved(node.layer)
        )
        owns = all(node.owns_weights for node in nodes if node.weights)
        inputs, outputs = self._border(instance)
        return inside and owns and bool(inputs) and bool(outputs)

    def _body(self, instance: Instance) -> Body:
        inner = [i for i in self._blocks if i != instance and _contains(instance, i)]
        inner = [i for i in inner if not any(o != i and _contains(o, i) for o in inner)]
        units = self._units(instance.start, instance.stop, inner)
        inputs, outputs = self._border(instance)
        scope = self._scope(units, instance.path, outputs)
        wishes = dict(zip([v.name for v in inputs], ["x", "y", "z"], strict=False))
        parameters = scope.parameters({v.name: wishes.get(v.name, "x") for v in inputs})
        forward = scope.method("forward", units, parameters, outputs)
        return Body(scope.base, scope.init(), forward)

    # Methods of the model

    def _methods(
        self, scope: Scope, units: Sequence[Unit]
    ) -> tuple[tuple[py.Function, ...], tuple[Value, ...] | None]:
        inputs = scope.parameters({value.name: value.name for value in self._graph.inputs})
        outputs = tuple(o.value for o in self._graph.outputs)
        distinct = {value.name for value in outputs}
        if all(value.name in distinct for value in self._predictions):
            return (scope.method("forward", units, inputs, outputs),), None
        scores, last = self._cut(units, outputs)
        rest = [unit for number, unit in enumerate(units) if number in last]
        first = [unit for number, unit in enumerate(units) if number not in last]
        given = scope.parameters({v.name: scope.hint(v) or "scores" for v in scores})
        called = py.call("self.scores", *map(py.name, inputs.values()))
        spread = called if len(scores) == 1 else py.Starred(called)
        tensor = py.name("Tensor")
        end = scope.method("activate", rest, given, outputs, "The outputs, from the scores.")
        forward = py.Function(
            "forward",
            (py.Parameter("self"), *(py.Parameter(n, tensor) for n in inputs.values())),
            (py.Return(py.call("self.activate", spread)),),
            returns=end.returns,
        )
        begin = "What the loss is computed from: the values before the last activations."
        return (scope.method("scores", first, inputs, scores, begin), end, forward), scores

    def _cut(
        self, units: Sequence[Unit], outputs: Sequence[Value]
    ) -> tuple[tuple[Value, ...], set[int]]:
        """The values after which the model is cut in two, and the units that come after the cut:
        those that make outputs out of the values of the cut alone."""
        makers = {v.name: n for n, unit in enumerate(units) for v in unit.outputs}
        scores = {value.name: value for value in self._predictions}
        before = _ancestors(scores, units, makers)
        after: set[int] = set()
        for value in outputs:
            path: set[int] = set()
            if value.name in scores:
                continue
            if _reaches(value.name, scores, before, units, makers, path):
                after |= path
            else:
                scores[value.name] = value
                before |= _ancestors([value.name], units, makers)
        # What a later output needed before the cut can't come after it.
        return tuple(scores.values()), after - before


def _reaches(
    name: str,
    scores: Iterable[str],
    before: set[int],
    units: Sequence[Unit],
    makers: dict[str, int],
    path: set[int],
) -> bool:
    """Whether a value can be made from the scores; `path` gets the units on the way."""
    waiting = [name]
    while waiting:
        value = waiting.pop()
        if value in scores:
            continue
        number = makers.get(value)
        if number is None or number in before:
            return False
        if number not in path:
            path.add(number)
            waiting += [v.name for v in units[number].inputs]
    return True


def _ancestors(values: Iterable[str], units: Sequence[Unit], makers: dict[str, int]) -> set[int]:
    waiting, found = list(values), set[int]()
    while waiting:
        number = makers.get(waiting.pop())
        if number is not None and number not in found:
            found.add(number)
            waiting += [value.name for value in units[number].inputs]
    return found


def _contains(outer: Instance, inner: Instance) -> bool:
    return outer.start <= inner.start and inner.stop <= outer.stop


def _sizes(border: tuple[tuple[Value, ...], tuple[Value, ...]]) -> tuple[int, int]:
    return len(border[0]), len(border[1])


def _is_moved(layer: str) -> bool:
    """Whether a layer is one of the transposes that the layout pass puts in."""
    return layer.endswith(("_channels_first", "_channels_last"))


def _class_name(block: str, number: int) -> str:
    return block if number == 0 else f"{block}{number + 1}"


def _init(body: tuple[py.Statement, ...], parameters: Sequence[tuple[str, str]]) -> py.Function:
    given = (py.Parameter(name, py.name(kind)) for name, kind in parameters)
    return py.Function("__init__", (py.Parameter("self"), *given), body, py.literal(None))


def _block_class(name: str, block: str, shared: Shared) -> py.Class:
    body = (_init(shared.body.init, shared.parameters), shared.body.forward)
    return py.Class(name, (py.dotted(shared.body.base),), body)
