"""A drawing as a Mermaid flowchart, which GitHub and many editors draw."""

from __future__ import annotations

from collections.abc import Iterator

from nnc.plot.drawing import Box, Drawing, nested

_PLAIN = frozenset(" .,:=+-_/()")


def mermaid(drawing: Drawing) -> str:
    """The drawing as the text of a flowchart."""
    lines = ["flowchart TD", *_nodes(drawing)]
    lines += [f"  n{start} --> n{end}" for start, end in drawing.arrows]
    return "\n".join(lines) + "\n"


def _nodes(drawing: Drawing) -> Iterator[str]:
    for depth, part, place in nested(drawing):
        indent = "  " * (1 + depth)
        if part is None:
            yield f"{indent}end"
        elif isinstance(part, int):
            yield f"{indent}n{part}{_shape(drawing.boxes[part])}"
        else:
            yield f'{indent}subgraph g{place}["{escaped(part.title)}"]'


def _shape(box: Box) -> str:
    text = f'"{escaped(box.title)}<br/>{escaped(box.detail)}"'
    return f"([{text}])" if box.family in ("input", "output") else f"[{text}]"


def escaped(text: str) -> str:
    """Text whose signs mean nothing to Mermaid: all but letters, digits and a few as `#code;`."""
    return "".join(c if c.isalnum() or c in _PLAIN else f"#{ord(c)};" for c in text)
