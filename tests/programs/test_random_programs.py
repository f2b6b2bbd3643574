"""Random programs are the same network everywhere, and survive their JSON form."""

from __future__ import annotations

import os

import numpy as np
import pytest

import nnc
from nnc.backends.base import Arrays
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.registry import BACKENDS
from nnc.compiler.ir import Node, Program
from nnc.compiler.vocabulary.ops.condition import Comparison
from nnc.verify import sample, verify
from tests.programs.random_graphs import random_program

EVERY = ["torch", "keras", "onnx"]
PROGRAMS = int(os.environ.get("NNC_RANDOM_PROGRAMS", "200"))
FIRST = int(os.environ.get("NNC_FIRST_PROGRAM", "0"))
SHARE = 10
"""Programs of one test, so that test processes can share them out."""
SHARES = [range(i, i + SHARE) for i in range(FIRST, FIRST + PROGRAMS, SHARE)]
LARGEST = 1e4
"""Programs whose values grow beyond this say more about rounding than about meaning."""
SMALLEST = 1e-6
"""As do those whose values vanish."""
NEAR = 1e-6
"""Numbers that differ by a smaller share are one and the same but for rounding."""
ROUNDING = 10
"""How many times the rounding that PyTorch shows in float32 another backend may show."""


def is_calm(program: Program, seed: int) -> bool:
    """Whether the program can be judged: sizes exist, values are finite and not huge."""
    try:
        inputs = sample.inputs(program.graph, 2, np.random.default_rng(seed))
    except ValueError:
        return False
    runner = ReferenceRunner(program, sample.weights(program.graph, seed))
    with np.errstate(all="ignore"):
        values = runner.values(inputs)
    sizes = [float(np.abs(x, dtype=float).max()) for x in values.values()]
    if not all(size == 0 or SMALLEST < size < LARGEST for size in sizes):
        return False
    return not any(is_tied(node, values) for node in program.graph.nodes)


def is_tied(node: Node, values: Arrays) -> bool:
    """Whether rounding decides a comparison: of values that formulas make equal, or nearly."""
    if not isinstance(node.op, Comparison) or len({*node.inputs}) < 2:
        return False
    a, b = (np.asarray(values[value.name]) for value in node.inputs)
    if {a.dtype.kind, b.dtype.kind} != {"f"}:
        return False
    return bool((np.abs(a - b) < NEAR * np.maximum(np.abs(a), np.abs(b))).any())


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
        exact = verify(program, backends=EVERY, batch=2, precision="float64", seed=seed)
        assert exact.agrees, f"program {seed}: {exact.to_json()}"
        assert exact.complete, f"program {seed}: {exact.to_json()}"
        torch, onnx = verify(program, backends=["torch", "onnx"], batch=2, seed=seed).findings
        assert onnx.state == "compared", f"program {seed}: {onnx.message}"
        floors = {c.name: c.difference or 0 for c in torch.comparisons if c.what == "output"}
        for found in onnx.comparisons:
            bound = max(found.tolerance, ROUNDING * floors[found.name])
            assert found.problem is None, f"program {seed}: {found}"
            assert found.difference is not None, f"program {seed}: {found}"
            assert found.difference <= bound, f"program {seed}: {found}"
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
