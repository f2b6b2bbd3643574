"""Random weights and examples for programs, and what every test compares with."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from nnc import compile_text
from nnc.backends.base import Arrays
from nnc.compiler.ir import Graph, Program, Value

SIZES = {"T": 6, "H": 7, "W": 8}
RUFF = shutil.which("ruff") or str(Path(sys.executable).with_name("ruff"))


def program(text: str) -> Program:
    """The program of a spec that has no mistakes."""
    made, _ = compile_text(text, "test.nn")
    assert made is not None
    return made


def weights(graph: Graph, seed: int = 0) -> Arrays:
    """Random weights; variances are positive, fixed weights are 0."""
    rng = np.random.default_rng(seed)
    made: Arrays = {}
    for name, weight in graph.weights.items():
        drawn = 0.3 * rng.normal(size=weight.shape)
        if weight.role == "fixed":
            drawn = np.zeros(weight.shape)
        made[name] = np.abs(drawn) + 0.5 if name.endswith("running_var") else drawn
    return made


def example(
    value: Value, rng: np.random.Generator, highest: int = 3, *, positive: bool = False
) -> Arrays:
    """A batch of two for one value, by its name."""
    shape = (2, *(d if isinstance(d, int) else SIZES.get(str(d), 5) for d in value.type.shape))
    if value.type.dtype == "bool":
        return {value.name: rng.random(shape) > 0.4}
    if value.type.dtype[0] in "iu":
        return {value.name: rng.integers(0, highest, shape)}
    drawn = rng.normal(size=shape)
    return {value.name: np.abs(drawn) + 0.5 if positive else drawn}


def close(found: Arrays, expected: Arrays, tolerance: float = 1e-11) -> None:
    """Assert the same names and shapes, and elements that differ by rounding alone."""
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert np.shape(found[name]) == np.shape(array), name
        scale = max(1.0, float(np.abs(array).max(initial=0)))
        np.testing.assert_allclose(found[name], array, rtol=0, atol=tolerance * scale)


def assert_clean(*files: Path) -> None:
    """Assert that ruff finds nothing to say about generated programs, nor to lay out anew."""
    paths = [str(file) for file in files]
    for command in (
        ["format", "--isolated", "--diff", *paths],
        ["check", "--isolated", "--no-cache", "--extend-select", "I,UP,B", *paths],
    ):
        done = subprocess.run([RUFF, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
