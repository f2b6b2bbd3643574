"""Mixed precision: float32 in what is kept, bfloat16's rounding in what is computed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nnc.backends import initial
from nnc.backends.base import Arithmetic, Engine, numbers
from nnc.backends.registry import BACKENDS
from nnc.backends.torch import engine as engines
from nnc.compiler.ir import Program
from nnc.training import start
from nnc.training.engines import Setup
from nnc.training.folder import Folder
from tests.training.engines import batch, cnn, mlp, of_text
from tests.training.test_run import content, points, program, trained

MIXED: Arithmetic = "mixed"
EPSILON = 2.0**-8
"""Half a unit in the last place of bfloat16, which keeps 8 bits, at 1."""
SPEC = """\
model M {
  input x: f32[5, 4]
  output p = %s
}
train {
  target y: f32[2]
  loss = mse(p, y)
  optimizer = adam(0.02)
}
"""
WORDS = {
    "lstm": "x -> LSTM(6) -> flatten -> Dense(2)",
    "gru": "x -> GRU(6) -> flatten -> Dense(2)",
    "attention": "(x, x, x) -> MultiHeadAttention(heads=2) -> LayerNorm -> flatten -> Dense(2)",
    "dropped": "x -> MultiHeadAttention(2, dropout=0.2) -> LayerNorm -> flatten -> Dense(2)",
    "norms": "x -> Dense(4) -> RMSNorm -> BatchNorm -> relu -> flatten -> Dense(2)",
}


PRODUCTS = {
    "Conv1D": "x -> Reshape([2, 25]) -> Conv1D(3, 3)",
    "groups": "x -> Conv2D(4, 3, groups=2)",
    "depthwise": "x -> SeparableConv2D(3, 3)",
    "transposed": "x -> ConvTranspose2D(3, 3, stride=2)",
    "both ways": "x -> Reshape([10, 5]) -> LSTM(4, bidirectional=true)",
    "recurrent": "x -> Reshape([10, 5]) -> SimpleRNN(4)",
}
HAVE_IT = ("torch", "keras")


def words(layers: str) -> Program:
    return of_text(SPEC % layers)


PROGRAMS = {"mlp": mlp(), "cnn": cnn(), **{name: words(text) for name, text in WORDS.items()}}


def made(given: Program, backend: str = "torch", *, mixed: bool = True) -> Engine:
    kind = BACKENDS[backend].load_engine
    assert kind is not None
    weights = dict(initial.weights(given.graph, 0))
    return kind()(given, weights, MIXED if mixed else "float32")


@pytest.mark.parametrize("backend", HAVE_IT)
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_difference_is_of_the_size_of_bfloat16(name: str, backend: str) -> None:
    given = PROGRAMS[name]
    examples = batch(given, 16)
    exact, mixed = made(given, backend, mixed=False), made(given, backend)
    losses = [engine.step([examples], 0, 1e-3) for engine in (exact, mixed)]
    assert 0 < abs(losses[1] - losses[0]) < 4 * EPSILON * abs(losses[0])
    results = [engine.outputs({"x": examples["x"]})["p"] for engine in (exact, mixed)]
    assert 0 < np.abs(results[1] - results[0]).max() < 8 * EPSILON * np.abs(results[0]).max()
    norms = mixed.gradient_norms()
    for weight, norm in exact.gradient_norms().items():
        if norm > 1e-3:
            assert norms[weight] == pytest.approx(norm, rel=16 * EPSILON)


@pytest.mark.parametrize("backend", HAVE_IT)
@pytest.mark.parametrize("name", PROGRAMS)
def test_weights_stay_in_float32_and_the_loss_goes_down(name: str, backend: str) -> None:
    given = PROGRAMS[name]
    examples, engine = batch(given, 16), made(given, backend)
    before = numbers(engine.evaluate([examples]))["loss"]
    for step in range(15):
        engine.step([examples], step, 0.01)
    assert numbers(engine.evaluate([examples]))["loss"] < 0.95 * before
    assert {array.dtype.name for array in engine.weights().values()} == {"float32"}
    assert {array.dtype.name for array in engine.state().values()} <= {"float32", "int64"}
    assert engine.outputs({"x": examples["x"]})["p"].dtype == np.float32
    # Steps are far finer than what bfloat16 can hold.
    weights = np.concatenate([array.ravel() for array in engine.weights().values()])
    assert (weights.view(np.uint32) & 0xFFFF).any()


@pytest.mark.parametrize("backend", HAVE_IT)
@pytest.mark.parametrize("layers", PRODUCTS.values(), ids=list(PRODUCTS))
def test_every_product_is_in_16_bits(layers: str, backend: str) -> None:
    text = SPEC.replace("f32[5, 4]", "f32[2, 5, 5]").replace(
        "output p", "output z = %s\n  output p"
    )
    given = of_text(text % (layers, "z -> flatten -> tanh -> Dense(2)"))
    engines = [made(given, backend, mixed=mixed) for mixed in (False, True)]
    x = np.random.default_rng(1).normal(size=(4, 2, 5, 5)).astype(np.float32)
    exact, found = [engine.outputs({"x": x})["z"] for engine in engines]
    assert found.dtype == np.float32
    assert 0 < np.abs(found - exact).max() < 4 * EPSILON * np.abs(exact).max()


def test_what_multiplies_no_matrices_is_in_float32() -> None:
    """In Keras, the layers without products are not touched: they give the same bits."""
    layers = "x -> LayerNorm -> tanh -> softmax -> BatchNorm -> mean(axes=0)"
    given = of_text(SPEC.replace("y: f32[2]", "y: f32[4]") % layers)
    examples = batch(given, 16)
    exact, mixed = made(given, "keras", mixed=False), made(given, "keras")
    assert exact.step([examples], 0, 0.1) == mixed.step([examples], 0, 0.1)


@pytest.mark.parametrize("backend", HAVE_IT)
def test_losses_are_reduced_in_float32(backend: str) -> None:
    """The mean over 999 examples, whose sum bfloat16 can't hold."""
    given = of_text(
        "model M {\n  input x: f32[1]\n  output p = x -> Dense(1, bias=false)\n}\n"
        "train {\n  target y: f32[1]\n  loss = mse(p, y)\n  optimizer = sgd(0.1)\n}\n"
    )
    (name,) = given.graph.weights
    weights = {name: np.ones((1, 1), np.float32)}
    x = np.ones((999, 1), np.float32)
    examples = {"x": x, "y": np.where(np.arange(999)[:, None] < 500, 0, 1.5).astype(np.float32)}
    kind = BACKENDS[backend].load_engine
    assert kind is not None
    engine = kind()(given, weights, MIXED)
    loss = numbers(engine.evaluate([examples]))["loss"]
    assert loss == pytest.approx((500 + 499 / 4) / 999, rel=1e-6)


@pytest.mark.parametrize("backend", HAVE_IT)
def test_a_run_goes_on_to_the_same_bits(tmp_path: Path, backend: str) -> None:
    points(tmp_path)
    runs = {}
    for name in ("whole", "run"):
        (tmp_path / name).mkdir()
        ready = start.prepare(program(), Setup(backend, MIXED), base=tmp_path)
        runs[name] = ready.into(Folder(tmp_path / name))
    trained(runs["whole"])
    for update in runs["run"].updates():
        if update.step == 17:
            runs["run"].interrupt()
    assert runs["run"].record.status == "interrupted"
    again = trained(start.resume(runs["run"].folder))
    assert content(again) == content(runs["whole"])
    assert json.loads(again.folder.record.read_bytes())["precision"] == MIXED


def test_float16_scales_the_loss_and_keeps_the_scale(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(engines, "_half", lambda kind: torch.float16)
    given = PROGRAMS["mlp"]
    examples, engine = batch(given, 16), made(given)
    before = numbers(engine.evaluate([examples]))["loss"]
    for step in range(12):
        weights = engine.weights()
        engine.step([examples], step, 0.01)
        norm = max(engine.gradient_norms().values())
        moved = any((weights[n] != array).any() for n, array in engine.weights().items())
        assert moved == np.isfinite(norm)
    assert numbers(engine.evaluate([examples]))["loss"] < before
    # In their own size, after clipping.
    assert np.linalg.norm(list(engine.gradient_norms().values())) <= 0.51
    state = engine.state()
    assert all(array.dtype.name in ("float32", "float64", "int64") for array in state.values())
    second = made(given)
    second.restore(state)
    for step in (12, 13):
        assert second.step([examples], step, 0.01) == engine.step([examples], step, 0.01)
    assert second.state()["scale/size"] == engine.state()["scale/size"]


def test_gradients_that_overflow_take_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(engines, "_half", lambda kind: torch.float16)
    engine = made(PROGRAMS["mlp"])
    examples = batch(PROGRAMS["mlp"], 16)
    engine.step([examples], 0, 0.01)
    state = engine.state()
    engine.restore({**state, "scale/size": np.array(2.0**60)})
    before = engine.weights()
    engine.step([examples], 1, 0.01)
    for name, array in engine.weights().items():
        np.testing.assert_array_equal(array, before[name])
    assert engine.state()["scale/size"] == 2.0**59
