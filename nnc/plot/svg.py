"""A drawing as SVG, laid out by `layered`; and as an HTML page around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from unicodedata import east_asian_width

from nnc.compiler.snippet import visible
from nnc.plot.drawing import Box, Drawing, Group
from nnc.plot.layered import Layout, arranged

FONT = "Inter, 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif"
_BOX_HEIGHT = 44.0
_BESIDE = 36.0
"""Between two boxes of a rank."""
_BETWEEN = 26.0
"""Between two ranks, where no group begins or ends."""
_HEAD = 17.0
"""For the title of a group, above its first box."""
_PADDING = 9.0
"""Of a group on its other sides, for each group inside."""
_MARGIN = 24.0
_BOLD = 1.18

_COLORS = {
    "input": ("#e8eef7", "#5b7db1"),
    "output": ("#e8eef7", "#5b7db1"),
    "activation": ("#fdf0d5", "#c8963e"),
    "dense": ("#dcefe1", "#4f9a68"),
    "conv": ("#dcebf9", "#4a86c5"),
    "pooling": ("#f9dfdc", "#c8665a"),
    "normalization": ("#ebe4f6", "#8a6bbf"),
    "recurrent": ("#dff3f1", "#3f9c93"),
    "attention": ("#fbe3ef", "#c05a93"),
    "embedding": ("#e9f0d6", "#85a03b"),
}
"""Fill and edge of a box, by family."""
_OTHER = ("#f1f1f1", "#8b8b8b")

_ARROW_HEAD = (
    '<defs><marker id="end" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0.5 8 4 0 7.5z" fill="#6b7280"/></marker></defs>'
)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a box stands: its centre and its width; its top."""

    x: float
    top: float
    width: float


def svg(drawing: Drawing) -> str:
    """The drawing as an SVG document."""
    widths = [_width(box) for box in drawing.boxes]
    layout = arranged(widths, drawing.arrows, _BESIDE)
    groups = _drawable(drawing.groups, layout, widths)
    tops = _tops(drawing, layout, groups)
    shift = _MARGIN + _PADDING * (1 + max((group.depth for group in groups), default=-1))
    places = [
        _Place(layout.x[i] + shift, tops[layout.ranks[i]], width) for i, width in enumerate(widths)
    ]
    right = max((p.x + p.width / 2 for p in places), default=0.0)
    right = max([right, *(x + shift for x in layout.x)]) + shift
    bottom = max(tops, default=0.0) + _BOX_HEIGHT + shift
    parts = [
        opening(right, bottom),
        f"<title>{_text(drawing.name)}</title>",
        _ARROW_HEAD,
        f'<rect width="{right:.0f}" height="{bottom:.0f}" fill="#ffffff"/>',
        *_group_parts(groups, places),
        *_arrow_parts(layout, tops, shift, places),
        *(
            part
            for box, p in zip(drawing.boxes, places, strict=True)
            for part in _box_parts(box, p)
        ),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def html(drawing: Drawing) -> str:
    """A page that shows the drawing; it loads nothing and runs nothing."""
    style = f"body{{margin:0;font-family:{FONT};background:#fff}}svg{{display:block;margin:auto}}"
    return (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f"<title>{_text(drawing.name)}</title>\n<style>{style}</style>\n{svg(drawing)}</html>\n"
    )


def colors(family: str) -> tuple[str, str]:
    """Fill and edge of the boxes of a family."""
    return _COLORS.get(family, _OTHER)


def opening(width: float, height: float) -> str:
    """The first tag of a picture of a size."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img" font-family="{FONT}">'
    )


# ---- measures --------------------------------------------------------------------------------


def _width(box: Box) -> float:
    return max(text_width(box.title, 13) * _BOLD, text_width(box.detail, 11), 60) + 24


def text_width(text: str, size: float) -> float:
    """About how wide a text is in a sans-serif font."""
    return sum(_character(c) for c in text) * size


def _character(character: str) -> float:
    if east_asian_width(character) in "WF":
        return 1.0
    if character in "fijlrt.,:;|()[] '":
        return 0.34
    return 0.68 if character.isupper() or character in "mw" else 0.58


def _drawable(groups: Sequence[Group], layout: Layout, widths: Sequence[float]) -> list[Group]:
    """The groups around which a frame can be drawn with no other box inside."""
    found = []
    for group in groups:
        mine = range(group.start, group.stop)
        left = min(layout.x[i] - widths[i] / 2 for i in mine)
        right = max(layout.x[i] + widths[i] / 2 for i in mine)
        ranks = range(min(layout.ranks[i] for i in mine), max(layout.ranks[i] for i in mine) + 1)
        foreign = any(
            layout.ranks[i] in ranks
            and layout.x[i] + widths[i] / 2 > left
            and layout.x[i] - widths[i] / 2 < right
            for i in range(len(widths))
            if i not in mine
        )
        if not foreign:
            found.append(group)
    return found


def _tops(drawing: Drawing, layout: Layout, groups: Sequence[Group]) -> list[float]:
    """The y of each rank, with room for the groups that begin above it and end below it."""
    count = max(layout.rank_of, default=-1) + 1
    above, below = [0] * count, [0] * count
    spans = [(group.depth, *_span(group, layout)) for group in groups]
    for depth, first, last in spans:
        inside = sum(1 for d, start, end in spans if d >= depth and start == first and end <= last)
        above[first] = max(above[first], inside)
        ending = sum(1 for d, start, end in spans if d >= depth and start >= first and end == last)
        below[last] = max(below[last], ending)
    tops, y = [], _MARGIN
    for rank in range(count):
        y += above[rank] * _HEAD
        tops.append(y)
        y += _BOX_HEIGHT + below[rank] * _PADDING + _BETWEEN
    return tops


def _span(group: Group, layout: Layout) -> tuple[int, int]:
    ranks = [layout.ranks[i] for i in range(group.start, group.stop)]
    return min(ranks), max(ranks)


# ---- parts -----------------------------------------------------------------------------------


def _box_parts(box: Box, place: _Place) -> Iterator[str]:
    fill, edge = colors(box.family)
    left, x = place.x - place.width / 2, f"{place.x:.1f}"
    round_ = 22 if box.family in ("input", "output") else 7
    yield (
        f'<rect x="{left:.1f}" y="{place.top:.1f}" width="{place.width:.1f}" '
        f'height="{_BOX_HEIGHT:g}" rx="{round_}" fill="{fill}" stroke="{edge}"/>'
    )
    yield (
        f'<text x="{x}" y="{place.top + 19:.1f}" text-anchor="middle" font-size="13" '
        f'font-weight="600" fill="#1f2937">{_text(box.title)}</text>'
    )
    yield (
        f'<text x="{x}" y="{place.top + 35:.1f}" text-anchor="middle" font-size="11" '
        f'fill="#4b5563">{_text(box.detail)}</text>'
    )


def _arrow_parts(
    layout: Layout, tops: Sequence[float], shift: float, places: Sequence[_Place]
) -> Iterator[str]:
    for route in layout.routes:
        steps: list[str] = []
        for one, other in pairwise(route):
            x0, x1 = layout.x[one] + shift, layout.x[other] + shift
            y0 = tops[layout.rank_of[one]] + _BOX_HEIGHT
            y1 = tops[layout.rank_of[other]] - (2 if other == route[-1] else 0)
            start = f"M{x0:.1f} {y0:.1f}" if not steps else f"V{y0:.1f}"
            middle = (y0 + y1) / 2
            steps.append(f"{start}C{x0:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}")
        yield (
            f'<path d="{"".join(steps)}" fill="none" stroke="#6b7280" stroke-width="1.3" '
            'marker-end="url(#end)"/>'
        )


def _group_parts(groups: Sequence[Group], places: Sequence[_Place]) -> Iterator[str]:
    for group in groups:
        inner = [
            g
            for g in groups
            if g.start >= group.start and g.stop <= group.stop and g.depth >= group.depth
        ]
        levels = 1 + max(g.depth - group.depth for g in inner)
        heads = sum(1 for g in inner if g.start == group.start)
        mine = places[group.start : group.stop]
        side = _PADDING * levels
        left = min(p.x - p.width / 2 for p in mine) - side
        right = max(p.x + p.width / 2 for p in mine) + side
        top = min(p.top for p in mine) - _HEAD * heads
        bottom = max(p.top for p in mine) + _BOX_HEIGHT + side
        yield (
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
            f'height="{bottom - top:.1f}" rx="10" fill="#9ca3af" fill-opacity="0.09" '
            'stroke="#c3c8d0" stroke-dasharray="4 3"/>'
        )
        yield (
            f'<text x="{left + 8:.1f}" y="{top + 12:.1f}" font-size="10.5" '
            f'fill="#6b7280">{_text(group.title)}</text>'
        )


def _text(text: str) -> str:
    """Text for XML: control characters made visible, signs of the markup escaped."""
    return escape(visible(text))
