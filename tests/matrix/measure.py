"""How closely every op and loss was measured on every backend.

`python -m tests.matrix.measure` (`make measure`) tries every example in every precision and writes
the largest difference from the reference, as a share of the scale of what is compared, into
`nnc/measured.json`, which the catalogue shows.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nnc.backends.base import Precision
from nnc.verify.verdict import Comparison
from tests.matrix import test_losses
from tests.matrix.backends import PRECISIONS, Pair, refusal, runner_class
from tests.matrix.examples import cases, random_weights

FILE = Path(__file__).parents[2] / "nnc" / "measured.json"
FLOOR = 1e-16
"""Smaller differences are none in float64."""


class Recorder(Pair):
    """A pair that keeps the largest differences: of outputs, and of gradients."""

    value = 0.0
    gradient = 0.0

    def judge(self, comparisons: tuple[Comparison, ...]) -> None:
        super().judge(comparisons)
        for found in comparisons:
            assert found.difference is not None
            if found.what == "gradient":
                self.gradient = max(self.gradient, found.difference)
            else:
                self.value = max(self.value, found.difference)


Measured = tuple[str, str, str, float, float]
"""Word, backend, precision, difference of the values, difference of the gradients."""


def measured(words: set[str] | None = None) -> Iterator[Measured]:
    """Each example of each word on each backend that doesn't refuse it."""
    for backend, precision in PRECISIONS:
        for run in (_ops, _losses):
            for word, value, gradient in run(backend, precision, words):
                yield word, backend, precision, value, gradient


def _ops(
    backend: str, precision: Precision, words: set[str] | None
) -> Iterator[tuple[str, float, float]]:
    for case in cases():
        wanted = words is None or case.op.word in words
        if not wanted or refusal(backend, case.program) is not None:
            continue
        rng = np.random.default_rng(len(case.name))
        pair = Recorder(backend, precision, case.program, random_weights(case.graph, rng))
        for size in case.sizes():
            inputs = case.inputs(size, rng)
            pair.check_outputs(inputs)
            if runner_class(backend).differentiates:
                pair.check_pullback(inputs, rng)
        yield case.op.word, pair.value, pair.gradient


def _losses(
    backend: str, precision: Precision, words: set[str] | None
) -> Iterator[tuple[str, float, float]]:
    if not runner_class(backend).differentiates:
        return
    for case in test_losses.loss_cases():
        if words is not None and case.loss.word not in words:
            continue
        program = test_losses.program_of(case)
        weights = random_weights(program.graph, np.random.default_rng(7))
        pair = Recorder(backend, precision, program, weights)
        test_losses.compare_losses(pair)
        yield case.loss.word, pair.value, pair.gradient


def rounded(difference: float) -> str:
    """One digit, rounded up: what was measured is never more."""
    if difference < FLOOR:
        return "0"
    power = math.floor(math.log10(difference))
    digit = math.ceil(difference / 10.0**power)
    return f"1e{power + 1}" if digit == 10 else f"{digit}e{power}"


def table() -> dict[str, dict[str, dict[str, list[str]]]]:
    """Word -> backend -> precision -> the largest difference of values and of gradients."""
    found: dict[tuple[str, str, str], tuple[float, float]] = {}
    for word, backend, precision, value, gradient in measured():
        key = word, backend, precision
        before = found.get(key, (0.0, 0.0))
        found[key] = max(before[0], value), max(before[1], gradient)
    made: dict[str, dict[str, dict[str, list[str]]]] = {}
    for (word, backend, precision), (value, gradient) in sorted(found.items()):
        figures = [rounded(value), *([] if backend == "onnx" else [rounded(gradient)])]
        made.setdefault(word, {}).setdefault(backend, {})[precision] = figures
    return made


if __name__ == "__main__":
    lines = [f'"{word}": {json.dumps(figures)}' for word, figures in table().items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    sys.stdout.write(f"{FILE.name}: {len(lines)} words\n")
