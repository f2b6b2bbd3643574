"""The curve of an activation and of its derivative, computed by the reference."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from nnc.backends.registry import REFERENCE
from nnc.catalogue import call_text, entry
from nnc.compiler.ir import Program, single
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.ops.base import Activation
from nnc.plot.svg import opening

_SPAN = 5.0
_POINTS = 801
_WIDTH, _HEIGHT = 640.0, 420.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 48.0, 20.0, 56.0, 36.0
_VALUE, _SLOPE = "#2563eb", "#d97706"


def sampled(op: Activation) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """x, the activation of each x, and its derivative there."""
    x = np.linspace(-_SPAN, _SPAN, _POINTS)
    program = Program(single(op, (TensorType("f64", ()),)))
    runner = REFERENCE.load_runner()(program, {}, "float64")
    y = runner.outputs({"x0": x})["y0"]
    slopes, _ = runner.pullback({"x0": x}, {"y0": np.ones_like(x)})
    return x, np.asarray(y, np.float64), np.asarray(slopes["x0"], np.float64)


def curve(op: Activation) -> str:
    """The curves as an SVG document."""
    x, y, slope = sampled(op)
    low, high = floor(min(y.min(), slope.min()) * 2) / 2, ceil(max(y.max(), slope.max()) * 2) / 2
    low, high = (low - 0.5 if low == min(y.min(), slope.min()) else low), max(high, low + 1)
    high = high + 0.5 if high == max(y.max(), slope.max()) else high
    axes = _Axes(low, high)
    parts = [
        opening(_WIDTH, _HEIGHT),
        f"<title>{escape(op.word)}</title>",
        f'<rect width="{_WIDTH:g}" height="{_HEIGHT:g}" fill="#ffffff"/>',
        *axes.grid(),
        _line(axes, x, slope, _SLOPE, "6 4"),
        _line(axes, x, y, _VALUE, ""),
        *_legend(op),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


class _Axes:
    """From numbers to places of the picture."""

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, high

    def x(self, value: float) -> float:
        return _LEFT + (value + _SPAN) / (2 * _SPAN) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (value - self._low) / (self._high - self._low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    def grid(self) -> Iterator[str]:
        step = next(s for s in (0.5, 1, 2, 5, 10, 50) if (self._high - self._low) / s <= 9)
        for value in np.arange(ceil(self._low / step) * step, self._high + step / 2, step):
            if value <= self._high:
                place, left, right = self.y(float(value)), self.x(-_SPAN), self.x(_SPAN)
                yield _rule(left, place, right, place, zero=abs(value) < 1e-9)
                yield _label(left - 8, place + 4, f"{value:g}", "end")
        for value in np.arange(-_SPAN, _SPAN + 0.5, 1):
            place = self.x(float(value))
            yield _rule(place, self.y(self._low), place, self.y(self._high), zero=value == 0)
            yield _label(place, _HEIGHT - _BOTTOM + 18, f"{value:g}", "middle")


def _rule(x0: float, y0: float, x1: float, y1: float, *, zero: bool) -> str:
    color = "#6b7280" if zero else "#e5e7eb"
    return (
        f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="{color}" '
        'stroke-width="1"/>'
    )


def _label(x: float, y: float, text: str, anchor: str) -> str:
    shown = text.replace("-", "−")
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="11" '
        f'fill="#4b5563">{shown}</text>'
    )


def _line(
    axes: _Axes, x: NDArray[np.float64], y: NDArray[np.float64], color: str, dashes: str
) -> str:
    runs = [" ".join(f"{axes.x(a):.1f},{axes.y(b):.1f}" for a, b in run) for run in _runs(x, y)]
    path = "".join(f"M{run}" for run in runs)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<path d="{path}" fill="none" stroke="{color}" stroke-width="2.2"{dashed}/>'


def _runs(
    x: NDArray[np.float64], y: NDArray[np.float64]
) -> Iterator[Sequence[tuple[float, float]]]:
    """The pieces between jumps: a line must not join what does not hang together."""
    steps = np.abs(np.diff(y))
    jumps = np.flatnonzero(steps > 20 * (x[1] - x[0])) + 1
    for piece in np.split(np.arange(x.size), jumps):
        yield [(float(x[i]), float(y[i])) for i in piece]


def _legend(op: Activation) -> Iterator[str]:
    yield (
        f'<text x="{_LEFT:g}" y="22" font-size="15" font-weight="600" fill="#1f2937">'
        f"{escape(call_text(op))}</text>"
    )
    summary = entry(type(op)).summary
    yield f'<text x="{_LEFT:g}" y="41" font-size="12" fill="#4b5563">{escape(summary[:90])}</text>'
    for place, text, color in (
        (_WIDTH - 190, "value", _VALUE),
        (_WIDTH - 110, "derivative", _SLOPE),
    ):
        yield (
            f'<text x="{place:g}" y="22" font-size="12" fill="{color}" '
            f'font-weight="600">{text}</text>'
        )
