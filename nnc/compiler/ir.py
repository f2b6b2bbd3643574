"""The typed program: what a spec means, without its text. Frozen; made by `passes`, read by
backends.

Words (ops, losses, optimisers, …) are the validated pydantic classes of the vocabulary; what holds
them together are frozen dataclasses, which nothing from outside fills: a JSON spec walks the same
pipeline as text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from nnc.compiler.source import NOWHERE, Span
from nnc.compiler.types import FLOATS, TensorType

if TYPE_CHECKING:
    from nnc.compiler.vocabulary.augmentations import Augmentation
    from nnc.compiler.vocabulary.constraints import Constraint
    from nnc.compiler.vocabulary.data import Columns, Files, Preparation, Series, SourceWord, Split
    from nnc.compiler.vocabulary.losses.base import Loss
    from nnc.compiler.vocabulary.metrics import Metric
    from nnc.compiler.vocabulary.ops.base import Layout, Op, Types, Weight
    from nnc.compiler.vocabulary.optimizers import Optimizer
    from nnc.compiler.vocabulary.penalties import Penalty
    from nnc.compiler.vocabulary.schedules import Clip, Early, Every, Schedule
    from nnc.compiler.vocabulary.search import Range


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor that flows: an input of the model or a result of a node.

    `name` is unique in the graph: the input's name, the node's name, or `node.result` for an op
    with several results.
    """

    name: str
    type: TensorType
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Node:
    """One application of an op.

    `name` is unique: the path of the layer (`layer1.0.conv1`), with a number added for a second
    use of a shared layer. `layer` owns the weights: their full names are `layer` + "." + the
    weight's name.
    """

    name: str
    layer: str
    op: Op
    inputs: tuple[Value, ...]
    outputs: tuple[Value, ...]
    weights: tuple[Weight, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    axes: tuple[int, ...] = ()
    """Where a backend works in another layout than the spec: the spec's axis that stands at each
    place of the inputs' examples. Empty: the axes are the spec's."""

    @property
    def output(self) -> Value:
        """The only (or the first) result."""
        return self.outputs[0]

    @property
    def input_types(self) -> Types:
        return tuple(value.type for value in self.inputs)

    @property
    def owns_weights(self) -> bool:
        """Whether this is the first use of its layer."""
        return self.name == self.layer


@dataclass(frozen=True, slots=True)
class Output:
    """A named result of the model."""

    name: str
    value: Value
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Instance:
    """One use of a block: the nodes `[start, stop)` of the graph stand under the path `path`."""

    path: str
    block: str
    start: int
    stop: int


@dataclass(frozen=True)
class Graph:
    """A model: nodes in an order in which they can be computed."""

    name: str
    inputs: tuple[Value, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Output, ...]
    layout: Layout = "channels_first"
    hints: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Name of a value -> the name that the spec's author gave it (`h`, `logits`), for readable
    code."""
    instances: tuple[Instance, ...] = field(default=(), compare=False)

    @cached_property
    def weights(self) -> dict[str, Weight]:
        """Every stored tensor by its full name, each once, in the order of the nodes."""
        return {
            f"{node.layer}.{weight.name}": weight
            for node in self.nodes
            if node.owns_weights
            for weight in node.weights
        }

    @property
    def constraints(self) -> dict[str, Constraint]:
        """The constraints of trained weights, by the weights' full names."""
        trained = (item for item in self.weights.items() if item[1].trainable)
        return {name: weight.constraint for name, weight in trained if weight.constraint}

    def end(self, value: Value) -> Node | None:
        """The node that a value comes from, past those that give their input as it is."""
        node = self.makers.get(value.name)
        while node is not None and node.op.gives_input:
            node = self.makers.get(node.inputs[0].name)
        return node

    @cached_property
    def makers(self) -> dict[str, Node]:
        """Name of a value -> the node that makes it; inputs have none."""
        return {value.name: node for node in self.nodes for value in node.outputs}

    @cached_property
    def learnt(self) -> frozenset[str]:
        """The names of the values that have a gradient: they depend on trained weights."""
        found: set[str] = set()
        for node in self.nodes:
            trained = any(w.role == "parameter" and w.trainable for w in node.weights)
            if trained or any(value.name in found for value in node.inputs):
                carried = node.outputs if node.op.carries_gradient else ()
                found |= {value.name for value in carried if value.type.dtype in FLOATS}
        return frozenset(found)

    def values(self) -> Iterator[Value]:
        """Inputs, then every result in order."""
        yield from self.inputs
        for node in self.nodes:
            yield from node.outputs


def single(op: Op, inputs: Types, name: str = "Example") -> Graph:
    """A model of one word: inputs `x0`, `x1`, …, the node named after the op, outputs `y0`, `y1`,
    …; a composite word gives several nodes, named below it."""
    from nnc.compiler.vocabulary.ops.base import Composite

    taken = tuple(Value(f"x{i}", type_) for i, type_ in enumerate(inputs))
    path = op.word.lower()
    if isinstance(op, Composite):
        parts = _Parts(path)
        result = op.expand(parts, *taken)
        return Graph(name, taken, tuple(parts.nodes), (Output("y0", result),))
    results = op.infer(inputs)
    names = op.result_names()
    made = tuple(
        Value(path if len(results) == 1 else f"{path}.{result}", type_)
        for result, type_ in zip(names, results, strict=True)
    )
    node = Node(path, path, op, taken, made, op.weights(inputs))
    outputs = tuple(Output(f"y{i}", value) for i, value in enumerate(made))
    return Graph(name, taken, (node,), outputs)


@dataclass
class _Parts:
    """The nodes of a composite word."""

    path: str
    nodes: list[Node] = field(default_factory=list)

    def add(self, op: Op, *inputs: Value, name: str | None = None) -> Value:
        types = tuple(value.type for value in inputs)
        path = f"{self.path}.{name or f'{op.word.lower()}_{len(self.nodes)}'}"
        made = Value(path, op.infer(types)[0])
        self.nodes.append(Node(path, path, op, inputs, (made,), op.weights(types)))
        return made


@dataclass(frozen=True, slots=True)
class LossTerm:
    """factor · loss(predictions…, target). With `logits` the prediction is the logits of the
    output's last activation (or the output itself), and the loss is computed from them in one
    step. A loss that only compares outputs has no target."""

    loss: Loss
    factor: float
    outputs: tuple[str, ...]
    predictions: tuple[Value, ...]
    target: Value | None
    logits: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)

    @property
    def types(self) -> Types:
        """The types of the predictions, then that of the target."""
        given = (*self.predictions, *((self.target,) if self.target else ()))
        return tuple(value.type for value in given)


@dataclass(frozen=True, slots=True)
class PenaltyTerm:
    """factor · penalty over one weight, by its full name."""

    penalty: Penalty
    factor: float
    weight: str


@dataclass(frozen=True, slots=True)
class ActivityTerm:
    """The penalty of a value: the sum over an example, as a mean over the batch."""

    penalty: Penalty
    value: Value

    @property
    def predictions(self) -> tuple[Value, ...]:
        return (self.value,)


@dataclass(frozen=True, slots=True)
class MetricUse:
    """A metric of an output against a target. `name` stands in histories: `accuracy`."""

    name: str
    metric: Metric
    output: str
    prediction: Value
    target: Value

    @property
    def predictions(self) -> tuple[Value, ...]:
        return (self.prediction,)


@dataclass(frozen=True, slots=True)
class Training:
    """The train block. `batch` None means all examples at once."""

    targets: tuple[Value, ...]
    losses: tuple[LossTerm, ...]
    penalties: tuple[PenaltyTerm, ...]
    """Every penalty, weight by weight: those of the loss and those of layers (`regularize=`)."""
    optimizer: Optimizer
    schedule: Schedule
    loss_penalties: tuple[tuple[Penalty, float], ...] = ()
    """The penalties of the loss as they were written, with their factors."""
    activities: tuple[ActivityTerm, ...] = ()
    """The penalties on values that flow."""
    clip: Clip | None = None
    stop: Early | None = None
    metrics: tuple[MetricUse, ...] = ()
    epochs: int = 10
    batch: int | None = 32
    log_every: int = 1
    augment: tuple[Augmenting, ...] = ()
    checkpoint: Every | None = None


@dataclass(frozen=True, slots=True)
class Augmenting:
    """A change of an input, by its name, of every training batch."""

    augmentation: Augmentation
    input: str


@dataclass(frozen=True, slots=True)
class Field:
    """What feeds inputs and targets: columns of the source, then preparations. Only a window feeds
    two."""

    names: tuple[str, ...]
    columns: Columns | Files | Series
    preparations: tuple[Preparation, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Data:
    """The data block. Series bring their own files, and need no source."""

    source: SourceWord | None
    fields: tuple[Field, ...]
    split: Split | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Search:
    """The search block: a range for each of some parameters."""

    ranges: Mapping[str, Range]
    trials: int
    method: Literal["random", "grid", "bayesian", "evolution"]
    goal: Literal["minimize", "maximize"]
    monitor: str


@dataclass(frozen=True)
class Program:
    """A whole spec: the model, how it is trained, on what data."""

    graph: Graph
    seed: int = 0
    training: Training | None = None
    data: Data | None = None
    search: Search | None = None
    parameters: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.graph.name
