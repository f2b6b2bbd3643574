"""Charts: what is drawn stands where its numbers say."""

from __future__ import annotations

import re
from math import inf, nan
from xml.etree import ElementTree as ET

import pytest

from curriculum.plane import Axis, Band, Series, chart

SVG = "{http://www.w3.org/2000/svg}"


def circles(text: str) -> list[tuple[float, float]]:
    found = ET.fromstring(text).iter(f"{SVG}circle")
    return [(float(one.get("cx", "")), float(one.get("cy", ""))) for one in found]


def drawn(points: list[tuple[float, float]], *, logarithmic: bool = False) -> str:
    series = Series("points", [x for x, _ in points], [y for _, y in points], "points")
    return chart("A & B", Axis("x"), Axis("y", logarithmic=logarithmic), [series])


def test_places_are_in_proportion() -> None:
    (x0, y0), (x1, y1), (x2, y2) = circles(drawn([(0, 0), (1, 10), (4, 40)]))
    assert x2 - x0 == pytest.approx(4 * (x1 - x0), abs=0.3)
    assert y0 - y2 == pytest.approx(4 * (y0 - y1), abs=0.3)


def test_equal_ratios_are_equal_distances_on_a_logarithmic_axis() -> None:
    (_, y0), (_, y1), (_, y2) = circles(drawn([(0, 1e-4), (1, 1e-2), (2, 1)], logarithmic=True))
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.3)


def test_what_is_no_number_is_left_out() -> None:
    assert len(circles(drawn([(0, 1), (1, nan), (2, inf), (3, 2)]))) == 2
    assert len(circles(drawn([(0, 1), (1, 0), (2, -1)], logarithmic=True))) == 1
    with pytest.raises(ValueError, match="nothing to draw along `y`"):
        drawn([(0, 0)], logarithmic=True)


def test_a_long_line_keeps_its_peaks() -> None:
    y = [0.0] * 9999
    y[5432] = 1.0
    text = chart("", Axis("x"), Axis("y"), [Series("", range(9999), y)])
    (line,) = re.findall(r'd="M([^"]*)" fill="none" stroke="#2563eb"', text)
    places = [tuple(map(float, place.split(","))) for place in line.split()]
    assert len(places) < 500
    assert min(y for _, y in places) == pytest.approx(60 + 0.04 / 1.08 * 292, abs=0.1)


def test_bands_and_words_are_there() -> None:
    band = Band("80 % < 90 %", [0, 1], [1, 2], [3, 4])
    text = chart("A & B", Axis("x"), Axis("y", ends=(0, 5)), [], [band])
    words = {one.text for one in ET.fromstring(text).iter(f"{SVG}text")}
    assert {"A & B", "80 % < 90 %", "0", "5"} <= words
    assert 'fill-opacity="0.16"' in text
