"""Where blocks stand in a graph: what lies within what, what enters and what leaves."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cache

from nnc.compiler.ir import Graph, Instance, Value

Border = tuple[tuple[Value, ...], tuple[Value, ...]]


class Regions:
    """The uses of blocks as a tree, and which values are needed at all.

    `results` are the values that must be there in the end.
    """

    def __init__(self, graph: Graph, results: Sequence[Value]) -> None:
        self._graph = graph
        self._results = frozenset(value.name for value in results)
        self.needed = self._alive()
        self._last_use = self._last_uses()
        self._inner: dict[Instance | None, list[Instance]] = {None: []}
        self._grow()
        self.border = cache(self._border)

    def _alive(self) -> set[str]:
        """Names of the values that results depend on."""
        needed = set(self._results)
        for node in reversed(self._graph.nodes):
            if any(value.name in needed for value in node.outputs):
                needed |= {value.name for value in node.inputs}
        return needed

    def is_alive(self, values: Sequence[Value]) -> bool:
        """Whether one of these values is needed."""
        return any(value.name in self.needed for value in values)

    def _last_uses(self) -> dict[str, int]:
        """Name of a value -> the number of the last node that needs it."""
        last: dict[str, int] = {}
        for number, node in enumerate(self._graph.nodes):
            if self.is_alive(node.outputs):
                last |= {value.name: number for value in node.inputs}
        return last

    def _grow(self) -> None:
        """Put each use of a block under the smallest one around it. Of two over the same nodes the
        one that was finished first lies within."""
        numbered = [(i, n) for n, i in enumerate(self._graph.instances) if i.start < i.stop]
        numbered.sort(key=lambda pair: (pair[0].start, -pair[0].stop, -pair[1]))
        around: list[Instance] = []
        for instance, _ in numbered:
            while around and around[-1].stop <= instance.start:
                around.pop()
            self._inner[around[-1] if around else None].append(instance)
            self._inner[instance] = []
            around.append(instance)

    def within(self, outer: Instance | None, chosen: Collection[Instance]) -> Iterator[Instance]:
        """The outermost of the chosen uses that lie within one, or anywhere for None."""
        waiting = list(reversed(self._inner[outer]))
        while waiting:
            instance = waiting.pop()
            if instance in chosen:
                yield instance
            else:
                waiting += reversed(self._inner[instance])

    def by_height(self) -> list[list[Instance]]:
        """The uses of each block, those first that contain no other block."""
        height: dict[str, int] = {}
        uses: dict[str, list[Instance]] = {}
        for instance in sorted(self._inner.keys() - {None}, key=_size):
            assert instance is not None
            inner = (height[i.block] + 1 for i in self._inner[instance] if i.block in height)
            height[instance.block] = max(height.get(instance.block, 0), *inner, 0)
        for instance in self._graph.instances:
            if instance in self._inner:
                uses.setdefault(instance.block, []).append(instance)
        return [uses[block] for block in sorted(height, key=lambda block: height[block])]

    def _border(self, instance: Instance) -> Border:
        """The values that enter a block and those that leave it."""
        nodes = self._graph.nodes[instance.start : instance.stop]
        made = {value.name: value for node in nodes for value in node.outputs}
        used = {v.name: v for node in nodes if self.is_alive(node.outputs) for v in node.inputs}
        entering = tuple(value for name, value in used.items() if name not in made)
        leaving = tuple(
            value
            for name, value in made.items()
            if name in self._results or self._last_use.get(name, -1) >= instance.stop
        )
        return entering, leaving


def _size(instance: Instance | None) -> tuple[int, str]:
    return (instance.stop - instance.start, instance.path) if instance else (0, "")
