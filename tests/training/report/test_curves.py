"""Charts of a history: every point stands where the numbers say."""

from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

from nnc.compiler.diagnostics import Failed
from nnc.plot.lines import Axis, Chart, Series, document, number, svg
from nnc.training.folder import Folder
from nnc.training.report import curves
from tests.training.test_run import begun, table, trained

SVG = "{http://www.w3.org/2000/svg}"


def lines(element: ET.Element) -> dict[str, list[list[tuple[float, float]]]]:
    """The places that each series of a chart joins."""
    found = {}
    for group in element.iter(f"{SVG}g"):
        if "data-series" not in group.attrib:
            continue
        paths = [path.attrib["d"] for path in group.iter(f"{SVG}path")]
        runs = [[tuple(map(float, p.split(","))) for p in d[1:].split()] for d in paths]
        found[group.attrib["data-series"]] = runs
    return found  # type: ignore[return-value]


def close_to_a_line(places: list[float], numbers: list[float]) -> None:
    """Places are a linear function of the numbers, to half a hundredth of a unit of the picture."""
    slope, start = np.polyfit(numbers, places, 1)
    np.testing.assert_allclose(places, slope * np.asarray(numbers) + start, atol=0.02)


def test_the_curves_of_a_run_are_its_history(tmp_path: Path) -> None:
    run = trained(begun(tmp_path, "run"))
    rows, norms = table(run.folder.history), table(run.folder.gradients)
    charts = curves.charts(run.folder, run.record)
    root = ET.fromstring(document("x", charts))
    drawn = {e.attrib["aria-label"]: lines(e) for e in root.iter(f"{SVG}svg") if e is not root}
    assert list(drawn) == ["loss", "accuracy", "learning rate", "gradient norm by layer"]
    wanted = [
        ("loss", "training", [float(row["loss"]) for row in rows]),
        ("loss", "validation", [float(row["val_loss"]) for row in rows]),
        ("accuracy", "training", [float(row["accuracy"]) for row in rows if row["accuracy"]]),
        ("accuracy", "validation", [float(row["val_accuracy"]) for row in rows]),
        ("learning rate", "learning rate", [float(row["rate"]) for row in rows]),
    ]
    for layer in ("dense", "dense_2"):
        parts = [[float(row[f"{layer}.{part}"]) for row in norms] for part in ("weight", "bias")]
        logs = np.log10(np.hypot(parts[0], parts[1])).tolist()
        wanted.append(("gradient norm by layer", layer, logs))
    for chart, series, values in wanted:
        (places,) = drawn[chart][series]
        logged = len(values) == 4
        epochs = [1.0, 3.0, 6.0, 8.0] if logged else [float(n) for n in range(1, 9)]
        close_to_a_line([x for x, _ in places], epochs)
        close_to_a_line([y for _, y in places], values)
        assert (places[0][1] > places[-1][1]) == (values[0] < values[-1])
    both = drawn["loss"]["training"][0] + drawn["loss"]["validation"][0]
    close_to_a_line([y for _, y in both], wanted[0][2] + wanted[1][2])


def test_the_best_epoch_is_marked(tmp_path: Path) -> None:
    run = trained(begun(tmp_path, "run"))
    loss = ET.fromstring(svg(curves.charts(run.folder, run.record)[0]))
    (mark,) = (e for e in loss.iter(f"{SVG}path") if e.get("class") == "best")
    place = float(mark.attrib["d"][1:].split()[0])
    places = [x for x, _ in lines(loss)["training"][0]]
    assert abs(places[run.record.best_epoch - 1] - place) < 0.06
    assert f"best: {run.record.best_epoch}" in {e.text for e in loss.iter(f"{SVG}text")}


def test_a_run_that_has_not_finished_an_epoch_has_empty_charts(tmp_path: Path) -> None:
    run = begun(tmp_path, "run")
    assert curves.charts(run.folder, run.record) == []
    ET.fromstring(document("x", []))


def test_numbers_that_are_none_interrupt_a_line() -> None:
    numbers = [1.0, 2.0, math.nan, 3.0, math.inf, 4.0, 5.0]
    points = list(enumerate(numbers))
    (runs,) = lines(ET.fromstring(svg(Chart("c", (Series("s", points),))))).values()
    assert [len(run) for run in runs] == [2, 2]
    single = ET.fromstring(svg(Chart("c", (Series("s", [(1, 0.5)]),))))
    (title,) = single.iter(f"{SVG}title")
    assert title.text == "s, 1: 0.5"
    assert "nan" not in svg(Chart("c", (Series("s", [(1, math.nan)]),)))


def test_a_wide_range_gets_a_logarithmic_axis() -> None:
    def chart(*numbers: float) -> Chart:
        return Chart("c", (Series("s", list(enumerate(numbers))),))

    assert chart(1e-4, 1, 2).logarithmic
    assert not chart(1, 2, 3).logarithmic
    assert not chart(0, 1, 1e6).logarithmic
    assert ">0.001<" in svg(chart(1e-4, 1, 2))


def test_many_points_are_thinned_without_losing_their_extremes() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=20000)
    values[7777], values[12345] = 50.0, -40.0
    chart = Chart("c", (Series("s", list(enumerate(values.tolist()))),))
    ((run,),) = lines(ET.fromstring(svg(chart))).values()
    assert 700 < len(run) <= 1502
    x = Axis([0, 19999], run[0][0], run[-1][0])
    highest, lowest = min(run, key=lambda p: p[1]), max(run, key=lambda p: p[1])
    assert (round(highest[0], 1), round(lowest[0], 1)) == (
        round(x.place(7777), 1),
        round(x.place(12345), 1),
    )


@pytest.mark.parametrize("log", [False, True])
def test_ticks_are_round_and_within(log: bool) -> None:
    for low, high in [(0.1, 0.9), (1e-9, 3e4), (0.0213, 0.0214), (5, 5), (99.5, 1e6)]:
        axis = Axis([low, high], 0, 100, log=log)
        ticks = axis.ticks()
        assert 1 <= len(ticks) <= 11
        for tick in ticks:
            assert -1e-6 <= axis.place(tick) <= 100 + 1e-6
            assert len(f"{tick:.6g}".strip("-0.").replace(".", "").rstrip("0")) <= 7
    assert [number(x) for x in (1e-05, 2e-7, -0.5, 1500.0, 1e6)] == [
        *("10⁻⁵", "2·10⁻⁷", "−0.5", "1500", "10⁶")
    ]


def test_many_layers_are_drawn_from_the_first_to_the_last() -> None:
    row = {"epoch": "1"} | {f"layer_{n}.weight": str(n + 1.0) for n in range(40)}
    chart = curves.gradients([row])
    names = [series.name for series in chart.series]
    assert (len(names), names[0], names[-1]) == (12, "layer_0", "layer_39")
    assert len({series.color for series in chart.series}) == 12


def test_names_are_escaped() -> None:
    hostile = '</svg><script>alert(1)</script>"\x1b[31m\u202e'
    text = svg(Chart(hostile, (Series(hostile, [(1, 1.0), (2, 2.0)], 1), Series("b", []))))
    root = ET.fromstring(text)
    assert not [e for e in root.iter() if e.tag.endswith("script")]
    assert re.search("[\x00-\x09\x0b-\x1f\u202e]", text) is None


@pytest.mark.parametrize("damage", ["epoch,loss\nx,1\n", "epoch,loss\n1,red\n", "epoch\n1,2\n"])
def test_a_damaged_history_is_told(tmp_path: Path, damage: str) -> None:
    run = begun(tmp_path, "run")
    run.folder.history.write_text(damage)
    with pytest.raises(Failed) as caught:
        curves.charts(Folder(run.folder.path), run.record)
    assert [d.code for d in caught.value.diagnostics] == ["E804"]
