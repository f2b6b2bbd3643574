"""Every loss as ordinary ONNX operators against the reference's formula."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from nnc.backends.base import Precision
from nnc.backends.onnx.assembly import Array, Assembly, Handle
from nnc.backends.onnx.comparison import LOSSES, Comparison
from nnc.backends.reference import tape
from nnc.backends.reference.table import Judged, losses
from nnc.compiler.diagnostics import Failed
from nnc.compiler.types import FLOATS, Symbol, TensorType
from nnc.compiler.vocabulary.base import find
from nnc.compiler.vocabulary.losses.base import Loss
from nnc.compiler.vocabulary.ops.base import parse_type
from nnc.verify import compare
from tests.backends.onnx.parts import Part
from tests.matrix.test_losses import LossCase, loss_cases

BATCH, SIZE = 6, 5


def _types(case: LossCase) -> tuple[TensorType, ...]:
    """The types with a size in place of symbols."""
    return tuple(
        TensorType(t.dtype, tuple(SIZE if isinstance(d, Symbol) else d for d in t.shape))
        for t in map(parse_type, case.types)
    )


def _sizes(type_: TensorType) -> tuple[int, ...]:
    return tuple(d for d in type_.shape if isinstance(d, int))


def _values(case: LossCase, types: tuple[TensorType, ...]) -> list[Array]:
    """Predictions and a target that fit the loss; float32 has all numbers."""
    rng = np.random.default_rng(3)
    drawn: list[Array] = []
    for place, type_ in enumerate(types):
        shape = (BATCH, *_sizes(type_))
        is_target = case.has_target and place == len(types) - 1
        if type_.dtype not in FLOATS:
            drawn.append(rng.integers(0, _sizes(types[0])[-1], shape))
            continue
        x = 2 * rng.normal(size=shape)
        if is_target:
            x = _target(case.loss, x)
        elif place in case.loss.positive:
            x = np.abs(x) + 0.1
        elif case.activation == "sigmoid" and not case.logits:
            x = 1 / (1 + np.exp(-x))
        elif case.activation == "softmax" and not case.logits:
            x = np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)
        drawn.append(x.astype(np.float32))
    return drawn


def _target(loss: Loss, x: Array) -> Array:
    match loss.values:
        case "share":
            return np.asarray(1 / (1 + np.exp(-x)))
        case "distribution":
            return np.asarray(np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True))
        case "sign":
            return np.sign(x)
        case "count":
            return np.round(np.abs(x))
        case _:
            return x


def _expected(case: LossCase, values: list[Array]) -> float:
    given = [np.asarray(v, np.float64) if v.dtype.kind == "f" else v for v in values]
    predictions = tuple(tape.constant(x) for x in (given[:-1] if case.has_target else given))
    target = given[-1] if case.has_target else np.zeros(())
    formula = losses.find(case.loss)
    return float(formula(case.loss, Judged(predictions, target, case.logits)).value)


def _found(case: LossCase, values: list[Array], precision: Precision) -> Array:
    types = tuple(map(parse_type, case.types))
    inputs = {
        f"x{n}": v.astype(precision) if v.dtype.kind == "f" else v for n, v in enumerate(values)
    }

    def write(assembly: Assembly, given: Mapping[str, Handle]) -> Mapping[str, Handle]:
        at = Comparison(assembly, "loss", tuple(given.values()), types, logits=case.logits)
        return {"loss": LOSSES.find(case.loss)(case.loss, at)}

    return Part(write, inputs, precision)(inputs)["loss"]


def _agrees(case: LossCase, values: list[Array]) -> None:
    expected = _expected(case, values)
    scale = max(abs(expected), 1.0)
    exact = _found(case, values, "float64")
    assert exact.shape == ()
    assert exact.dtype == np.float64
    assert abs(exact - expected) <= 1e-12 * scale
    single = _found(case, values, "float32")
    assert single.dtype == np.float32
    assert compare.loss(expected, float(single), "float32").agrees


@pytest.mark.parametrize("case", loss_cases(), ids=lambda case: case.name)
def test_the_number_is_the_formulas(case: LossCase) -> None:
    _agrees(case, _values(case, _types(case)))


AWKWARD: dict[str, tuple[str, dict[str, Any], tuple[Any, ...]]] = {
    "nothing is left": ("cross_entropy", {"ignore": 1}, ([[1.0, -2.0], [0.5, 3.0]], [1, 1])),
    "a left-out number is no class": ("nll", {"ignore": -100}, ([[-1.0, -2.0]] * 2, [0, -100])),
    "weights of 0": (
        "cross_entropy",
        {"class_weights": (0.0, 1.0), "label_smoothing": 0.1},
        ([[1.0, -2.0], [0.5, 3.0]], [0, 0]),
    ),
    "sure and wrong": ("cross_entropy", {}, ([[300.0, -300.0], [0.0, 0.0]], [1, 0])),
    "sure": ("binary_cross_entropy", {}, ([-90.0, 90.0, 90.0], [0.0, 1.0, 0.0])),
    "sure of the right class": ("categorical_focal", {}, ([[90.0, -9.0], [9.0, -9.0]], [0, 0])),
    "no error": ("rmse", {}, ([1.0, 2.0], [1.0, 2.0])),
    "large errors": ("log_cosh", {}, ([500.0, -500.0], [0.0, 0.0])),
    "at the knee": ("huber", {}, ([1.0, -1.0], [0.0, 0.0])),
    "shares of 0": ("kl_divergence", {}, ([[1.0, 2.0]], [[0.0, 1.0]])),
    "vectors of zeros": ("cosine_distance", {}, ([[0.0, 0.0]], [[1.0, 0.0]])),
    "labels that do not fit": ("ctc", {}, ([[[1.0, 2.0], [0.5, 3.0]]], [[1, 1]])),
    "no label": ("ctc", {}, ([[[1.0, 2.0], [0.5, 3.0]]], [[0]])),
    "one step": ("ctc", {"blank": 1}, ([[[1.0, 2.0]]], [[0, 1]])),
    "no variance": ("gaussian_nll", {}, ([1.0], [0.0], [1.5])),
}


def _loss(word: str, **arguments: Any) -> Loss:
    kind = find("loss", word)
    assert kind is not None
    loss = kind(**arguments)
    assert isinstance(loss, Loss)
    return loss


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_values(name: str) -> None:
    word, arguments, given = AWKWARD[name]
    loss = _loss(word, **arguments)
    values = [np.array(v) for v in given]
    values = [v.astype(np.float32) if v.dtype.kind == "f" else v for v in values]
    types = tuple(
        str(TensorType("f32" if v.dtype.kind == "f" else "i64", v.shape[1:])) for v in values
    )
    _agrees(LossCase(loss, types, logits=loss.fuses is not None), values)


@pytest.mark.parametrize("word", ["binary_cross_entropy", "focal"])
def test_probabilities_of_0_and_1(word: str) -> None:
    loss = _loss(word)
    values = [np.array([0, 1, 0, 1], np.float32), np.array([0, 1, 1, 0], np.float32)]
    _agrees(LossCase(loss, ("f32", "f32")), values)


@pytest.mark.parametrize("types", [("f32[T]", "i64"), ("f32[T]", "f32[T]")], ids=str)
def test_as_many_classes_as_there_are(types: tuple[str, ...]) -> None:
    loss = _loss("cross_entropy", label_smoothing=0.2)
    case = LossCase(loss, types, logits=True)
    _agrees(case, _values(case, _types(case)))


def test_the_margin_among_as_many_classes_as_there_are() -> None:
    loss = _loss("multiclass_hinge")
    case = LossCase(loss, ("f32[T]", "i64"))
    _agrees(case, _values(case, _types(case)))


def test_ctc_must_know_the_number_of_steps() -> None:
    case = LossCase(_loss("ctc"), ("f32[T, 4]", "i64[3]"))
    with pytest.raises(Failed) as caught:
        _found(case, _values(case, _types(case)), "float32")
    assert caught.value.diagnostics[0].code == "E708"
