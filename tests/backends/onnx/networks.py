"""Small networks, put together by hand."""

from __future__ import annotations

from nnc.compiler.ir import Graph, Node, Output, Program, Value
from nnc.compiler.vocabulary.ops.base import Op, parse_type


class Network:
    """A graph that grows by one node at a time."""

    def __init__(self, **inputs: str) -> None:
        self.inputs = tuple(Value(name, parse_type(text)) for name, text in inputs.items())
        self.nodes: list[Node] = []
        self.outputs: list[Output] = []

    def __getitem__(self, name: str) -> Value:
        return next(value for value in self.inputs if value.name == name)

    def then(self, name: str, op: Op, *inputs: Value, layer: str | None = None) -> Value:
        """The first result of an op."""
        types = tuple(value.type for value in inputs)
        names, results = op.result_names(), op.infer(types)
        made = tuple(
            Value(name if len(results) == 1 else f"{name}.{result}", type_)
            for result, type_ in zip(names, results, strict=True)
        )
        self.nodes.append(Node(name, layer or name, op, inputs, made, op.weights(types)))
        return made[0]

    def program(self, **outputs: Value) -> Program:
        named = tuple(Output(name, value) for name, value in outputs.items())
        return Program(Graph("Network", self.inputs, tuple(self.nodes), named))
