"""Random models out of the whole vocabulary: every word takes part from the moment it exists."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from nnc.compiler.ir import Graph, Node, Output, Program, Value
from nnc.compiler.types import FLOATS, Symbol, TensorType, elements
from nnc.compiler.vocabulary import base
from nnc.compiler.vocabulary.base import Rejected
from nnc.compiler.vocabulary.ops.base import Example, Op, Types

LARGEST = 600
"""Elements of one example of any value: programs are many, so they are small."""
TRIES = 40
CALMING = ("tanh", "sigmoid", "softmax", "LayerNorm")
"""Put in now and then, so that values stay of a size that float32 can tell apart."""


def examples() -> list[Example]:
    """The examples of every op, those of the calming ones several times."""
    ops = [cls for cls in base.words("op") if issubclass(cls, Op)]
    found = [example for cls in ops for example in cls.examples()]
    return found + 3 * [example for example in found if example.op.word in CALMING]


EXAMPLES = examples()


@dataclass
class RandomGraph:
    """Grows a graph by examples whose ops accept values that are there."""

    chance: random.Random
    values: list[Value] = field(default_factory=list)
    inputs: list[Value] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)

    def grow(self, nodes: int) -> Program:
        """A program of about that many nodes; what nothing uses is an output."""
        self._begin()
        for _ in range(nodes):
            self._add()
        used = {value.name for node in self.nodes for value in node.inputs}
        ends = [v for node in self.nodes for v in node.outputs if v.name not in used]
        outputs = tuple(Output(f"out{i}", value) for i, value in enumerate(ends))
        return Program(Graph("Random", tuple(self.inputs), tuple(self.nodes), outputs))

    def _begin(self) -> None:
        """Inputs of the kinds that the examples take."""
        for i in range(self.chance.randint(1, 3)):
            type_ = self.chance.choice(self.chance.choice(EXAMPLES).inputs)
            self.inputs.append(Value(f"in{i}", type_))
        self.values += self.inputs

    def _add(self) -> None:
        for _ in range(TRIES):
            example = self.chance.choice(EXAMPLES)
            if example.positive or getattr(example.op, "activation", None) is not None:
                continue
            chosen = self._choose(example)
            results = self._infer(example.op, chosen)
            if results is not None:
                self._apply(example.op, chosen, results)
                return

    def _choose(self, example: Example) -> tuple[Value, ...]:
        """A value for each input, one of the same type if there is one."""
        chosen = []
        for wanted in example.inputs:
            same = [value for value in self.values if value.type == wanted]
            if example.highest > 1 and wanted.dtype not in FLOATS:
                # ids must lie in the table: only an input can be drawn below a bound
                same = [value for value in same if value in self.inputs]
                if not same:
                    return ()
            chosen.append(self.chance.choice(same or self.values))
        return tuple(chosen)

    def _infer(self, op: Op, chosen: tuple[Value, ...]) -> Types | None:
        types = tuple(value.type for value in chosen)
        if not types or (op.broadcasts and len({x.rank for x in types}) > 1):
            return None
        try:
            results = op.infer(types)
            op.weights(types)
        except Rejected:
            return None
        return results if all(map(small, results)) else None

    def _apply(self, op: Op, chosen: tuple[Value, ...], results: Types) -> None:
        name = f"n{len(self.nodes)}_{op.word.lower()}"
        names = op.result_names()
        made = tuple(
            Value(name if len(names) == 1 else f"{name}.{result}", type_)
            for result, type_ in zip(names, results, strict=True)
        )
        types = tuple(value.type for value in chosen)
        self.nodes.append(Node(name, name, op, chosen, made, op.weights(types)))
        self.values += made


def small(type_: TensorType) -> bool:
    """Whether one example has few elements, a free dimension counted as 7."""
    shape = [7 if isinstance(dim, Symbol) else dim for dim in type_.shape]
    count = elements(shape)
    return count is not None and 0 < count <= LARGEST


def random_program(seed: int) -> Program:
    """The program of a seed, with at least one node."""
    chance = random.Random(seed)
    while True:
        program = RandomGraph(chance).grow(chance.randint(2, 10))
        if program.graph.nodes and program.graph.outputs:
            return program
