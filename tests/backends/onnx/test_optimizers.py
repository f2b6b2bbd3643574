"""Optimisers, clips, constraints and penalties as ONNX operators against the reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from nnc.backends.base import Precision
from nnc.backends.onnx.assembly import NUMPY, Array, Assembly, Handle, Scope
from nnc.backends.onnx.constraints import CONSTRAINTS
from nnc.backends.onnx.penalties import PENALTIES
from nnc.backends.onnx.updates import CLIPS, OPTIMIZERS, Slot, Updates
from nnc.backends.reference import tape
from nnc.backends.reference.table import Step, clips, constraints, optimizers, penalties
from nnc.compiler.vocabulary.base import Word, words
from nnc.compiler.vocabulary.optimizers import Optimizer
from nnc.compiler.vocabulary.penalties import Penalty
from nnc.compiler.vocabulary.schedules import Clip
from tests.backends.onnx.parts import Part

UPDATES = 25
SHAPES: dict[str, tuple[int, ...]] = {"a.weight": (4, 3), "a.bias": (4,), "b.alpha": ()}
PRECISIONS: list[Precision] = ["float64", "float32"]
TOLERANCE = {"float64": 1e-12, "float32": 3e-6}


def variants(word: type[Optimizer]) -> Iterator[Optimizer]:
    """An optimiser with its defaults, with each argument changed, and with all of them."""
    changed: dict[str, Any] = {}
    for name, default in word(lr=0.02).arguments().items():
        if name == "lr":
            continue
        if isinstance(default, bool):
            changed[name] = not default
        else:
            changed[name] = 0.1 if default == 0 else 0.8 * default
    yield word(lr=0.02)
    yield from (word(lr=0.02, **{name: value}) for name, value in changed.items())
    yield word(lr=0.02, **changed)


def rules() -> list[Optimizer]:
    found = []
    for word in words("optimizer"):
        assert issubclass(word, Optimizer)
        found += list(variants(word))
    return found


def name_of(word: Word) -> str:
    fields = type(word).model_fields
    options = [f"{k}={v}" for k, v in word.arguments().items() if v != fields[k].default]
    return "-".join((word.word, *options))


def gradients(rng: np.random.Generator) -> dict[str, Array]:
    """Some of them tiny; all are numbers that float32 has."""
    found = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
    found["a.weight"][0] *= 1e-5
    found["a.weight"][1, 1] = 0.0
    return {name: g.astype(np.float32) for name, g in found.items()}


class Steps:
    """An optimiser's graph and its memory."""

    def __init__(self, rule: Optimizer, weights: Mapping[str, Array], precision: Precision) -> None:
        self.precision = precision
        self.weights = {name: w.astype(precision) for name, w in weights.items()}
        self.state: dict[str, Array] = {}
        self._slots: list[Slot] = []
        self._rule = rule
        self._part: Part | None = None

    def _write(self, assembly: Assembly, given: Mapping[str, Handle]) -> Mapping[str, Handle]:
        updates = Updates(assembly, given["step"], given["rate"])
        rule, results = self._rule, {}
        for name in self.weights:
            update = updates.of(name, given[name], given[f"{name}'"])
            results[name] = OPTIMIZERS.find(rule)(rule, update).handle
        self._slots = updates.slots
        for slot in updates.slots:
            assert slot.after is not None
            results[slot.before.wish] = slot.after
        return results

    def _initial(self) -> dict[str, tuple[Handle, Array]]:
        return {
            s.before.wish: (
                s.before,
                np.full(SHAPES[s.weight] if s.weight else (), s.initial, NUMPY[s.dtype]),
            )
            for s in self._slots
        }

    def step(self, found: Mapping[str, Array], number: int, rate: float) -> None:
        inputs = {
            **self.weights,
            **{f"{name}'": g.astype(self.precision) for name, g in found.items()},
            "step": np.array(number, np.int64),
            "rate": np.array(rate, np.float64),
        }
        if self._part is None:
            self._part = Part(self._write, inputs, self.precision, self._initial)
            self.state = {name: array for name, (_, array) in self._initial().items()}
        results = self._part({**inputs, **self.state})
        self.weights = {name: results[name] for name in self.weights}
        self.state = {name: results[name] for name in self.state}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("rule", rules(), ids=name_of)
def test_updates_on_given_gradients(rule: Optimizer, precision: Precision) -> None:
    rng = np.random.default_rng(5)
    weights = gradients(rng)
    found = Steps(rule, weights, precision)
    expected = {name: np.asarray(w, np.float64) for name, w in weights.items()}
    states: dict[str, dict[str, Array]] = {name: {} for name in weights}
    for number in range(UPDATES):
        given, rate = gradients(rng), 0.02 / (1 + number % 7)
        found.step(given, number, rate)
        for name, gradient in given.items():
            step = Step(
                expected[name], np.asarray(gradient, np.float64), rate, number + 1, states[name]
            )
            expected[name] = optimizers.find(rule)(rule, step)
    for name, weight in expected.items():
        assert found.weights[name].dtype == precision
        difference = np.abs(found.weights[name] - weight).max()
        assert difference <= TOLERANCE[precision] * np.abs(weight).max(), name


CLIP_WORDS = [word for word in words("clip") if issubclass(word, Clip)]
CLIPPED = [word(limit=limit) for word in CLIP_WORDS for limit in (0.7, 50.0)]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("clip", CLIPPED, ids=lambda clip: f"{clip.word}-{clip.limit}")
def test_clips(clip: Any, precision: Precision) -> None:
    given = {n: g.astype(precision) for n, g in gradients(np.random.default_rng(1)).items()}
    exact = {name: np.asarray(g, np.float64) for name, g in given.items()}

    def write(assembly: Assembly, handles: Mapping[str, Handle]) -> Mapping[str, Handle]:
        return CLIPS.find(clip)(clip, Scope(assembly, "clip"), handles)

    found = Part(write, given, precision)(given)
    for name, expected in clips.find(clip)(clip, exact).items():
        np.testing.assert_allclose(found[name], expected, rtol=TOLERANCE[precision], atol=0)


@pytest.mark.parametrize("word", CLIP_WORDS, ids=lambda word: word.word)
def test_what_is_not_a_number_stays_so(word: type[Clip]) -> None:
    given = {"w": np.array([1.0, np.nan, 2.0], np.float32)}

    def write(assembly: Assembly, handles: Mapping[str, Handle]) -> Mapping[str, Handle]:
        clip = word(limit=0.5)
        return CLIPS.find(clip)(clip, Scope(assembly, "clip"), handles)

    assert np.isnan(Part(write, given, "float32")(given)["w"][1])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("shape", [(4, 3), (3, 2, 2), (5,)], ids=str)
@pytest.mark.parametrize("word", words("constraint"), ids=lambda word: word.word)
def test_constraints(word: type[Word], shape: tuple[int, ...], precision: Precision) -> None:
    rng = np.random.default_rng(2)
    constraint = word()
    weight = 1.5 * rng.normal(size=shape).astype(precision)
    weight[1] = 0.0

    def write(assembly: Assembly, handles: Mapping[str, Handle]) -> Mapping[str, Handle]:
        scope = Scope(assembly, "constraint")
        return {"w": CONSTRAINTS.find(constraint)(constraint, scope, handles["w"], len(shape))}

    found = Part(write, {"w": weight}, precision)({"w": weight})["w"]
    expected = constraints.find(constraint)(constraint, np.asarray(weight, np.float64))
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE[precision], atol=0)


def _penalties() -> list[Penalty]:
    found: list[Penalty] = []
    for word in words("penalty"):
        assert issubclass(word, Penalty)
        found += word.examples()
    return found


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("penalty", _penalties(), ids=name_of)
def test_penalties(penalty: Penalty, precision: Precision) -> None:
    weight = np.random.default_rng(2).normal(size=(4, 3)).astype(precision)

    def write(assembly: Assembly, handles: Mapping[str, Handle]) -> Mapping[str, Handle]:
        scope = Scope(assembly, "penalty")
        return {"penalty": PENALTIES.find(penalty)(penalty, scope, handles["w"])}

    found = Part(write, {"w": weight}, precision)({"w": weight})["penalty"]
    exact = tape.constant(np.asarray(weight, np.float64))
    expected = penalties.find(penalty)(penalty, exact).value
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE[precision], atol=0)
