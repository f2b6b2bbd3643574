"""Engines: the same path on every backend, parts that make up a batch, and states to go on from."""

from __future__ import annotations

import numpy as np
import pytest

from nnc.backends.base import Arrays, Engine
from nnc.compiler.ir import Program
from nnc.training.engines import Setup, load
from tests.training.engines import ENGINES, batch, cnn, engine, mlp, precision_of

PROGRAMS = {"mlp": mlp, "cnn": cnn}
STEPS = 20


def rate(step: int) -> float:
    return 0.05 * 0.9**step


def walk(trained: Engine, program: Program, steps: range) -> list[float]:
    """The losses of some steps, each with a batch of its own."""
    return [trained.step([batch(program, 8, step)], step, rate(step)) for step in steps]


def assert_same(found: Arrays, expected: Arrays, tolerance: float = 0.0) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("spec", PROGRAMS)
@pytest.mark.parametrize("backend", ENGINES[1:])
def test_the_path_is_that_of_the_reference(backend: str, spec: str) -> None:
    program = PROGRAMS[spec]()
    expected, found = engine("reference", program), engine(backend, program)
    near = 1e-9 if precision_of(backend, program) == "float64" else 2e-5
    np.testing.assert_allclose(
        walk(found, program, range(STEPS)), walk(expected, program, range(STEPS)), rtol=0, atol=near
    )
    assert_same(found.weights(), expected.weights(), near)
    held = batch(program, 7, 99)
    measured, truth = found.evaluate([held, held]), expected.evaluate([held, held])
    assert measured == pytest.approx(truth, abs=near)
    assert found.gradient_norms() == pytest.approx(expected.gradient_norms(), abs=near)
    given = {value.name: held[value.name] for value in program.graph.inputs}
    assert_same(found.outputs(given), expected.outputs(given), near)


@pytest.mark.parametrize("backend", ENGINES)
def test_gradients_are_those_of_the_clipped_loss(backend: str) -> None:
    program = mlp("sgd(1.0)")
    trained = engine(backend, program)
    before = trained.weights()
    trained.step([batch(program, 8)], 0, 1.0)
    after = trained.weights()
    moved = {name: float(np.linalg.norm(before[name] - after[name])) for name in before}
    assert trained.gradient_norms() == pytest.approx(moved, abs=1e-9)
    assert np.sqrt(sum(n**2 for n in moved.values())) <= 0.5 + 1e-9


@pytest.mark.parametrize("backend", ENGINES)
def test_parts_of_a_batch_take_the_step_of_the_whole(backend: str) -> None:
    program = mlp()
    whole, parted = engine(backend, program), engine(backend, program)
    for step in range(3):
        given = batch(program, 7, step)
        parts = [{n: a[start : start + 3] for n, a in given.items()} for start in (0, 3, 6)]
        once, piecewise = whole.step([given], step, 0.1), parted.step(parts, step, 0.1)
        assert once == pytest.approx(piecewise, abs=1e-12)
    assert_same(parted.weights(), whole.weights(), 1e-12)


RULES = (
    *("adam(0.02, amsgrad=true)", "nadam(0.02)", "lamb(0.02)", "rmsprop(0.01, momentum=0.9)"),
    *("sgd(0.1, momentum=0.9)", "adagrad(0.1)", "lion(0.01)", "adadelta", "adamax(0.01)"),
)
# Each program of Keras takes a second to begin, and all optimisers keep their variables alike.
KEPT = [(name, rule) for name in ENGINES for rule in RULES[: 2 if name == "keras" else None]]


@pytest.mark.parametrize(("backend", "optimizer"), KEPT)
def test_a_state_goes_on_to_the_same_bits(backend: str, optimizer: str) -> None:
    program = mlp(optimizer)
    first = engine(backend, program, "float64" if backend == "reference" else "float32")
    walk(first, program, range(4))
    state = first.state()
    kept = {name: array.copy() for name, array in state.items()}
    losses = walk(first, program, range(4, 8))
    second = engine(backend, program, "float64" if backend == "reference" else "float32")
    walk(second, program, range(2))  # whatever it did before is forgotten
    second.restore(state)
    assert walk(second, program, range(4, 8)) == losses
    assert_same(second.weights(), first.weights())
    assert_same(state, kept)
    assert {array.dtype.name for array in state.values()} <= {"float32", "float64", "int64"}


@pytest.mark.parametrize("optimizer", ["sgd(0.1, momentum=0.9)", "adam(0.02)"])
@pytest.mark.parametrize("backend", ENGINES)
def test_statistics_of_batches_are_part_of_the_state(backend: str, optimizer: str) -> None:
    program = cnn(optimizer)
    first, second = engine(backend, program), engine(backend, program)
    walk(first, program, range(3))
    second.restore(first.state())
    assert_same(second.weights(), first.weights())
    assert walk(second, program, range(3, 5)) == walk(first, program, range(3, 5))


@pytest.mark.parametrize("backend", ENGINES)
def test_the_state_of_another_program_is_refused(backend: str) -> None:
    other = engine(backend, cnn()).state()
    with pytest.raises(ValueError, match="another program"):
        engine(backend, mlp()).restore(other)


@pytest.mark.parametrize("backend", ENGINES)
def test_a_loss_that_is_no_number_takes_no_step(backend: str) -> None:
    program = cnn()
    trained = engine(backend, program)
    walk(trained, program, range(2))
    before = {name: array.copy() for name, array in trained.weights().items()}
    given = batch(program, 4)
    given["y"][1, 0] = np.nan
    assert np.isnan(trained.step([given], 2, 0.1))
    after = trained.weights()
    stored = program.graph.weights.items()
    trainable = [name for name, weight in stored if weight.role == "parameter"]
    assert trainable
    for name in trainable:
        np.testing.assert_array_equal(after[name], before[name])


@pytest.mark.parametrize("backend", ENGINES)
def test_what_an_engine_can_not_do_is_said(backend: str) -> None:
    program = mlp()
    untrained = type(program)(program.graph)
    kind = type(engine(backend, program))
    weights = engine(backend, program).weights()
    with pytest.raises(ValueError, match="no train block"):
        kind(untrained, weights, "float64")
    with pytest.raises(ValueError, match="warp"):
        kind(program, weights, "float64", "warp")
    with pytest.raises(ValueError, match="example"):
        engine(backend, program).evaluate([])


def test_what_is_not_installed_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nnc.backends.registry.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"PyTorch is not installed: pip install 'nnc\[torch\]'"):
        load(mlp(), {}, Setup("torch", "float32"))
