"""Canonical weights in and out of emitted programs, bit for bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from nnc.backends.keras.run import KerasRunner
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary.base import words
from nnc.compiler.vocabulary.ops.base import Op, parse_type
from nnc.compiler.vocabulary.ops.recurrent import LSTM
from tests.backends.keras.programs import executed, of_text, source

LAYERS = [
    "Dense",
    "Conv2D",
    "ConvTranspose2D",
    "BatchNorm",
    "LayerNorm",
    "Embedding",
    "LSTM",
    "MultiHeadAttention",
]


def random_weights(program: Program) -> dict[str, Any]:
    rng = np.random.default_rng(3)
    return {
        name: np.zeros(weight.shape, np.float32)
        if weight.role == "fixed"
        else rng.standard_normal(weight.shape).astype(np.float32)
        for name, weight in program.graph.weights.items()
    }


def with_weights() -> list[tuple[str, Program]]:
    found = []
    for word in words("op"):
        assert issubclass(word, Op)
        for number, example in enumerate(word.examples()):
            if example.op.weights(example.inputs):
                program = Program(single(example.op, example.inputs))
                found.append((f"{word.word}-{number}", program))
    return found


def test_all_layers_with_weights_are_met() -> None:
    assert {name.rpartition("-")[0] for name, _ in with_weights()} >= set(LAYERS)


@pytest.mark.parametrize(("name", "program"), with_weights(), ids=lambda item: str(item)[:24])
def test_a_round_trip_through_a_file_loses_no_bit(
    name: str, program: Program, tmp_path: Path
) -> None:
    arrays = random_weights(program)
    names = executed(source(program))
    save_file(arrays, tmp_path / "in.safetensors")
    model = names["build_model"]()
    names["load_weights"](model, tmp_path / "in.safetensors")
    names["save_weights"](model, tmp_path / "out.safetensors")
    written = load_file(tmp_path / "out.safetensors")
    assert written.keys() == arrays.keys()
    for key, array in arrays.items():
        assert written[key].dtype == np.float32
        assert written[key].shape == array.shape
        assert written[key].tobytes() == array.tobytes(), key


def test_a_second_bias_of_an_lstm_must_be_zero() -> None:
    program = Program(single(LSTM(units=2), (parse_type("f32[3, 4]"),)))
    arrays = random_weights(program)
    arrays["lstm.bias_hh_l0"][1] = 1
    with pytest.raises(ValueError, match=r"lstm\.bias_hh_l0 must be"):
        KerasRunner(program, arrays)


@pytest.mark.parametrize("change", ["missing", "unknown", "shape", "truncated", "text", "short"])
def test_files_that_do_not_fit_are_refused(change: str, tmp_path: Path) -> None:
    program = of_text("model M { input x: f32[4] output y = x -> Dense(3) as fc }")
    names = executed(source(program))
    arrays, path = random_weights(program), tmp_path / "w.safetensors"
    if change == "missing":
        del arrays["fc.bias"]
    if change == "unknown":
        arrays["fc2.bias"] = arrays["fc.bias"]
    if change == "shape":
        arrays["fc.weight"] = np.ascontiguousarray(arrays["fc.weight"].T)
    save_file(arrays, path)
    content = path.read_bytes()
    if change == "truncated":
        path.write_bytes(content[:-4])
    if change == "text":
        path.write_bytes(b"these are no weights")
    if change == "short":
        path.write_bytes(b"abc")
    with pytest.raises(ValueError, match=r"w\.safetensors"):
        names["load_weights"](names["build_model"](), path)


def test_weights_on_which_no_output_depends_are_kept() -> None:
    program = of_text(
        "model M { input x: f32[4] unused = x -> Dense(3) as spare -> relu -> Dense(2) as more"
        " output y = x -> Dense(5) as used }"
    )
    arrays = random_weights(program)
    found = KerasRunner(program, arrays).weights()
    assert (
        found.keys()
        == arrays.keys()
        == {f"{n}.{w}" for n in ("spare", "more", "used") for w in ("weight", "bias")}
    )
    assert all(found[name].tobytes() == array.tobytes() for name, array in arrays.items())


def test_what_is_not_trainable_has_no_gradient() -> None:
    program = of_text(
        "model M { input x: f32[4, 4]"
        " output y = x -> LSTM(3, bidirectional=true, trainable=false) as a"
        " -> MultiHeadAttention(2, trainable=false) as b -> Dense(2, trainable=false) as c"
        " -> Dense(2) as d }"
    )
    runner = KerasRunner(program, random_weights(program))
    x = {"x": np.ones((2, 4, 4), np.float32)}
    _, gradients = runner.pullback(x, {"y": np.ones((2, 4, 2), np.float32)})
    assert sorted(gradients) == ["d.bias", "d.weight"]
    model = executed(source(program))["build_model"]()
    assert len(model.trainable_variables) == 2


def test_without_a_file_weights_begin_as_the_spec_says() -> None:
    program = of_text(
        "model M { input x: f32[400] output y = x -> Dense(300, weight_init=he_normal,"
        " bias_init=constant(0.5)) as a -> Dense(200) as b"
        " -> Dense(100, weight_init=uniform(1.0, 2.0)) as c }"
    )
    names = executed(source(program))
    import keras

    keras.utils.set_random_seed(0)
    arrays = names["get_weights"](names["build_model"]())
    assert arrays["a.weight"].std() == pytest.approx((2 / 400) ** 0.5, rel=0.02)
    assert np.abs(arrays["a.weight"]).max() > 3 * (2 / 400) ** 0.5  # Keras' own is truncated
    assert (arrays["a.bias"] == 0.5).all()
    assert np.abs(arrays["b.weight"]).max() == pytest.approx((6 / 500) ** 0.5, rel=0.01)
    assert arrays["c.weight"].min() >= 1
    assert arrays["c.weight"].mean() == pytest.approx(1.5, rel=0.02)
