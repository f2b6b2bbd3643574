"""Regression with uncertainty, and forecasts of a series."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from curriculum.lesson import Claim, Found, Picture
from curriculum.plane import Axis, Band, Series, chart
from curriculum.room import SPECS, Room, Trained
from nnc.training.data import prepare_inputs

SALES = SPECS / "curriculum" / "sales.csv"
MONTHS = 6
"""How far is foretold."""
NOISE = 3.0
"""The standard deviation of what was added to `expected_sales`."""


def expected_sales(month: float) -> float:
    """What `sales.csv` was made of, without its noise; months are counted from 0."""
    turn = 2 * math.pi * month / 12
    return 100 + 0.4 * month + 20 * math.sin(turn) + 8 * math.cos(2 * turn)


def expected_spread(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean and the standard deviation of what `spread.csv` was drawn from."""
    return 2 * np.sin(x), 0.1 + 0.15 * x


def sales() -> list[float]:
    """The series as it stands in the file."""
    lines = SALES.read_text(encoding="utf-8").splitlines()[1:]
    return [float(line.split(",")[1]) for line in lines]


# ---- forecasts -------------------------------------------------------------------------------


def beyond(run: Trained, months: int = MONTHS) -> list[float]:
    """The months behind the end of the data: at once, or one by one, each fed back."""
    past = prepare_inputs(run.program, SALES, run.data.fitted)["past"][-1:]
    made: list[float] = []
    while len(made) < months:
        found = run.engine.outputs({"past": past})["future"].reshape(1, -1)
        made += run.in_units({"future": found})["future"].ravel().tolist()
        newest = found.reshape(1, -1, *past.shape[2:]).astype(past.dtype)
        past = np.concatenate([past[:, newest.shape[1] :], newest], axis=1)
    return made[:months]


def on_test(run: Trained) -> float:
    """The root of the mean squared error of six months, over the windows that lie in the last
    part of the series, in its units."""
    known = sales()
    windows = prepare_inputs(run.program, SALES, run.data.fitted)["past"]
    starts = range(183, len(known) - 12 - MONTHS + 1)
    errors: list[float] = []
    past = windows[list(starts)]
    made: list[NDArray[np.float64]] = []
    while len(made) < MONTHS:
        found = run.engine.outputs({"past": past})["future"].reshape(len(past), -1)
        units = run.in_units({"future": found})["future"]
        made += [np.asarray(units[:, i], np.float64) for i in range(units.shape[1])]
        newest = found.reshape(len(past), -1, *past.shape[2:]).astype(past.dtype)
        past = np.concatenate([past[:, newest.shape[1] :], newest], axis=1)
    for step in range(MONTHS):
        there = np.array([known[start + 12 + step] for start in starts])
        errors += np.square(made[step] - there).tolist()
    return math.sqrt(sum(errors) / len(errors))


def last_year() -> float:
    """The same error of the rule that a month is as it was a year ago."""
    known = sales()
    starts = range(183, len(known) - 12 - MONTHS + 1)
    errors = [
        (known[start + 12 + step] - known[start + step]) ** 2
        for start in starts
        for step in range(MONTHS)
    ]
    return math.sqrt(sum(errors) / len(errors))


APPROACHES = {
    "forecast_mlp": "multiple outputs, a multilayer perceptron",
    "forecast_lstm": "multiple outputs, two LSTMs",
    "forecast_rnn": "recursive, a recurrent layer: one month, fed back",
    "forecast_direct": "direct: a model for each month",
    "augmented_series": "multiple outputs, windows stretched and disturbed in training",
}


def forecast(room: Room) -> Found:
    count = len(sales())
    naive, truth = last_year(), [expected_sales(count + step) for step in range(MONTHS)]
    drawn = [Series("sales", range(count - 24, count), sales()[-24:])]
    ahead = range(count, count + MONTHS)
    drawn.append(Series("expected", ahead, truth, "dashes"))
    for spec, name in APPROACHES.items():
        run = room.train(f"curriculum/{spec}", short=60)
        error, made = on_test(run), beyond(run)
        lecture = f"{name}: better than a year ago ({naive:.2f})"
        yield Claim(lecture, f"error {error:.2f} over six months of the test part", error < naive)
        apart = max(abs(a - b) for a, b in zip(made, truth, strict=True))
        told = f"{', '.join(f'{value:.0f}' for value in made)}: at most {apart:.1f} apart"
        expected = ", ".join(f"{value:.0f}" for value in truth)
        lecture = f"beyond the end of the data, where {expected} is to be expected"
        yield Claim(lecture, told, apart < 4 * NOISE)
        drawn.append(Series(spec.replace("forecast_", ""), ahead, made, "path"))
    low, high = ([value + side * 2 * NOISE for value in truth] for side in (-1, 1))
    band = Band("expected ± 2 deviations", ahead, low, high)
    title = "Sales beyond the end of the data"
    picture = chart(title, Axis("month"), Axis("sales"), drawn, [band])
    yield Picture("forecast", "Two years of the data, and six months that are foretold", picture)


# ---- uncertainty -----------------------------------------------------------------------------


def uncertainty(room: Room) -> Found:
    run = room.train("curriculum/uncertainty")
    x, given = _sorted(run)
    found = run.outputs(given)
    mean = found["mean"][:, 0].astype(np.float64)
    deviation = np.sqrt(found["variance"][:, 0].astype(np.float64))
    true_mean, true_deviation = expected_spread(x)
    apart = float(np.sqrt(np.mean((mean - true_mean) ** 2)))
    told = f"root mean squared distance {apart:.2f}, the noise has {true_deviation.mean():.2f}"
    yield Claim("the mean: 2·sin x, from which the data were drawn", told, apart < 0.3)
    ratio = deviation / true_deviation
    told = (
        f"ours is {ratio.min():.2f} to {ratio.max():.2f} times that, {ratio.mean():.2f} on average"
    )
    held = bool(0.8 < ratio.mean() < 1.2)
    yield Claim("the deviation grows as 0.1 + 0.15·x", told, held)
    inside = float(np.mean(abs(given["y"][:, 0] - mean) < 1.96 * deviation))
    yield Claim(
        "95 % lie within 1.96 deviations", f"{inside:.1%} of the test examples", inside > 0.88
    )
    band = Band(
        "95 %", x.tolist(), (mean - 1.96 * deviation).tolist(), (mean + 1.96 * deviation).tolist()
    )
    drawn = [*_drawn(x, given), Series("mean", x.tolist(), mean.tolist())]
    picture = chart("Mean and variance, both learnt", Axis("x"), Axis("y"), drawn, [band])
    yield Picture("uncertainty", "Gaussian likelihood, on test examples", picture)


def quantiles(room: Room) -> Found:
    run = room.train("curriculum/quantiles")
    x, given = _sorted(run)
    found = run.outputs(given)
    y = given["y"][:, 0]
    for name, share in (("low", 0.1), ("middle", 0.5), ("high", 0.9)):
        below = float(np.mean(y < found[name][:, 0]))
        told = f"{below:.1%} of the test examples"
        yield Claim(f"{share:.0%} lie below the {share} quantile", told, abs(below - share) < 0.08)
    low, high = (found[name][:, 0].tolist() for name in ("low", "high"))
    drawn = [*_drawn(x, given), Series("median", x.tolist(), found["middle"][:, 0].tolist())]
    band = Band("0.1 to 0.9", x.tolist(), low, high)
    picture = chart("Three quantiles", Axis("x"), Axis("y"), drawn, [band])
    yield Picture("quantiles", "Pinball losses, on test examples", picture)


def _sorted(run: Trained) -> tuple[NDArray[np.float64], dict[str, NDArray[np.float32]]]:
    """The test examples from left to right: x as it stands in the file, and all as prepared."""
    given = run.examples("test")
    (learnt,) = run.data.fitted["fields"]["x"]
    order = np.argsort(given["x"][:, 0])
    prepared = {name: array[order] for name, array in given.items()}
    x = prepared["x"][:, 0].astype(np.float64) * learnt["deviation"] + learnt["mean"]
    return x, prepared


def _drawn(x: NDArray[np.float64], given: dict[str, NDArray[np.float32]]) -> list[Series]:
    return [Series("examples", x.tolist(), given["y"][:, 0].tolist(), "points")]
