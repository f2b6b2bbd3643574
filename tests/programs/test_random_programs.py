"""Random programs are the same network everywhere, and survive their JSON form."""

from __future__ import annotations

import os

import numpy as np
import pytest

import nnc
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.registry import BACKENDS
from nnc.compiler.ir import Program
from nnc.verify import sample, verify
from tests.programs.random_graphs import random_program

PROGRAMS = int(os.environ.get("NNC_RANDOM_PROGRAMS", "200"))
FIRST = int(os.environ.get("NNC_FIRST_PROGRAM", "0"))
SHARE = 10
"""Programs of one test, so that test processes can share them out."""
SHARES = [range(i, i + SHARE) for i in range(FIRST, FIRST + PROGRAMS, SHARE)]
LARGEST = 1e4
"""Programs whose values grow beyond this say more about rounding than about meaning."""


def is_calm(program: Program, seed: int) -> bool:
    """Whether the program can be judged: sizes exist, values are finite and not huge."""
    try:
        inputs = sample.inputs(program.graph, 2, np.random.default_rng(seed))
    except ValueError:
        return False
    runner = ReferenceRunner(program, sample.weights(program.graph, seed))
    with np.errstate(all="ignore"):
        values = runner.values(inputs)
    return all(
        np.isfinite(x).all() and np.abs(x, dtype=float).max() < LARGEST for x in values.values()
    )


def refuses(program: Program) -> bool:
    return any(backend.refusals(program) for backend in BACKENDS.values())


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis")
@pytest.mark.parametrize("seeds", SHARES, ids=lambda r: f"{r.start}-{r.stop}")
def test_random_programs_are_the_same_everywhere(seeds: range) -> None:
    judged = 0
    for seed in seeds:
        program = random_program(seed)
        if refuses(program) or not is_calm(program, seed):
            continue
        judged += 1
        exact = verify(
            program, backends=["torch", "keras"], batch=2, precision="float64", seed=seed
        )
        assert exact.agrees, f"program {seed}: {exact.to_json()}"
        rounded = verify(program, backends=["onnx"], batch=2, seed=seed)
        assert rounded.agrees, f"program {seed}: {rounded.to_json()}"
    assert judged


@pytest.mark.parametrize("seeds", SHARES, ids=lambda r: f"{r.start}-{r.stop}")
def test_random_programs_survive_json(seeds: range) -> None:
    for seed in seeds:
        program = random_program(seed)
        text = nnc.to_json(program)
        again, diagnostics = nnc.compile_text(text, "program.json")
        assert again is not None, f"program {seed}: {[d.message for d in diagnostics]}"
        assert again.graph == program.graph
        assert nnc.to_json(again) == text
