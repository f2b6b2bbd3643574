"""Dropout of attention's probabilities: what is dropped, where, and that PyTorch's own layers mean
the same when they are given the same masks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nnc.backends.base import Arrays
from nnc.backends.draws import kept, key_at, key_of, places
from nnc.backends.keras.emit import emit as keras_program
from nnc.backends.onnx.emit import emit as onnx_model
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.registry import BACKENDS
from nnc.backends.torch.emit import emit as torch_program
from nnc.compiler.ir import Program
from tests.backends.keras.programs import of_text
from tests.backends.torch.feeding import assert_clean
from tests.matrix.backends import Pair
from tests.matrix.examples import random_weights, single_precision
from tests.training.engines import ENGINES, engine

SEED, STEP = 12, 3
RNG = np.random.default_rng(6)
X = single_precision(RNG.normal(size=(3, 5, 6)))
MEMORY = single_precision(RNG.normal(size=(3, 4, 6)))
SEEN = RNG.random((3, 5)) < 0.7
SEEN[:, 0] = True  # PyTorch gives NaN where everything is masked


def program_of(output: str, *inputs: str, layer: str = "") -> Program:
    declared = "\n".join(f"input {text}" for text in inputs)
    return replace(of_text(f"model M {{\n{declared}\n{layer}\noutput y = {output}\n}}"), seed=SEED)


def mask_of(name: str, rate: float, shape: tuple[int, ...], step: int = STEP) -> np.ndarray:
    """What a node of this name multiplies by at the step."""
    return kept(rate, key_at(key_of(SEED, name), step), places(shape)) / (1 - rate)


def probabilities(rate: float, shape: tuple[int, ...], step: int) -> Any:
    """Attention that looks at all keys alike, with the unit matrix as value: its probabilities."""
    *batch, t, s = shape
    heads = "".join(f"{size}, " for size in batch[1:])
    program = program_of(
        f"(q, k, v) -> ScaledDotProductAttention(dropout_p={rate}) as attention",
        *(f"q: f32[{heads}{t}, 2]", f"k: f32[{heads}{s}, 2]", f"v: f32[{heads}{s}, {s}]"),
    )
    unit = np.broadcast_to(np.eye(s), (*batch, s, s))
    given = {"q": np.zeros((*batch, t, 2)), "k": np.ones((*batch, s, 2)), "v": unit}
    return ReferenceRunner(program, {}).outputs(given, training=True, step=step)["y"]


@pytest.mark.parametrize("shape", [(500, 6, 8), (200, 3, 5, 8)])
def test_the_share_that_is_dropped_is_the_rate(shape: tuple[int, ...]) -> None:
    rate, size = 0.3, int(np.prod(shape))
    first, second = (probabilities(rate, shape, step) for step in (0, 1))
    np.testing.assert_allclose(first[first != 0], 1 / 8 / 0.7, rtol=1e-14)
    for found, share in ((first != 0, 0.7), ((first != 0) & (second != 0), 0.49)):
        assert abs(found.mean() - share) < 5 * (share * (1 - share) / size) ** 0.5
    np.testing.assert_array_equal(
        first != 0, kept(rate, key_at(key_of(SEED, "attention"), 0), places(shape))
    )


NETWORKS = {
    "one head": program_of(
        "(x, m, m, seen) -> ScaledDotProductAttention(dropout=0.3, causal=true)",
        *("x: f32[5, 6]", "m: f32[T, 6]", "seen: bool[5, T]"),
    ),
    "heads": program_of(
        "(x, m) -> MultiHeadAttention(2, dropout=0.4)", "x: f32[5, 6]", "m: f32[T, 6]"
    ),
    "a layer used twice": program_of(
        "(x -> a, m -> a) -> concat(axis=0)",
        *("x: f32[5, 6]", "m: f32[T, 6]"),
        layer="layer a = MultiHeadAttention(3, causal=true, dropout=0.2)",
    ),
    "a list of layers": program_of(
        "x -> for i in 0..2 { MultiHeadAttention(2, dropout=0.1) } as stack", "x: f32[5, 6]"
    ),
    "a layer that is called as a dropout would be": program_of(
        "x -> MultiHeadAttention(2, dropout=0.1) as a -> Dense(6) as a_dropout"
        " -> MultiHeadAttention(3) as b -> Dropout(0.2) as a_dropout2",
        "x: f32[5, 6]",
    ),
    "encoder and decoder": program_of(
        "(x -> TransformerEncoder(2, 7, dropout=0.2), m) -> TransformerDecoder(3, 5, dropout=0.3)",
        *("x: f32[5, 6]", "m: f32[T, 6]"),
    ),
}


def given_to(program: Program) -> Arrays:
    """Inputs, with one query that may attend to nothing."""
    arrays: Arrays = {"x": X, "m": MEMORY, "seen": np.arange(60).reshape(3, 5, 4) % 7 > 2}
    arrays["seen"][0, 1] = False
    return {value.name: arrays[value.name] for value in program.graph.inputs}


@pytest.mark.parametrize("backend", ["torch", "keras"])
@pytest.mark.parametrize("name", NETWORKS)
def test_training_drops_the_same_and_evaluation_nothing(name: str, backend: str) -> None:
    program = NETWORKS[name]
    pair = Pair(backend, "float64", program, random_weights(program.graph, RNG))
    inputs = given_to(program)
    still = pair.check_outputs(inputs)["y"]
    first = pair.check_outputs(inputs, training=True)["y"]
    second = pair.check_outputs(inputs, training=True, step=1)["y"]
    assert len({array.tobytes() for array in (still, first, second)}) == 3
    pair.check_pullback(inputs, np.random.default_rng(2), training=True, step=STEP)


def without_dropout(program: Program) -> Program:
    nodes = tuple(
        replace(node, op=node.op.replace(dropout=0.0))
        if "dropout" in type(node.op).model_fields
        else node
        for node in program.graph.nodes
    )
    return replace(program, graph=replace(program.graph, nodes=nodes))


@pytest.mark.parametrize("name", ["one head", "heads", "a layer used twice"])
def test_in_evaluation_there_is_no_dropout(name: str) -> None:
    program = NETWORKS[name]
    plain = without_dropout(program)
    assert plain != program
    weights = {n: a.astype(np.float32) for n, a in random_weights(program.graph, RNG).items()}
    assert onnx_model(program, weights).chunks == onnx_model(plain, weights).chunks
    for backend in ("torch", "keras"):
        runner = BACKENDS[backend].load_runner()
        found, expected = (
            runner(made, weights, "float64").outputs(given_to(program)) for made in (program, plain)
        )
        np.testing.assert_array_equal(found["y"], expected["y"])


def test_each_use_of_a_layer_draws_numbers_of_its_own() -> None:
    program = program_of(
        "(x -> a) - (x -> a)",
        "x: f32[5, 6]",
        layer="layer a = MultiHeadAttention(2, dropout=0.2)",
    )
    runner = ReferenceRunner(program, random_weights(program.graph, RNG))
    assert (runner.outputs({"x": X})["y"] == 0).all()
    assert (runner.outputs({"x": X}, training=True)["y"] != 0).any()


def weights_of(module: nn.Module, layer: str) -> Arrays:
    """A module's weights away from their beginning, by the names of a layer of the spec."""
    for number, weight in enumerate(module.parameters()):
        noise = torch.randn(weight.shape, generator=torch.manual_seed(number))
        weight.data += 0.3 * noise.to(weight.dtype)
    return {f"{layer}.{n}": w.detach().numpy() for n, w in module.state_dict().items()}


class Masks:
    """Takes the place of the dropouts of PyTorch's layers: each multiplies by the next mask."""

    def __init__(self, *masks: tuple[float, np.ndarray]) -> None:
        self._masks: Iterator[tuple[float, np.ndarray]] = iter(masks)

    def dropout(self, x: torch.Tensor, p: float, *_: Any, **__: Any) -> torch.Tensor:
        rate, mask = next(self._masks)
        assert p == rate
        return x * torch.tensor(mask).reshape(x.shape)

    def attention(
        self,
        query: torch.Tensor,
        key: torch.Tensor,
        value: torch.Tensor,
        attn_mask: torch.Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
    ) -> torch.Tensor:
        """The formula in the documentation of F.scaled_dot_product_attention."""
        scores = query @ key.mT / query.shape[-1] ** 0.5
        if is_causal:
            later = scores.new_ones(scores.shape[-2:], dtype=torch.bool).triu(1)
            scores = scores.masked_fill(later, -torch.inf)
        scores = scores if attn_mask is None else scores + attn_mask
        return self.dropout(scores.softmax(-1), dropout_p) @ value

    def put(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(F, "dropout", self.dropout)
        patch.setattr(F, "scaled_dot_product_attention", self.attention)

    @property
    def is_used_up(self) -> bool:
        return next(self._masks, None) is None


@pytest.mark.parametrize("need_weights", [False, True])
def test_it_is_the_dropout_of_pytorchs_attention(
    need_weights: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `need_weights` PyTorch computes the formula itself, else in one function."""
    module = nn.MultiheadAttention(6, 2, dropout=0.3, batch_first=True).double()
    program = program_of(
        "(x, x, x, seen) -> MultiHeadAttention(2, dropout=0.3) as a",
        "x: f32[5, 6]",
        "seen: bool[5]",
    )
    runner = ReferenceRunner(program, weights_of(module, "a"))
    y = runner.outputs({"x": X, "seen": SEEN}, training=True, step=STEP)["y"]
    masks = Masks((0.3, mask_of("a", 0.3, (3, 2, 5, 5))))
    masks.put(monkeypatch)
    x = torch.tensor(X)
    expected, _ = module(x, x, x, key_padding_mask=torch.tensor(~SEEN), need_weights=need_weights)
    assert masks.is_used_up
    np.testing.assert_allclose(y, expected.detach(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("norm_first", [False, True])
def test_the_encoder_drops_where_pytorchs_does(
    norm_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = nn.TransformerEncoderLayer(6, 2, 7, 0.2, batch_first=True, norm_first=norm_first)
    options = f"2, 7, dropout=0.2, norm_first={str(norm_first).lower()}"
    program = program_of(f"x -> TransformerEncoder({options}) as layer", "x: f32[5, 6]")
    runner = ReferenceRunner(program, weights_of(module.double(), "layer"))
    y = runner.outputs({"x": X}, training=True, step=STEP)["y"]
    shapes = {
        "self_attn": (3, 2, 5, 5), "dropout1": (3, 5, 6),
        "dropout": (3, 5, 7), "dropout2": (3, 5, 6),
    }  # fmt: skip
    masks = Masks(*((0.2, mask_of(f"layer.{n}", 0.2, shape)) for n, shape in shapes.items()))
    masks.put(monkeypatch)
    expected = module(torch.tensor(X))
    assert masks.is_used_up
    np.testing.assert_allclose(y, expected.detach(), rtol=1e-11, atol=1e-12)


def test_the_decoder_drops_where_pytorchs_does(monkeypatch: pytest.MonkeyPatch) -> None:
    module = nn.TransformerDecoderLayer(6, 3, 5, 0.1, batch_first=True).double()
    program = program_of(
        "(x, m) -> TransformerDecoder(3, 5, dropout=0.1, causal=false) as layer",
        *("x: f32[5, 6]", "m: f32[4, 6]"),
    )
    runner = ReferenceRunner(program, weights_of(module, "layer"))
    y = runner.outputs({"x": X, "m": MEMORY}, training=True, step=STEP)["y"]
    shapes = {
        "self_attn": (3, 3, 5, 5), "dropout1": (3, 5, 6),
        "multihead_attn": (3, 3, 5, 4), "dropout2": (3, 5, 6),
        "dropout": (3, 5, 5), "dropout3": (3, 5, 6),
    }  # fmt: skip
    masks = Masks(*((0.1, mask_of(f"layer.{n}", 0.1, shape)) for n, shape in shapes.items()))
    masks.put(monkeypatch)
    expected = module(torch.tensor(X), torch.tensor(MEMORY))
    assert masks.is_used_up
    np.testing.assert_allclose(y, expected.detach(), rtol=1e-11, atol=1e-12)


TRAINED = """
model M {
  input x: f32[5, 6]
  layer a = MultiHeadAttention(2, bias=false, dropout=0.2)
  h = x + (x -> a)
  i = h + ((h, x) -> a)
  output y = (i, h) -> ScaledDotProductAttention(dropout=0.1) -> mean(axes=0) -> Dense(3)
}
train { target t: i64  loss = cross_entropy(y, t)  optimizer = sgd(0.1, momentum=0.9)  seed = 4 }
"""


@pytest.mark.parametrize("name", ENGINES)
def test_a_training_is_the_same_in_parts_of_the_batch(name: str) -> None:
    program = of_text(TRAINED)
    rng = np.random.default_rng(9)
    batches = [
        {"x": single_precision(rng.normal(size=(7, 5, 6))), "t": rng.integers(0, 3, 7)}
        for _ in range(3)
    ]
    expected, found = engine("reference", program), engine(name, program)
    for step, whole in enumerate(batches):
        parts = [{n: a[rows] for n, a in whole.items()} for rows in (slice(0, 3), slice(3, 7))]
        loss = expected.step([whole], step, 0.1)
        np.testing.assert_allclose(found.step(parts, step, 0.1), loss, rtol=1e-12)
    for weight, array in expected.weights().items():
        np.testing.assert_allclose(found.weights()[weight], array, rtol=0, atol=1e-10)


def test_programs_that_drop_are_clean(tmp_path: Path) -> None:
    files = []
    for number, program in enumerate(NETWORKS.values()):
        for emit in (torch_program, keras_program):
            file = tmp_path / f"{emit.__module__.split('.')[2]}{number}.py"
            file.write_text(emit(program).text, encoding="utf-8")
            files.append(file)
    assert_clean(*files)
