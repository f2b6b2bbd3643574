"""Line charts as SVG: a few series over one axis, linear or logarithmic, in light and in dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10

from nnc.compiler.snippet import visible
from nnc.plot.svg import FONT, text_width

WIDTH, HEIGHT = 440.0, 276.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 14.0, 46.0, 34.0
_DOTS = 60
"""Up to so many points of a series each is a dot that tells its value."""
_DRAWN = 1500
"""More points than that are thinned out: of each stretch the lowest and the highest stay."""
_BREADTH = 50.0
"""How many times the smallest the largest number is when the axis becomes logarithmic."""

_LIGHT = """\
.chart text{font-family:%s;font-size:12px;fill:#4b5563}
.chart .head{font-size:13.5px;font-weight:600;fill:#1f2937}
.chart .paper{fill:#ffffff}
.chart .grid{fill:none;stroke:#e5e7eb}
.chart .zero{fill:none;stroke:#9ca3af}
.chart .best{stroke:#059669;stroke-dasharray:3 3}
.chart .best-label{fill:#047857}
.chart .line{fill:none;stroke-width:1.9;stroke-linejoin:round}
.chart .dots{fill:none;stroke-width:4.6;stroke-linecap:round;stroke-opacity:.45}
.chart .c0{stroke:#2563eb}.chart circle.c0,.chart .key.c0{fill:#2563eb}
.chart .c1{stroke:#d97706}.chart circle.c1,.chart .key.c1{fill:#d97706}
.chart .key{stroke:none}"""
_DARK = """\
.chart text{fill:#a3adbb}
.chart .head{fill:#e5e7eb}
.chart .paper{fill:#161b22}
.chart .grid{stroke:#2b323c}
.chart .zero{stroke:#6b7280}
.chart .best{stroke:#34d399}
.chart .best-label{fill:#34d399}
.chart .c0{stroke:#6ea8fe}.chart circle.c0,.chart .key.c0{fill:#6ea8fe}
.chart .c1{stroke:#fbbf24}.chart circle.c1,.chart .key.c1{fill:#fbbf24}
.chart .key{stroke:none}"""
STYLE = f"{_LIGHT % FONT}\n@media (prefers-color-scheme:dark){{\n{_DARK}\n}}"
"""What the classes of a chart's parts look like."""

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Points from left to right that a line joins; one that is no finite number interrupts it.

    `color` is 0 for what is trained on, 1 for what is validated on, or a colour's name.
    """

    name: str
    points: Sequence[Point]
    color: int | str = 0


@dataclass(frozen=True)
class Chart:
    """Series over one axis. `log`: whether it is logarithmic; None: when the numbers ask for it.
    `best` marks a place on the horizontal axis, by a word."""

    title: str
    series: tuple[Series, ...]
    log: bool | None = None
    best: tuple[float, str] | None = None
    across: str = "epoch"

    @property
    def logarithmic(self) -> bool:
        """Whether the axis is logarithmic; numbers that are not above 0 then have no place."""
        found = [y for one in self.series for _, y in one.points if isfinite(y)]
        if self.log is None:
            return bool(found) and min(found) > 0 and max(found) / min(found) >= _BREADTH
        return self.log


class Axis:
    """From numbers to places between two ends of the picture."""

    def __init__(
        self,
        numbers: Sequence[float],
        start: float,
        end: float,
        *,
        log: bool = False,
        margin: float = 0.0,
    ) -> None:
        """An axis for all of some numbers, with a share of room beyond them on both sides."""
        self._log, self._start, self._end = log, start, end
        found = [log10(x) if log else x for x in numbers]
        low, high = min(found, default=0.0), max(found, default=1.0)
        if low == high:
            apart = 0.5 if log else abs(low) / 2 or 0.5
            low, high = low - apart, high + apart
        room = margin * (high - low)
        self._low, self._high = low - room, high + room

    def place(self, number: float) -> float:
        """Where a number stands."""
        value = log10(number) if self._log else number
        share = (value - self._low) / (self._high - self._low)
        return self._start + share * (self._end - self._start)

    def ticks(self, count: int = 5) -> list[float]:
        """Round numbers within the axis, about as many as asked for."""
        if self._log and self._high - self._low > 1:
            apart = max(1, ceil((self._high - self._low) / count))
            return [10.0**n for n in range(ceil(self._low), floor(self._high) + 1, apart)]
        low, high = self._low, self._high
        if self._log:
            low, high = 10**low, 10**high
        step = _round_step((high - low) / count)
        first = ceil(low / step - 1e-9)
        return [n * step for n in range(first, floor(high / step + 1e-9) + 1)]


def _round_step(least: float) -> float:
    """The smallest of 1, 2, 5 · 10ⁿ that is not below a number."""
    power = 10.0 ** floor(log10(least))
    return next(f * power for f in (1, 2, 5, 10) if f * power >= least * (1 - 1e-9))


def number(value: float) -> str:
    """A number as it stands at an axis."""
    shown = f"{value:.6g}".replace("-", "−")
    digits, tens, power = shown.partition("e")
    if not tens:
        return shown
    exponent = str(int(power.replace("−", "-"))).translate(_RAISED)
    return f"10{exponent}" if digits == "1" else f"{digits}·10{exponent}"


def svg(chart: Chart, *, at: tuple[float, float] | None = None) -> str:
    """The chart as an SVG element, which takes its looks from STYLE; `at` is where it stands in
    another picture."""
    place = "" if at is None else f' x="{at[0]:g}" y="{at[1]:g}"'
    size = "" if at is None else f' width="{WIDTH:g}" height="{HEIGHT:g}"'
    title = text(chart.title)
    body = "\n".join(_parts(chart))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-label="{title}"'
        f'{place}{size} viewBox="0 0 {WIDTH:g} {HEIGHT:g}">\n{body}\n</svg>'
    )


def document(name: str, charts: Sequence[Chart]) -> str:
    """Charts side by side in one SVG document."""
    across = min(2, len(charts)) or 1
    down = -(-len(charts) // across)
    width, height = across * WIDTH, down * HEIGHT
    parts = [svg(c, at=(i % across * WIDTH, i // across * HEIGHT)) for i, c in enumerate(charts)]
    opened = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}">'
    )
    paper = f'<g class="chart"><rect class="paper" width="{width:g}" height="{height:g}"/></g>'
    head = f"<title>{text(name)}</title>\n<style>{STYLE}</style>"
    return "\n".join([opened, head, paper, *parts, "</svg>\n"])


# ---- parts -----------------------------------------------------------------------------------


def _parts(chart: Chart) -> Iterator[str]:
    log = chart.logarithmic
    drawn = [_finite(one, log) for one in chart.series]
    points = [point for runs in drawn for run in runs for point in run]
    across = [x for x, _ in points] + ([chart.best[0]] if chart.best else [])
    x = Axis(across, LEFT, WIDTH - RIGHT)
    y = Axis([value for _, value in points], HEIGHT - BOTTOM, TOP, log=log, margin=0.04)
    head = f"{chart.title} (log scale)" if log else chart.title
    yield f'<text class="head" x="10" y="20">{text(head)}</text>'
    if not points:
        yield f'<text x="{WIDTH / 2:g}" y="{HEIGHT / 2:g}" text-anchor="middle">no numbers</text>'
        return
    yield from grid(x, y, chart.across)
    if chart.best is not None:
        yield from _best(x.place(chart.best[0]), chart.best[1])
    for one, runs in zip(chart.series, drawn, strict=True):
        yield from _line(one, runs, x, y)
    if len(chart.series) > 1:
        yield from _legend(chart, text_width(head, 14) + 34)


def grid(x: Axis, y: Axis, across: str, whole: bool = True) -> Iterator[str]:
    """The lines behind a chart, with their numbers; `whole`: only whole numbers stand below."""
    left, right, top, bottom = LEFT, WIDTH - RIGHT, TOP, HEIGHT - BOTTOM
    for value in y.ticks():
        place = y.place(value)
        yield f'<path class="grid" d="M{left:g} {place:.1f}H{right:g}"/>'
        yield f'<text x="{left - 7:g}" y="{place + 4:.1f}" text-anchor="end">{number(value)}</text>'
    ticks = [value for value in x.ticks() if not whole or value == int(value)]
    for value in ticks or x.ticks(2):
        place = x.place(value)
        yield f'<path class="grid" d="M{place:.1f} {bottom:g}v4"/>'
        yield (
            f'<text x="{place:.1f}" y="{bottom + 17:g}" text-anchor="middle">{number(value)}</text>'
        )
    yield f'<path class="zero" d="M{left:g} {top:g}V{bottom:g}H{right:g}"/>'
    yield f'<text x="{right:g}" y="{HEIGHT - 4:g}" text-anchor="end">{text(across)}</text>'


def _best(place: float, word: str) -> Iterator[str]:
    yield f'<path class="best" d="M{place:.1f} {TOP:g}V{HEIGHT - BOTTOM:g}"/>'
    half = text_width(word, 12) / 2
    middle = min(max(place, LEFT + half), WIDTH - RIGHT - half)
    yield (
        f'<text class="best-label" x="{middle:.1f}" y="{TOP - 4:g}" text-anchor="middle">'
        f"{text(word)}</text>"
    )


def _finite(one: Series, log: bool) -> list[list[Point]]:
    """The runs of points that have a place."""
    runs: list[list[Point]] = [[]]
    for x, y in one.points:
        if isfinite(y) and (y > 0 or not log):
            runs[-1].append((x, y))
        elif runs[-1]:
            runs.append([])
    return [thinned(run) for run in runs if run]


def thinned(run: list[Point], count: int = _DRAWN) -> list[Point]:
    """Of more points than `count`, the lowest and the highest of each stretch, and both ends."""
    if len(run) <= count:
        return run
    size = -(-len(run) // (count // 2))
    kept = {0, len(run) - 1}
    for start in range(0, len(run), size):
        stretch = range(start, min(start + size, len(run)))
        kept |= {min(stretch, key=lambda i: run[i][1]), max(stretch, key=lambda i: run[i][1])}
    return [run[i] for i in sorted(kept)]


def _line(one: Series, runs: list[list[Point]], x: Axis, y: Axis) -> Iterator[str]:
    look, fill = _look(one), _look(one, fill=True)
    count = sum(map(len, runs))
    yield f'<g data-series="{text(one.name)}">'
    for run in runs:
        places = [f"{x.place(a):.2f},{y.place(b):.2f}" for a, b in run]
        if len(run) > 1:
            yield f'<path {look} d="M{" ".join(places)}"/>'
        if len(run) > 1 and count > _DOTS:
            continue
        for (a, b), (place, _, height) in zip(run, (p.partition(",") for p in places), strict=True):
            told = f"{text(one.name)}, {number(a)}: {number(b)}"
            at = f'cx="{place}" cy="{height}"'
            yield f'<circle {fill} {at} r="2.4"><title>{told}</title></circle>'
    yield "</g>"


def _look(one: Series, *, fill: bool = False, key: bool = False) -> str:
    """The attributes of a line, of its dots, or of its key in the legend."""
    kind = "key" if key else "" if fill else "line"
    if isinstance(one.color, int):
        return f'class="{f"{kind} c{one.color}".strip()}"'
    name = "fill" if fill or key else "stroke"
    return f'class="{kind}" {name}="{one.color}"' if kind else f'{name}="{one.color}"'


def _legend(chart: Chart, start: float) -> Iterator[str]:
    """What the colours mean, from the right; of too many series the first and the last."""
    room = WIDTH - RIGHT - start
    named = [(one, _cut(one.name, 24)) for one in chart.series]
    if sum(text_width(name, 12.5) + 26 for _, name in named) > room:
        named = [(one, _cut(one.name, 11)) for one in (chart.series[0], chart.series[-1])]
    right = WIDTH - RIGHT
    for one, name in reversed(named):
        left = right - text_width(name, 12.5)
        yield f'<text x="{left:.1f}" y="20">{text(name)}</text>'
        yield f'<rect {_look(one, key=True)} x="{left - 14:.1f}" y="13" width="10" height="4"/>'
        right = left - 26


def _cut(name: str, most: int) -> str:
    return name if len(name) <= most else f"…{name[1 - most :]}"


def text(written: str) -> str:
    """Text for XML: control characters made visible, signs of the markup escaped."""
    return escape(visible(written))
