"""Points over two axes as SVG, in the looks of `lines`."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

from nnc.plot.lines import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axis, Point, grid, text

MOST = 2000
"""Of more points every so many-th is drawn."""


def svg(title: str, points: Sequence[Point], across: str, *, diagonal: bool = False) -> str:
    """The points as an SVG element, with a line where the vertical axis is 0, or with `diagonal`
    where both axes are the same."""
    found = [(x, y) for x, y in points if isfinite(x) and isfinite(y)]
    shown = found[:: -(-len(found) // MOST) or 1]
    x = Axis([a for a, _ in shown], LEFT, WIDTH - RIGHT, margin=0.03)
    up = [b for _, b in shown]
    y = Axis(up if diagonal else [*up, 0.0], HEIGHT - BOTTOM, TOP, margin=0.04)
    dots = "".join(f"M{x.place(a):.1f},{y.place(b):.1f}h0" for a, b in shown)
    line = f"M{LEFT:g} {y.place(0.0):.1f}H{WIDTH - RIGHT:g}" if not diagonal else ""
    if diagonal and shown:
        low = max(min(a for a, _ in shown), min(up))
        high = min(max(a for a, _ in shown), max(up))
        ends = [f"{x.place(end):.1f} {y.place(end):.1f}" for end in (low, high)]
        line = f"M{ends[0]}L{ends[1]}" if low < high else ""
    body = [
        f'<text class="head" x="10" y="20">{text(title)}</text>',
        *grid(x, y, across, whole=False),
        f'<path class="zero" d="{line}"/>',
        f'<path class="dots c0" d="{dots}"/>',
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" '
        f'aria-label="{text(title)}" viewBox="0 0 {WIDTH:g} {HEIGHT:g}">\n'
        + "\n".join(body)
        + "\n</svg>"
    )
