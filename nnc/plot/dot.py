"""A drawing as DOT, which Graphviz and its relatives lay out and draw."""

from __future__ import annotations

from collections.abc import Iterator

from nnc.compiler.snippet import visible
from nnc.plot.drawing import Box, Drawing, nested
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
    for depth, part, place in nested(drawing):
        indent = "  " * (1 + depth)
        if part is None:
            yield f"{indent}}}"
        elif isinstance(part, int):
            yield f"{indent}n{part} [{_attributes(drawing.boxes[part])}];"
        else:
            yield f"{indent}subgraph cluster_{place} {{"
            yield f'{indent}  label={quoted(part.title)}; color="#c3c8d0";'


def _attributes(box: Box) -> str:
    fill, edge = colors(box.family)
    label = f"{quoted(box.title)[:-1]}\\n{quoted(box.detail)[1:]}"
    shape = ", shape=oval" if box.family in ("input", "output") else ""
    return f'label={label}, fillcolor="{fill}", color="{edge}"{shape}'


def quoted(text: str) -> str:
    """Text as a string of DOT, in which a backslash begins an escape."""
    shown = visible(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{shown}"'
