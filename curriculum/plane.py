"""Lines, points and bands over two axes, as an SVG document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Literal, TypeAlias

from nnc.plot import lines
from nnc.plot.svg import opening, text_width

Mark: TypeAlias = Literal["line", "dashes", "points", "path", "guide"]
"""`path`: a line with a point at each of its places. `guide`: a faint line without a colour."""

COLORS = ("#2563eb", "#d97706", "#059669", "#dc2626", "#7c3aed", "#0891b2", "#be185d", "#4d7c0f")
_WIDTH, _HEIGHT = 640.0, 400.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 64.0, 20.0, 60.0, 48.0
_SEGMENTS = 400
"""A line is drawn through at most about so many places."""


@dataclass(frozen=True)
class Series:
    """Places (x, y) in order, by a name for the legend. What is no finite number is left out."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    mark: Mark = "line"


@dataclass(frozen=True)
class Band:
    """What lies between two lines."""

    name: str
    x: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Axis:
    """What an axis is called, whether it is logarithmic, and its ends where they are given."""

    name: str
    logarithmic: bool = False
    ends: tuple[float, float] | None = None


def chart(
    title: str, x: Axis, y: Axis, series: Sequence[Series], bands: Sequence[Band] = ()
) -> str:
    """The chart as an SVG document. Raises ValueError when there is nothing to draw."""
    widths = [v for one in series for v in one.x] + [v for band in bands for v in band.x]
    across = _Scale(x, widths, _LEFT, _WIDTH - _RIGHT)
    up = _Scale(y, list(_heights(series, bands)), _HEIGHT - _BOTTOM, _TOP)
    inside = f'<clipPath id="inside">{_frame()}</clipPath>'
    parts = [
        opening(_WIDTH, _HEIGHT),
        f"<title>{lines.text(title)}</title>",
        f'<defs>{inside}</defs><rect width="{_WIDTH:g}" height="{_HEIGHT:g}" fill="#ffffff"/>',
        *_grid(across, up),
        '<g clip-path="url(#inside)">',
        *(_area(band, across, up, color) for band, color in zip(bands, COLORS, strict=False)),
        *(
            part
            for number, one in enumerate(series)
            for part in _drawn(one, across, up, COLORS[number % len(COLORS)])
        ),
        "</g>",
        *_words(title, x.name, y.name),
        *_legend([*bands, *series], [*COLORS[: len(bands)], *_colors(len(series))]),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _colors(count: int) -> list[str]:
    return [COLORS[number % len(COLORS)] for number in range(count)]


def _heights(series: Sequence[Series], bands: Sequence[Band]) -> Iterator[float]:
    for one in series:
        yield from one.y
    for band in bands:
        yield from (*band.low, *band.high)


class _Scale:
    """From numbers to places along one axis; what has no place is infinitely far."""

    def __init__(self, axis: Axis, values: Sequence[float], start: float, end: float) -> None:
        """Raises ValueError where no number has a place."""
        self._logarithmic = axis.logarithmic
        found = [v for v in axis.ends or values if self._has_place(v)]
        if not found:
            raise ValueError(f"there is nothing to draw along `{axis.name}`")
        margin = 0.0 if axis.ends else 0.04
        self._axis = lines.Axis(found, start, end, log=axis.logarithmic, margin=margin)

    def _has_place(self, value: float) -> bool:
        return isfinite(value) and (value > 0 or not self._logarithmic)

    def __call__(self, value: float) -> float:
        return self._axis.place(value) if self._has_place(value) else inf

    def marks(self) -> Iterator[tuple[float, str]]:
        """The places of round numbers, with the numbers."""
        for value in self._axis.ticks(8):
            yield self._axis.place(value), lines.number(value)


def _frame() -> str:
    width, height = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    return f'<rect x="{_LEFT:g}" y="{_TOP:g}" width="{width:g}" height="{height:g}"/>'


def _grid(across: _Scale, up: _Scale) -> Iterator[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    for place, shown in across.marks():
        yield f'<path d="M{place:.1f} {_TOP:g}V{bottom:g}" stroke="#eef0f3"/>'
        yield _text(place, bottom + 17, shown, 11, "middle")
    for place, shown in up.marks():
        yield f'<path d="M{_LEFT:g} {place:.1f}H{right:g}" stroke="#e5e7eb"/>'
        yield _text(_LEFT - 8, place + 4, shown, 11, "end")
    yield f'<path d="M{_LEFT:g} {_TOP:g}V{bottom:g}H{right:g}" fill="none" stroke="#9ca3af"/>'


def _drawn(series: Series, across: _Scale, up: _Scale, color: str) -> Iterator[str]:
    places = [
        (across(a), up(b)) for a, b in zip(series.x, series.y, strict=True) if isfinite(up(b))
    ]
    if series.mark != "points" and len(places) > 1:
        dashes = ' stroke-dasharray="6 4"' if series.mark == "dashes" else ""
        color = "#c3c8d0" if series.mark == "guide" else color
        yield (
            f'<path d="M{_joined(lines.thinned(places, _SEGMENTS))}" fill="none" stroke="{color}" '
            f'stroke-width="1.8" stroke-linejoin="round"{dashes}/>'
        )
    if series.mark in ("points", "path"):
        for x, y in places:
            yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.4" fill="{color}" fill-opacity="0.8"/>'


def _area(band: Band, across: _Scale, up: _Scale, color: str) -> str:
    there = [(across(a), up(b)) for a, b in zip(band.x, band.high, strict=True)]
    back = [(across(a), up(b)) for a, b in zip(band.x, band.low, strict=True)]
    outline = _joined([*there, *reversed(back)])
    return f'<path d="M{outline}Z" fill="{color}" fill-opacity="0.16"/>'


def _joined(places: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _words(title: str, x: str, y: str) -> Iterator[str]:
    yield (
        f'<text x="{_LEFT:g}" y="22" font-size="15" font-weight="600" fill="#1f2937">'
        f"{lines.text(title)}</text>"
    )
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    yield _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 10, x, 12, "middle")
    yield (
        f'<text transform="translate(15 {middle:g}) rotate(-90)" text-anchor="middle" '
        f'font-size="12" fill="#4b5563">{lines.text(y)}</text>'
    )


def _legend(named: Sequence[Series | Band], colors: Sequence[str]) -> Iterator[str]:
    place = _LEFT
    for one, color in zip(named, colors, strict=True):
        if one.name:
            opacity = 0.3 if isinstance(one, Band) else 1
            yield (
                f'<rect x="{place:.1f}" y="36" width="14" height="9" rx="2" fill="{color}" '
                f'fill-opacity="{opacity:g}"/>'
            )
            yield _text(place + 19, 45, one.name, 12, "start")
            place += 19 + text_width(one.name, 12) + 18


def _text(x: float, y: float, text: str, size: int, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="#4b5563">{lines.text(text)}</text>'
    )
