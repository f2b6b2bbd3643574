"""A drawing as DOT, which Graphviz and its relatives lay out and draw."""

from __future__ import annotations

from collections.abc import Iterator

from nnc.compiler.snippet import visible
from nnc.plot.drawing import Box, Drawing
from nnc.plot.svg import colors

_HEAD = (
    "  rankdir=TB;",
    '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=12];',
    '  edge [color="#6b7280"];',
)


def dot(drawing: Drawing) -> str:
    """The drawing as the text of a directed graph, groups as clusters."""
    lines = [f"digraph {quoted(drawing.name)} {{", *_HEAD, *_nodes(drawing)]
    lines += [f"  n{start} -> n{end};" for start, end in drawing.arrows]
    return "\n".join([*lines, "}"]) + "\n"


def _nodes(drawing: Drawing) -> Iterator[str]:
    """The boxes in their order; groups open before their first box and close behind their last."""
    open_until: list[int] = []
    groups = list(enumerate(drawing.groups))
    for number, box in enumerate(drawing.boxes):
        while open_until and open_until[-1] == number:
            open_until.pop()
            yield f"{_indent(open_until)}}}"
        while groups and groups[0][1].start == number:
            place, group = groups.pop(0)
            yield f"{_indent(open_until)}subgraph cluster_{place} {{"
            open_until.append(group.stop)
            yield f'{_indent(open_until)}label={quoted(group.title)}; color="#c3c8d0";'
        yield f"{_indent(open_until)}n{number} [{_attributes(box)}];"
    while open_until:
        open_until.pop()
        yield f"{_indent(open_until)}}}"


def _indent(open_until: list[int]) -> str:
    return "  " * (1 + len(open_until))


def _attributes(box: Box) -> str:
    fill, edge = colors(box.family)
    label = f"{quoted(box.title)[:-1]}\\n{quoted(box.detail)[1:]}"
    shape = ", shape=oval" if box.family in ("input", "output") else ""
    return f'label={label}, fillcolor="{fill}", color="{edge}"{shape}'


def quoted(text: str) -> str:
    """Text as a string of DOT, in which a backslash begins an escape."""
    shown = visible(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{shown}"'
