"""The layers of Transformers against PyTorch's, whose state dicts fit as they are; and how a word
that is made of other words behaves in a spec."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

import nnc
from nnc.backends.base import Arrays, Table
from nnc.backends.reference.run import ReferenceRunner
from nnc.backends.registry import BACKENDS
from nnc.compiler.document.write import to_json
from nnc.compiler.ir import Program
from nnc.compiler.vocabulary.ops.transformer import TransformerEncoder
from tests.document.specs import program as read

RNG = np.random.default_rng(8)
X, MEMORY = RNG.normal(size=(3, 5, 6)), RNG.normal(size=(3, 4, 6))
SEEN, MEMORY_SEEN = RNG.random((3, 5)) < 0.7, RNG.random((3, 4)) < 0.7
SEEN[:, 0] = MEMORY_SEEN[:, 0] = True  # PyTorch gives NaN where everything is masked


def program_of(chain: str, *inputs: str) -> Program:
    declared = "\n".join(f"input {text}" for text in inputs)
    return read(f"model M {{\n{declared}\noutput y = {chain}\n}}")


def run(program: Program, module: nn.Module, backend: str | None, **inputs: np.ndarray) -> Arrays:
    """The program with the weights of a module, in the reference or in a backend."""
    state = {f"layer.{name}": w.detach().numpy() for name, w in module.state_dict().items()}
    if backend is None:
        return ReferenceRunner(program, state).outputs(inputs)
    runner = BACKENDS[backend].load_runner()(program, state, "float64")
    return runner.outputs(inputs)


def scrambled(module: nn.Module) -> nn.Module:
    """In float64, in evaluation, with every weight away from its beginning."""
    module = module.double().eval()
    with torch.no_grad():
        for weight in module.parameters():
            weight += 0.3 * torch.randn(weight.shape, generator=torch.manual_seed(2)).double()
    return module


@pytest.mark.parametrize("backend", [None, "torch", "keras"])
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_the_encoder_is_that_of_pytorch(
    backend: str | None, norm_first: bool, activation: str
) -> None:
    module = scrambled(
        nn.TransformerEncoderLayer(
            *(6, 2, 7, 0.1, activation), batch_first=True, norm_first=norm_first
        )
    )
    options = f"2, 7, norm_first={str(norm_first).lower()}, activation={activation}"
    program = program_of(
        f"(x, seen) -> TransformerEncoder({options}) as layer", "x: f32[T, 6]", "seen: bool[T]"
    )
    y = run(program, module, backend, x=X, seen=SEEN)["y"]
    # PyTorch's mask says what must not be seen.
    expected = module(torch.tensor(X), src_key_padding_mask=torch.tensor(~SEEN))
    np.testing.assert_allclose(y, expected.detach(), rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("backend", [None, "torch", "keras"])
@pytest.mark.parametrize("norm_first", [False, True])
def test_the_decoder_is_that_of_pytorch(backend: str | None, norm_first: bool) -> None:
    module = scrambled(
        nn.TransformerDecoderLayer(
            *(6, 3, 5, 0.2, "gelu", 1e-3), batch_first=True, norm_first=norm_first
        )
    )
    options = f"3, 5, norm_first={str(norm_first).lower()}, activation=gelu, epsilon=1e-3"
    program = program_of(
        f"(x, m, seen, m_seen) -> TransformerDecoder({options}) as layer",
        *("x: f32[T, 6]", "m: f32[S, 6]", "seen: bool[T]", "m_seen: bool[S]"),
    )
    given = {"x": X, "m": MEMORY, "seen": SEEN, "m_seen": MEMORY_SEEN}
    y = run(program, module, backend, **given)["y"]
    expected = module(
        *(torch.tensor(X), torch.tensor(MEMORY)),
        tgt_mask=torch.ones(5, 5).triu(1).bool(),
        tgt_key_padding_mask=torch.tensor(~SEEN),
        memory_key_padding_mask=torch.tensor(~MEMORY_SEEN),
    )
    np.testing.assert_allclose(y, expected.detach(), rtol=1e-9, atol=1e-10)


def test_the_names_of_the_weights_are_those_of_pytorch() -> None:
    encoder = program_of("x -> TransformerEncoder(2, 7) as layer", "x: f32[T, 6]")
    decoder = program_of(
        "(x, m) -> TransformerDecoder(2, 7) as layer", "x: f32[T, 6]", "m: f32[S, 6]"
    )
    for program, module in (
        (encoder, nn.TransformerEncoderLayer(6, 2, 7)),
        (decoder, nn.TransformerDecoderLayer(6, 2, 7)),
    ):
        found = {name: weight.shape for name, weight in program.graph.weights.items()}
        expected = {f"layer.{n}": tuple(w.shape) for n, w in module.state_dict().items()}
        assert found == expected


def test_a_causal_encoder_sees_nothing_of_what_comes() -> None:
    program = program_of("x -> TransformerEncoder(2, 7, causal=true)", "x: f32[T, 6]")
    shapes = program.graph.weights.items()
    weights = {name: RNG.normal(size=weight.shape) for name, weight in shapes}
    runner = ReferenceRunner(program, weights)
    changed = np.concatenate([X[:, :3], RNG.normal(size=(3, 2, 6))], axis=1)
    before, after = (runner.outputs({"x": x})["y"] for x in (X, changed))
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert (before[:, 3:] != after[:, 3:]).any()


def test_a_shared_layer_has_one_set_of_weights() -> None:
    program = read(
        "model M {\ninput a: f32[T, 4]\ninput b: f32[T, 4]\n"
        "layer tower = TransformerEncoder(2, 7)\n"
        "left = a -> tower\nright = b -> tower\noutput y = left + right\n}"
    )
    assert len(program.graph.weights) == 12
    assert all(name.startswith("tower.") for name in program.graph.weights)


def test_json_shows_the_words_that_it_is_made_of() -> None:
    program = program_of("x -> TransformerEncoder(2, 7, dropout=0) as layer", "x: f32[5, 4]")
    nodes = json.loads(to_json(program))["nodes"]
    assert [node["op"] for node in nodes] == [
        *("MultiHeadAttention", "add", "LayerNorm"),
        *("Dense", "relu", "Dense", "add", "LayerNorm"),
    ]
    assert [node["name"] for node in nodes][:3] == ["layer.self_attn", "layer.add", "layer.norm1"]
    assert to_json(read(to_json(program), "spec.json")) == to_json(program)


def test_json_may_name_the_whole() -> None:
    program = program_of("x -> TransformerEncoder(2, 7) as layer", "x: f32[5, 4]")
    spec = json.loads(to_json(program))
    whole = {
        "name": "layer",
        "op": "TransformerEncoder",
        "inputs": ["x"],
        "attributes": {"heads": 2, "hidden": 7},
    }
    spec |= {"nodes": [whole], "outputs": [{"name": "y", "value": "layer"}]}
    again = read(json.dumps(spec), "spec.json")
    assert again.graph.weights.keys() == program.graph.weights.keys()


def test_a_mistake_is_shown_where_it_was_made() -> None:
    text = "model M {\ninput x: f32[5, 6]\noutput y = x -> TransformerEncoder(heads=4, hidden=8)\n}"
    program, (diagnostic,) = nnc.compile_text(text)
    assert program is None
    assert diagnostic.code == "E305"
    assert diagnostic.span is not None
    assert diagnostic.span.text == "4"


def test_no_backend_may_lower_what_is_made_of_other_words() -> None:
    table: Table[Callable[[], None]] = Table("paper", "op")
    with pytest.raises(TypeError, match="made of other words"):
        table.lowers(TransformerEncoder)(lambda: None)
