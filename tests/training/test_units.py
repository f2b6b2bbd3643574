"""Forecasts in the units of the series."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nnc.training.data import open_data
from nnc.training.units import restored
from tests.training.engines import of_text

SERIES = """\
data {
  x, y = series("series.csv", column=%s) -> standardize -> window(lookback=2, horizon=2)
}
model M { input x: f32[%s]  output p = x -> Flatten -> Dense(%d) -> Reshape([%s]) }
train { target y: f32[%s]  loss = mse(p, y)  optimizer = sgd(lr=0.1) }
"""


def test_a_forecast_of_a_window_comes_in_the_units_of_the_series(tmp_path: Path) -> None:
    (tmp_path / "series.csv").write_text("a\n1\n4\n9\n16\n25\n36\n")
    program = of_text(SERIES % ('"a"', "2, 1", 2, "2", "2"))
    data = open_data(program, tmp_path)
    given = data.batch(data.splits["train"])
    made = restored(program, data.fitted, {"p": given["y"]})
    np.testing.assert_allclose(made["p"], [[9, 16], [16, 25], [25, 36]], rtol=1e-6)


def test_windows_of_several_columns_stay_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "series.csv").write_text("a,b\n1,7\n4,5\n9,0\n16,2\n25,3\n")
    program = of_text(SERIES % ('["a", "b"]', "2, 2", 4, "2, 2", "2, 2"))
    data = open_data(program, tmp_path)
    p = np.ones((1, 2, 2), np.float32)
    assert restored(program, data.fitted, {"p": p})["p"] is p
