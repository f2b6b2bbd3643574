"""The classes of a program: one for the model and one for each block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nnc.backends import pysource as py
from nnc.backends.layout import native
from nnc.backends.torch.regions import Regions
from nnc.backends.torch.scope import PACKAGE, Pieces, Scope, Unit
from nnc.backends.torch.sharing import Body, Shared, bare, share, skeleton
from nnc.compiler.ir import ActivityTerm, Graph, Instance, LossTerm, Output, Program, Value
from nnc.compiler.vocabulary.ops.conv import Conv2D
from nnc.compiler.vocabulary.ops.conv_transpose import ConvTranspose2D
from nnc.compiler.vocabulary.ops.depthwise import DepthwiseConv2D
from nnc.compiler.vocabulary.ops.normalization import GroupNorm, InstanceNorm
from nnc.compiler.vocabulary.ops.shape import Permute

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
    training = program.training
    terms: tuple[LossTerm | ActivityTerm, ...] = ()
    if training:
        terms = (*training.losses, *training.activities)
    predictions = tuple(Output("", value) for term in terms for value in term.predictions)
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
        results = (*(o.value for o in graph.outputs), *self._predictions)
        self._regions = Regions(graph, results)
        self._blocks: dict[Instance, tuple[str, py.Call]] = {}
        """Use of a block -> the layer of its module and how to make it."""
        self._again: dict[Instance, list[Instance]] = {}
        """First use of a shared block -> the later ones."""

    def build(self) -> tuple[tuple[py.Class, ...], tuple[Value, ...] | None]:
        """The classes, the model's last, and the values that `scores` gives."""
        for uses in self._regions.by_height():
            self._share(uses)
        outer = self._regions.within(None, self._blocks)
        units = self._units(0, len(self._graph.nodes), outer)
        scope = self._scope(units, "")
        methods, scores = self._methods(scope, self._alive(units))
        described = py.Class(
            self.name,
            (py.dotted(scope.base),),
            (_init((*scope.init(), *_memory_format(self._graph)), ()), *methods),
        )
        return (*self._classes, described), scores

    def _scope(self, units: Sequence[Unit], prefix: str, unnamed: Iterable[Value] = ()) -> Scope:
        return Scope(self._graph, units, prefix, self._pieces, self._class_names, unnamed)

    # What is computed

    def _units(self, start: int, stop: int, inner: Iterable[Instance]) -> list[Unit]:
        """The nodes `[start, stop)`, blocks in one piece."""
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
        return units

    def _alive(self, units: Iterable[Unit]) -> list[Unit]:
        """The units that something depends on; of the others only the weights are kept."""
        return [unit for unit in units if self._regions.is_alive(unit.outputs)]

    def _block_unit(self, instance: Instance) -> Unit:
        layer, constructor = self._blocks[instance]
        inputs, outputs = self._regions.border(instance)
        span = self._graph.nodes[instance.start].span
        return Unit(layer, inputs, outputs, span, constructor=constructor)

    # Blocks

    def _share(self, instances: list[Instance]) -> None:
        """Make the classes of a block."""
        made: dict[object, list[tuple[Instance, Body]]] = {}
        for first, *again in self._by_layers(instances):
            if not self._owns_its_layers(first):
                continue
            body = self._body(first, first.path)
            # A later use of a shared block calls the module of the first, when it does the same.
            if all(bare(self._body(later, first.path)) == bare(body) for later in again):
                made.setdefault(skeleton(body), []).append((first, body))
                self._again[first] = again
        for number, uses in enumerate(made.values()):
            shared = share([body for _, body in uses], self._class_names)
            name = self._names.fresh(_class_name(uses[0][0].block, number))
            self._class_names.append(name)
            self._classes.append(_block_class(name, uses[0][0].block, shared))
            for (first, _), arguments in zip(uses, shared.arguments, strict=True):
                module = (first.path, py.call(py.name(name), *arguments))
                self._blocks |= dict.fromkeys((first, *self._again[first]), module)

    def _by_layers(self, instances: list[Instance]) -> list[list[Instance]]:
        """Uses of a block with the same layers together, the first in front."""
        groups: dict[object, list[Instance]] = {}
        for instance in instances:
            nodes = self._graph.nodes[instance.start : instance.stop]
            layers = tuple(node.layer for node in nodes if not isinstance(node.op, Permute))
            groups.setdefault(layers or instance.path, []).append(instance)
        return list(groups.values())

    def _owns_its_layers(self, instance: Instance) -> bool:
        nodes = self._graph.nodes[instance.start : instance.stop]
        weighted = [node for node in nodes if node.weights]
        inside = all(node.layer.startswith(f"{instance.path}.") for node in weighted)
        owns = all(node.owns_weights for node in weighted)
        inputs, outputs = self._regions.border(instance)
        return inside and owns and bool(inputs) and bool(outputs)

    def _body(self, instance: Instance, prefix: str) -> Body:
        """The class of one use, whose layers stand under `prefix`."""
        inner = self._regions.within(instance, self._blocks)
        units = self._units(instance.start, instance.stop, inner)
        inputs, outputs = self._regions.border(instance)
        scope = self._scope(units, prefix, outputs)
        wishes = dict(zip([v.name for v in inputs], ["x", "y", "z"], strict=False))
        parameters = scope.parameters({v.name: wishes.get(v.name, "x") for v in inputs})
        forward = scope.method("forward", self._alive(units), parameters, outputs)
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
        while True:
            before = _ancestors(scores, units, makers)
            after: set[int] = set()
            for value in outputs:
                if not _reaches(value.name, scores, before, units, makers, after):
                    # It needs more than the scores, so it becomes one, and all begins anew.
                    scores[value.name] = value
                    break
            else:
                return tuple(scores.values()), after


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


def _memory_format(graph: Graph) -> tuple[py.Statement, ...]:
    """Images are computed faster with their channels side by side in memory, but for norms over
    places. The shapes stay as they are."""
    words = {type(node.op) for node in graph.nodes}
    images = words & {Conv2D, DepthwiseConv2D, ConvTranspose2D}
    volumes = any(len(weight.shape) == 5 for weight in graph.weights.values())
    if not images or volumes or words & {GroupNorm, InstanceNorm}:
        return ()
    moved = py.call("self.to", memory_format=py.dotted("torch.channels_last"))
    return (py.Expression(moved),)


def _class_name(block: str, number: int) -> str:
    return block if number == 0 else f"{block}{number + 1}"


def _init(body: tuple[py.Statement, ...], parameters: Sequence[tuple[str, str]]) -> py.Function:
    given = (py.Parameter(name, py.name(kind)) for name, kind in parameters)
    return py.Function("__init__", (py.Parameter("self"), *given), body, py.literal(None))


def _block_class(name: str, block: str, shared: Shared) -> py.Class:
    body = (_init(shared.body.init, shared.parameters), shared.body.forward)
    return py.Class(name, (py.dotted(shared.body.base),), body)
