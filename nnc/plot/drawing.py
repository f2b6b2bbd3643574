"""A model as boxes, arrows and groups, before anybody knows where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from nnc.catalogue import call_text
from nnc.compiler.ir import Graph, Node
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.ops.base import Activation, Op

_LONGEST = 44
_UNSHOWN = ("layout", "weight", "weight_init", "bias_init", "recurrent_init")
"""Arguments that say nothing about the picture."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box with two lines of text. `family` chooses its colour."""

    title: str
    detail: str
    family: str


@dataclass(frozen=True, slots=True)
class Group:
    """A block in use: the boxes `[start, stop)`. `depth` counts the groups around it."""

    title: str
    start: int
    stop: int
    depth: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """Boxes by number, arrows between them, and groups, outer ones first."""

    name: str
    boxes: tuple[Box, ...]
    arrows: tuple[tuple[int, int], ...]
    groups: tuple[Group, ...]


def nested(drawing: Drawing) -> Iterator[tuple[int, int | Group | None, int]]:
    """The boxes in their order, by number, with the groups around them: a group comes before its
    first box and None behind its last one. With each, how many groups are around it, and the
    group's number."""
    open_until: list[int] = []
    groups = list(enumerate(drawing.groups))
    for number in range(len(drawing.boxes)):
        while open_until and open_until[-1] == number:
            open_until.pop()
            yield len(open_until), None, 0
        while groups and groups[0][1].start == number:
            place, group = groups.pop(0)
            yield len(open_until), group, place
            open_until.append(group.stop)
        yield len(open_until), number, 0
    while open_until:
        open_until.pop()
        yield len(open_until), None, 0


def drawing(graph: Graph) -> Drawing:
    """The drawing of a model: inputs, then layers, then outputs."""
    boxes = [Box(value.name, str(value.type), "input") for value in graph.inputs]
    maker = {value.name: number for number, value in enumerate(graph.inputs)}
    arrows: list[tuple[int, int]] = []
    first = len(boxes)
    for node in graph.nodes:
        arrows += [(maker[value.name], len(boxes)) for value in node.inputs]
        maker.update((value.name, len(boxes)) for value in node.outputs)
        boxes.append(_box(node))
    for output in graph.outputs:
        arrows.append((maker[output.value.name], len(boxes)))
        boxes.append(Box(output.name, str(output.value.type), "output"))
    groups = tuple(_groups(graph, first))
    return Drawing(graph.name, tuple(boxes), tuple(dict.fromkeys(arrows)), groups)


def _box(node: Node) -> Box:
    shapes = ", ".join(_shape(value.type) for value in node.outputs)
    return Box(_cut(_title(node.op)), _cut(f"{node.name}  {shapes}"), _family(node.op))


def _title(op: Op) -> str:
    literal = ("bias",) if isinstance(getattr(op, "bias", None), tuple) else ()
    return call_text(op, (*_UNSHOWN, *literal))


def _shape(type_: TensorType) -> str:
    return f"[{', '.join(map(str, type_.shape))}]" if type_.shape else type_.dtype


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _family(op: Op) -> str:
    return "activation" if isinstance(op, Activation) else type(op).__module__.rpartition(".")[2]


def _groups(graph: Graph, first: int) -> Iterator[Group]:
    """Blocks of more than one layer, outer ones first."""
    found = [i for i in graph.instances if i.stop - i.start > 1]
    found.sort(key=lambda i: (i.start, -i.stop, len(i.path)))
    around: list[int] = []
    for instance in found:
        while around and around[-1] <= instance.start:
            around.pop()
        title = f"{instance.block}  {instance.path}"
        yield Group(_cut(title), instance.start + first, instance.stop + first, len(around))
        around.append(instance.stop)
