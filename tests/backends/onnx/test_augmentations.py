"""Training batches that ONNX Runtime changes are those that nnc changes."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from nnc.backends.base import Arrays
from nnc.backends.onnx.augmentations import CHANGED, EPOCH, PLACES, augmentation
from nnc.backends.onnx.graph import written
from nnc.compiler.ir import Program
from nnc.loading import compile_text
from nnc.training.data.augmenting import changes
from tests.backends.onnx.parts import OPSETS

EPOCHS = (0, 1, 149)
EXAMPLES = np.array([5, 0, 17, 3, 4, 2**31, 2**32 + 5, 99])
"""Their places in the training split."""
IMAGES = {
    "first": ("f32[3, 6, 8]", "channels_first", (3, 6, 8)),
    "last": ("f32[6, 8, 3]", "channels_last", (6, 8, 3)),
    "grey": ("f32[6, 8]", "channels_first", (6, 8)),
    "grey, the others last": ("f32[7, 5]", "channels_last", (7, 5)),
    "narrow": ("f32[2, 1, 5]", "channels_first", (2, 1, 5)),
    "of any size": ("f32[C, H, W]", "channels_first", (2, 9, 4)),
}
MOVED = [
    *("flip(x)", "flip(x, vertical=true)", "flip(x, horizontal=false, vertical=true)"),
    *("flip(x, rate=0)", "flip(x, rate=1, vertical=true)", "flip(x, rate=0.3, vertical=true)"),
    *("flip(x, horizontal=false)", "crop(x, 1)", "crop(x, 3)", "crop(x, 40)"),
    "flip(x), crop(x, 2), flip(x)",
]
"""Every number is one that was there, or 0."""
COMPUTED = [
    *("rotate(x, 15)", "rotate(x, 180)", "rotate(x, 0.5)"),
    *("noise(x, 0.05)", "noise(x, 3)", "scale(x, 0.1)", "scale(x, 0)"),
]
CERTAIN = {
    *("flip(x, rate=0)", "flip(x, rate=1, vertical=true)", "flip(x, horizontal=false)"),
    *("crop(x, 40)", "scale(x, 0)"),
}
"""Nothing is left to chance; images are moved out of sight."""
SEVERAL = [
    "noise(x, 3), rotate(x, 90), noise(x, 0.5)",
    "flip(x), crop(x, 2), rotate(x, 20), noise(x, 0.1), scale(x, 0.2), rotate(x, 10)",
]
ROUNDING = 2.0**-23
"""How far numbers of float32 that are neighbours stand apart at most, as a share of themselves."""


def program(augment: str, type_: str, layout: str = "channels_first", seed: int = 3) -> Program:
    found, problems = compile_text(
        f"model M {{ layout {layout}  input x: {type_}  input z: f32[4]  "
        "output p = z -> Dense(2)  output q = x -> tanh }"
        f"train {{ target y: f32[2]  loss = mse(p, y)  optimizer = sgd(0.1)  seed = {seed}  "
        f"augment = [{augment}] }}"
    )
    assert found is not None, problems
    return found


class Changing:
    """The model of a program, running."""

    def __init__(self, spec: Program, opset: int = 20) -> None:
        chunks = written(augmentation(spec, opset=opset), "0").whole
        self.model = onnx.ModelProto.FromString(b"".join(chunks))
        onnx.checker.check_model(self.model, full_check=True)
        self._session = onnxruntime.InferenceSession(self.model.SerializeToString())

    def __call__(self, inputs: Arrays, epoch: int, places: Any = EXAMPLES) -> Arrays:
        numbers = {PLACES: places.astype(np.int64), EPOCH: np.array(epoch, np.int64)}
        made = self._session.run(None, {**inputs, **numbers})
        names = [end.name.removeprefix(CHANGED) for end in self._session.get_outputs()]
        return dict(zip(names, made, strict=True))


def expected(spec: Program, inputs: Arrays, epoch: int) -> Arrays:
    """What nnc makes of a batch."""
    found = dict(inputs)
    for name, change in changes(spec):
        found[name] = change(found[name], EXAMPLES, epoch)
    return found


def batch(shape: tuple[int, ...]) -> Any:
    x = np.random.default_rng(7).normal(size=(len(EXAMPLES), *shape))
    return x.astype(np.float32)


def pairs(augment: str, images: str) -> tuple[Any, Any]:
    """A batch as ONNX Runtime changes it and as nnc does, in several epochs."""
    type_, layout, shape = IMAGES[images]
    spec, x = program(augment, type_, layout), batch(shape)
    change = Changing(spec)
    made = [change({"x": x}, epoch)["x"] for epoch in EPOCHS]
    truth = [expected(spec, {"x": x}, epoch)["x"] for epoch in EPOCHS]
    assert made[0].dtype == truth[0].dtype == np.float32
    return np.stack(made), np.stack(truth)


@pytest.mark.parametrize("images", IMAGES)
@pytest.mark.parametrize("augment", MOVED)
def test_what_is_moved_is_the_same_to_the_bit(augment: str, images: str) -> None:
    made, truth = pairs(augment, images)
    np.testing.assert_array_equal(made, truth)


@pytest.mark.parametrize("images", IMAGES)
@pytest.mark.parametrize("augment", COMPUTED)
def test_what_is_computed_in_float64_is_rounded_to_the_same(augment: str, images: str) -> None:
    """Or to its neighbour, where another logarithm or cosine is off by its last bit. Near 0 the
    terms are what has been rounded, to some 1e-14 of pixels of about 1."""
    made, truth = pairs(augment, images)
    np.testing.assert_allclose(made, truth, rtol=ROUNDING, atol=1e-13)


@pytest.mark.parametrize("images", IMAGES)
@pytest.mark.parametrize("augment", SEVERAL)
def test_several_changes_of_one_input_follow_one_another(augment: str, images: str) -> None:
    """Each may round one of its numbers to the neighbour, of which the next one makes its own."""
    made, truth = pairs(augment, images)
    largest = np.abs(truth).max()
    np.testing.assert_allclose(made, truth, rtol=0, atol=augment.count("(") * ROUNDING * largest)


@pytest.mark.parametrize("augment", [*MOVED, *COMPUTED])
def test_what_is_drawn_depends_on_the_example_the_epoch_and_the_seed(augment: str) -> None:
    """And on nothing else: an example is changed alike whatever else is in the batch."""
    x = batch((3, 6, 8))
    change = Changing(program(augment, "f32[3, 6, 8]"))
    made = change({"x": x}, 4)["x"]
    alone = change({"x": x[2:3]}, 4, EXAMPLES[2:3])["x"]
    np.testing.assert_array_equal(alone, made[2:3])
    others = [
        change({"x": x}, 5)["x"],
        change({"x": x}, 4, EXAMPLES + 1)["x"],
        Changing(program(augment, "f32[3, 6, 8]", seed=4))({"x": x}, 4)["x"],
    ]
    assert [np.array_equal(other, made) for other in others] == [augment in CERTAIN] * 3


@pytest.mark.parametrize(("type_", "shape"), [("f32", ()), ("f32[7]", (7,)), ("f32[T, 2]", (5, 2))])
def test_noise_and_stretching_of_what_is_no_image(type_: str, shape: tuple[int, ...]) -> None:
    spec, x = program("noise(x, 0.1), scale(x, 0.2)", type_), batch(shape)
    made, truth = Changing(spec)({"x": x}, 6)["x"], expected(spec, {"x": x}, 6)["x"]
    assert made.shape == truth.shape
    assert not np.array_equal(truth, x)
    np.testing.assert_allclose(made, truth, rtol=0, atol=2 * ROUNDING * np.abs(truth).max())


def test_every_input_that_is_changed_is_an_end_of_the_model() -> None:
    spec = program("noise(z, 0.1), flip(x), noise(z, 0.2)", "f32[6, 8]")
    change = Changing(spec)
    graph = change.model.graph
    assert [end.name for end in graph.input] == ["x", "z", PLACES, EPOCH]
    assert [end.name for end in graph.output] == [f"{CHANGED}x", f"{CHANGED}z"]
    inputs = {"x": batch((6, 8)), "z": batch((4,))}
    made, truth = change(inputs, 2), expected(spec, inputs, 2)
    assert made.keys() == truth.keys()
    np.testing.assert_array_equal(made["x"], truth["x"])
    np.testing.assert_allclose(made["z"], truth["z"], rtol=0, atol=2 * ROUNDING * 4)
    assert not np.array_equal(truth["z"], inputs["z"])
    alone = Changing(program("noise(z, 0.1)", "f32[6, 8]"))
    assert [end.name for end in alone.model.graph.input] == ["z", PLACES, EPOCH]


def test_it_is_the_same_in_every_opset_and_of_the_default_domain() -> None:
    spec, x = program(SEVERAL[1], "f32[3, 6, 8]"), batch((3, 6, 8))
    models = [Changing(spec, opset) for opset in OPSETS]
    first, second = (change({"x": x}, 1)["x"] for change in models)
    np.testing.assert_array_equal(first, second)
    for change in models:
        assert {node.domain for node in change.model.graph.node} == {""}
        assert [entry.domain for entry in change.model.opset_import] == [""]


def test_a_program_that_changes_nothing_has_no_model() -> None:
    with pytest.raises(ValueError, match="changes no examples"):
        augmentation(program("", "f32[6, 8]"))
