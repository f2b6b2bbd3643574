"""Every op of the vocabulary as PyTorch source, against its formula in float64."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from nnc.backends.base import Arrays
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.torch.emit import emit
from nnc.backends.torch.run import TorchRunner
from nnc.compiler.ir import Graph, Program, single
from nnc.compiler.vocabulary.base import words
from nnc.compiler.vocabulary.ops.base import Example, Op
from tests.backends.torch.feeding import assert_clean, close, example, weights

EXAMPLES = [
    pytest.param(use, id=f"{word.word}-{number}")
    for word in words("op")
    if issubclass(word, Op)
    for number, use in enumerate(word.examples())
]


def inputs(graph: Graph, use: Example) -> Arrays:
    rng = np.random.default_rng(1)
    made: Arrays = {}
    for value in graph.inputs:
        made |= example(value, rng, use.highest, positive=use.positive)
    return made


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("use", EXAMPLES)
def test_values_statistics_and_gradients_are_those_of_the_formula(
    use: Example, training: bool
) -> None:
    made = Program(single(use.op, use.inputs))
    given, start = inputs(made.graph, use), weights(made.graph)
    torch, reference = TorchRunner(made, start, "float64"), ReferenceRunner(made, start)
    expected = reference.outputs(given, training=training)
    close(torch.outputs(given, training=training), expected)
    close(torch.weights(), reference.weights())
    rng = np.random.default_rng(2)
    cotangents = {name: rng.normal(size=array.shape) for name, array in expected.items()}
    torch, reference = TorchRunner(made, start, "float64"), ReferenceRunner(made, start)
    found = torch.pullback(given, cotangents, training=training)
    for ours, theirs in zip(
        found, reference.pullback(given, cotangents, training=training), strict=True
    ):
        close(ours, theirs, 1e-10)


@pytest.mark.parametrize("use", EXAMPLES)
def test_float32_stays_float32(use: Example) -> None:
    made = Program(single(use.op, use.inputs))
    given, start = inputs(made.graph, use), weights(made.graph)
    found = TorchRunner(made, start).outputs(given)
    expected = ReferenceRunner(made, start).outputs(given)
    assert all(a.dtype.kind != "f" or a.dtype == np.float32 for a in found.values())
    close({n: a.astype(float) for n, a in found.items()}, expected, 2e-5)


@pytest.mark.parametrize("use", EXAMPLES)
def test_the_state_dict_has_the_canonical_names(use: Example) -> None:
    graph = single(use.op, use.inputs)
    state = TorchRunner(Program(graph), weights(graph)).model.state_dict()
    kept = {n: tuple(t.shape) for n, t in state.items() if not n.endswith("num_batches_tracked")}
    assert kept == {name: weight.shape for name, weight in graph.weights.items()}


def test_ruff_has_nothing_to_say(tmp_path: Path) -> None:
    files = []
    for number, parameter in zip(itertools.count(), EXAMPLES, strict=False):
        (use,) = parameter.values
        assert isinstance(use, Example)
        file = tmp_path / f"program{number}.py"
        file.write_text(emit(Program(single(use.op, use.inputs))).text, encoding="utf-8")
        files.append(file)
    assert_clean(*files)
