"""Every metric from the statistics that a graph gives of batches, as the reference has it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest

from nnc.backends.base import Result
from nnc.backends.onnx.assembly import Array, Assembly, Handle
from nnc.backends.onnx.comparison import Comparison
from nnc.backends.onnx.metrics import METRICS, Finish, shape_of
from nnc.backends.reference.table import metrics
from nnc.compiler.types import TensorType
from nnc.compiler.vocabulary.base import words
from nnc.compiler.vocabulary.losses.base import Example
from nnc.compiler.vocabulary.metrics import Metric
from nnc.compiler.vocabulary.ops.base import parse_type
from tests.backends.onnx.parts import Part

SIZE = 3
ROWS = 23


def _examples() -> list[Example]:
    found: list[Example] = []
    for word in words("metric"):
        assert issubclass(word, Metric)
        found += word.examples()
    return found


def _draw(type_: TensorType, classes: int, rng: np.random.Generator) -> Array:
    """Scores in eighths, so that there are ties; of the classes the last never occurs."""
    shape = (ROWS, *(d if isinstance(d, int) else SIZE for d in type_.shape))
    if type_.dtype == "i64":
        return rng.integers(0, max(classes - 1, 1), shape)
    return (np.round(rng.normal(size=shape) * 8) / 8).astype(np.float32)


def _found(metric: Metric, types: tuple[TensorType, ...], batches: list[list[Array]]) -> Result:
    finish: list[Finish] = []

    def write(assembly: Assembly, given: Mapping[str, Handle]) -> Mapping[str, Handle]:
        at = Comparison(assembly, "metric", tuple(given.values()), types)
        statistics, how = METRICS.find(metric)(metric, at)
        finish.append(how)
        return {"statistics": statistics}

    parts = []
    for batch in batches:
        inputs = {f"x{n}": x for n, x in enumerate(batch)}
        parts.append(Part(write, inputs, "float32")(inputs)["statistics"])
        assert parts[-1].dtype == np.float64
        declared = shape_of(finish[0], "metric")
        assert len(declared) == parts[-1].ndim
        assert all(
            d == n for d, n in zip(declared, parts[-1].shape, strict=True) if isinstance(d, int)
        )
    return finish[0](parts)


@pytest.mark.parametrize("example", _examples(), ids=lambda e: f"{e.word.word}-{e.types}")
def test_batches_of_different_size(example: Example) -> None:
    metric, types = example.word, tuple(map(parse_type, example.types))
    assert isinstance(metric, Metric)
    rng = np.random.default_rng(4)
    last = types[0].shape[-1] if types[0].shape else 1
    assert isinstance(last, int)
    values = [_draw(type_, last, rng) for type_ in types]
    batches = [[v[start:stop] for v in values] for start, stop in ((0, 9), (9, 18), (18, ROWS))]
    exact = [np.asarray(v, np.float64) if v.dtype.kind == "f" else v for v in values]
    expected = metrics.find(metric)(metric, *exact)
    found = _found(metric, types, batches)
    assert isinstance(found, list) == metric.table
    if metric.table:
        assert found == expected
    else:
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_where_the_targets_never_change() -> None:
    types = (parse_type("f32[1]"), parse_type("f32[1]"))
    r2, auc = (word() for name in ("r2", "auc") for word in words("metric") if word.word == name)
    assert isinstance(r2, Metric)
    assert isinstance(auc, Metric)
    ones = np.ones((4, 1), np.float32)
    assert _found(r2, types, [[ones, ones], [ones, ones]]) == 1.0
    assert _found(r2, types, [[ones, ones], [2 * ones, ones]]) == 0.0
    assert _found(auc, types, [[ones, ones]]) == pytest.approx(math.nan, nan_ok=True)


def test_the_spread_of_targets_far_from_0() -> None:
    types = (parse_type("f32[1]"), parse_type("f32[1]"))
    (metric,) = (word() for word in words("metric") if word.word == "r2")
    assert isinstance(metric, Metric)
    rng = np.random.default_rng(0)
    y, t = (4096 + np.round(rng.normal(size=(8, 1)) * 64) / 64 for _ in range(2))
    batches = [[a[s].astype(np.float32) for a in (y, t)] for s in (slice(0, 3), slice(3, 8))]
    expected = metrics.find(metric)(metric, y, t)
    assert _found(metric, types, batches) == pytest.approx(expected, rel=1e-12)
