"""Examples to try a model with, as it takes them, and what it is to answer.

Where preparations stand in front of the network, the examples are raw: numbers about as large as
those that were learnt from, known values, images of random pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isqrt, prod
from typing import Any, Final

import numpy as np

from nnc.backends import registry
from nnc.backends.base import Arrays
from nnc.backends.onnx.model import ELEMENT_TYPES
from nnc.compiler.ir import Program
from nnc.compiler.types import Dim, Symbol, is_static
from nnc.compiler.vocabulary.data import CropImages, ResizeImages, Scale
from nnc.deployment.around import Answer, answers, in_units
from nnc.deployment.export import Exported
from nnc.deployment.raw import Raw, raw_of
from nnc.training.data.feed import Feed
from nnc.verify import sample

_BORDER: Final = (3, 5)
"""How much higher and wider than what is cut out or made of them images are."""


@dataclass(frozen=True)
class Samples:
    """The same examples as the model takes them, and as the network inside does."""

    given: Arrays
    prepared: Arrays


def samples(model: Exported, count: int, rng: np.random.Generator) -> Samples:
    """Random examples. Raises ValueError when no sizes are found that every layer accepts."""
    graph = model.program.graph
    drawn = sample.inputs(graph, count, rng)
    sizes = sample.symbols(graph)
    given, prepared = dict(drawn), dict(drawn)
    for name, raw in _raw(model).items():
        exact = _Drawing(raw, drawn[name], sizes, rng).array(count)
        given[name] = exact.astype(np.float32) if exact.dtype == np.float64 else exact
        prepared[name] = _prepare(raw, model.program, exact)
    return Samples(given, prepared)


def _raw(model: Exported) -> Mapping[str, Raw]:
    if model.options.fitted is None:
        return {}
    return raw_of(model.program, model.options.fitted)


class _Drawing:
    """Draws one raw input. `inner` is one that the network itself would take."""

    def __init__(
        self, raw: Raw, inner: Any, sizes: Mapping[Symbol, int], rng: np.random.Generator
    ) -> None:
        self._raw = raw
        self._inner = inner
        self._sizes = sizes
        self._rng = rng

    def array(self, count: int) -> Any:
        """Texts, bytes, or numbers in float64 that float32 has, but for classes."""
        raw = self._raw
        shape = (count, *self._static(raw.shape[1:]))
        learnt = {name: value for _, known in raw.steps() for name, value in known.items()}
        if "words" in learnt:
            return self._texts(count, learnt["words"])
        if "known" in learnt:
            return self._rng.choice(np.array(learnt["known"]), shape)
        if raw.texts:
            return np.full(shape, learnt.get("filling", ""))
        if raw.is_files:
            return self._rng.integers(0, 256, shape).astype(np.uint8)
        return self._numbers(shape, learnt).astype(np.float32).astype(np.float64)

    def _texts(self, count: int, words: Sequence[str]) -> Any:
        """Texts of up to twice as many words as are counted, some of them unknown."""
        known = [*words, "Ünknöwn", "?!"]
        lengths = self._rng.integers(0, 2 * self._inner.shape[1], count)
        return np.array([" ".join(self._rng.choice(known, length)) for length in lengths])

    def _numbers(self, shape: tuple[int, ...], learnt: Mapping[str, Any]) -> Any:
        if self._raw.end.element != ELEMENT_TYPES["f32"]:
            factors = [step.factor for step, _ in self._raw.steps() if isinstance(step, Scale)]
            return self._inner.reshape(shape) / prod(factors)
        if "mean" in learnt:
            mean, deviation = (_fitting(learnt[name], shape) for name in ("mean", "deviation"))
            return self._rng.normal(mean, deviation, shape)
        if "low" in learnt:
            low, width = (_fitting(learnt[name], shape) for name in ("low", "width"))
            return self._rng.uniform(low, low + width, shape)
        return self._rng.normal(size=shape)

    def _static(self, shape: tuple[Dim, ...]) -> tuple[int, ...]:
        """A shape with sizes in place of names."""
        if is_static(shape):
            return shape
        free = zip(_names(shape, self._sizes), self._sides(), strict=False)
        sizes = {**self._sizes, **dict(free)}
        return tuple(sizes[dim] if isinstance(dim, Symbol) else dim for dim in shape)

    def _sides(self) -> tuple[int, int]:
        """Height and width of images of any size."""
        steps = [step for step, _ in self._raw.steps()]
        sized = [step for step in steps if isinstance(step, ResizeImages | CropImages)]
        if sized:
            height, width = _BORDER
            return (
                max(step.height for step in sized) + height,
                max(step.width for step in sized) + width,
            )
        pixels = self._inner[0].size // self._raw.count
        height = next(side for side in range(isqrt(pixels), 0, -1) if pixels % side == 0)
        return height, pixels // height


def _fitting(learnt: Any, shape: tuple[int, ...]) -> Any:
    """What was learnt of each place of a shape; of another shape its mean."""
    value = np.asarray(learnt)
    return value if shape[len(shape) - value.ndim :] == value.shape else value.mean()


def _names(shape: tuple[Dim, ...], known: Mapping[Symbol, int]) -> list[Symbol]:
    return [dim for dim in shape if isinstance(dim, Symbol) and dim not in known]


def _prepare(raw: Raw, program: Program, exact: Any) -> Any:
    """What nnc's own data execution makes of raw examples."""
    value = next(value for value in program.graph.inputs if value.name == raw.end.name)
    column, examples = exact, np.arange(len(exact))
    if raw.is_files and raw.channels == "first":
        column = np.moveaxis(column, -1, 1)
    if raw.window is not None:
        examples = examples * raw.window.lookback
        column = column.reshape(-1, *raw.row)
    last = program.graph.layout == "channels_last"
    known = [dict(learnt) for learnt in raw.learnt]
    feed = Feed(raw.chain, column, {value.name: value}, value.name, last, known, ahead=False)
    return feed.arrays(examples)[value.name]


def results(model: Exported, weights: Arrays, prepared: Arrays) -> Arrays:
    """The outputs of the model for examples, those of the float64 reference."""
    runner = registry.REFERENCE.load_runner()(model.program, weights, "float64")
    found = runner.outputs(prepared)
    if model.options.fitted is None:
        return found
    names = [end.name for end in model.graph.outputs]
    for answer in answers(model.program):
        found |= _answer(answer, found[answer.output], model.options.labels)
    for output, (factor, offset) in in_units(model.program, model.options.fitted).items():
        found[f"{output}_value"] = found[output] * factor + offset
    return {name: found[name] for name in names}


def _answer(answer: Answer, scores: Any, labels: Mapping[str, tuple[str, ...]]) -> Arrays:
    """What stands behind an output, as numbers: probabilities, classes and their names."""
    made: Arrays = {}
    name = answer.output
    if answer.makes_chances:
        scores = _softmax(scores) if answer.exclusive else 1 / (1 + np.exp(-scores))
        made[f"{name}_probability"] = scores
    chosen = scores.argmax(axis=-1) if answer.exclusive else (scores > 0.5).astype(np.int64)
    made[f"{name}_class"] = chosen
    if name in labels:
        made[f"{name}_label"] = np.array(labels[name])[chosen]
    return made


def _softmax(x: Any) -> Any:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)
