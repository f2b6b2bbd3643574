"""A drawing as a Mermaid flowchart, which GitHub and many editors draw."""

from __future__ import annotations

from collections.abc import Iterator

from nnc.plot.drawing import Box, Drawing

_PLAIN = frozenset(" .,:=+-_/()")


def mermaid(drawing: Drawing) -> str:
    """The drawing as the text of a flowchart."""
    lines = ["flowchart TD", *_nodes(drawing)]
    lines += [f"  n{start} --> n{end}" for start, end in drawing.arrows]
    return "\n".join(lines) + "\n"


def _nodes(drawing: Drawing) -> Iterator[str]:
    """The boxes in their order; groups open before their first box and close behind their last."""
    open_until: list[int] = []
    groups = list(enumerate(drawing.groups))
    for number, box in enumerate(drawing.boxes):
        while open_until and open_until[-1] == number:
            open_until.pop()
            yield f"{_indent(open_until)}end"
        while groups and groups[0][1].start == number:
            place, group = groups.pop(0)
            yield f'{_indent(open_until)}subgraph g{place}["{escaped(group.title)}"]'
            open_until.append(group.stop)
        yield f"{_indent(open_until)}n{number}{_shape(box)}"
    while open_until:
        open_until.pop()
        yield f"{_indent(open_until)}end"


def _indent(open_until: list[int]) -> str:
    return "  " * (1 + len(open_until))


def _shape(box: Box) -> str:
    text = f'"{escaped(box.title)}<br/>{escaped(box.detail)}"'
    return f"([{text}])" if box.family in ("input", "output") else f"[{text}]"


def escaped(text: str) -> str:
    """Text whose signs mean nothing to Mermaid: all but letters, digits and a few as `#code;`."""
    return "".join(c if c.isalnum() or c in _PLAIN else f"#{ord(c)};" for c in text)
