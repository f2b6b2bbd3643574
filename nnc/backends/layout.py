"""Which axis order a backend computes in, and where transposes stand.

A graph says of each op that asks (convolution, pooling, normalisation) which axis holds the
channels. A backend has one native layout. `native` rewrites the graph so that every such op has
it, with a `Permute` where a value enters or leaves a region of native layout and nowhere else:
never between two convolutions.
"""

from __future__ import annotations

from dataclasses import replace

from nnc.compiler.ir import Graph, Instance, Node, Output, Value
from nnc.compiler.vocabulary.ops.base import Channelled, Layout
from nnc.compiler.vocabulary.ops.shape import Permute


def to_layout(rank: int, layout: Layout) -> tuple[int, ...]:
    """The axes of an example that bring the other layout into this one, as `Permute` takes them."""
    if layout == "channels_last":
        return (*range(1, rank), 0)
    return (rank - 1, *range(rank - 1))


def native(graph: Graph, layout: Layout) -> Graph:
    """The same model with every op that asks for a layout in this one.

    Inputs and outputs keep the spec's axis order, as do all stored weights.
    """
    return _Rewriter(graph, layout).graph()


class _Rewriter:
    def __init__(self, graph: Graph, layout: Layout) -> None:
        self._old = graph
        self._layout = layout
        self._spec: dict[str, Value] = {value.name: value for value in graph.inputs}
        self._native: dict[str, Value] = {}
        self._nodes: list[Node] = []
        self._starts: list[int] = []
        self._names = {value.name for value in graph.values()}

    def graph(self) -> Graph:
        for node in self._old.nodes:
            self._starts.append(len(self._nodes))
            self._rewrite(node)
        outputs = tuple(Output(o.name, self._in_spec(o.value), o.span) for o in self._old.outputs)
        self._starts.append(len(self._nodes))
        return replace(
            self._old,
            nodes=tuple(self._nodes),
            outputs=outputs,
            layout=self._layout,
            instances=tuple(
                Instance(i.path, i.block, self._starts[i.start], self._starts[i.stop])
                for i in self._old.instances
            ),
        )

    def _rewrite(self, node: Node) -> None:
        op = node.op
        if (
            isinstance(op, Channelled)
            and op.layout != self._layout
            and node.inputs[0].type.rank > 1
        ):
            self._add(replace(node, op=op.replace(layout=self._layout)), native=True)
            return
        moved = self._moved(node)
        self._add(moved or node, native=moved is not None)

    def _moved(self, node: Node) -> Node | None:
        """The node on native values, when one of its inputs exists only so and the op doesn't
        mind."""
        ranks = {value.type.rank for value in node.inputs}
        if len(ranks) != 1 or all(value.name in self._spec for value in node.inputs):
            return None
        axes = to_layout(ranks.pop(), self._layout)
        op = node.op.moved(axes)
        return None if op is None else replace(node, op=op, axes=axes)

    def _add(self, node: Node, *, native: bool) -> None:
        read = self._in_native if native else self._in_spec
        inputs = tuple(read(value) for value in node.inputs)
        types = node.op.infer(tuple(value.type for value in inputs))
        outputs = tuple(
            replace(value, type=type_) for value, type_ in zip(node.outputs, types, strict=True)
        )
        self._nodes.append(replace(node, inputs=inputs, outputs=outputs))
        for value, old in zip(outputs, node.outputs, strict=True):
            keeps_order = not native or old.type.rank < 2
            (self._spec if keeps_order else self._native)[old.name] = value

    def _in_spec(self, value: Value) -> Value:
        if value.name not in self._spec:
            back: Layout = "channels_first" if self._layout == "channels_last" else "channels_last"
            self._spec[value.name] = self._permute(self._native[value.name], back)
        return self._spec[value.name]

    def _in_native(self, value: Value) -> Value:
        if value.name not in self._native:
            if value.type.rank < 2:
                return self._spec[value.name]
            self._native[value.name] = self._permute(self._spec[value.name], self._layout)
        return self._native[value.name]

    def _permute(self, value: Value, layout: Layout) -> Value:
        op = Permute(axes=to_layout(value.type.rank, layout))
        name = self._fresh(f"{value.name.replace('.', '_')}_{layout}")
        made = Value(name, op.infer((value.type,))[0], value.span)
        self._nodes.append(Node(name, name, op, (value,), (made,), span=value.span))
        return made

    def _fresh(self, name: str) -> str:
        number, free = 2, name
        while free in self._names:
            free, number = f"{name}_{number}", number + 1
        self._names.add(free)
        return free
