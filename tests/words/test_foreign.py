"""Names of Keras and PyTorch that are none here: the message says what to write instead."""

from __future__ import annotations

import re

import pytest

import nnc
from nnc.compiler.diagnostics import Diagnostic
from nnc.compiler.vocabulary import foreign
from nnc.compiler.vocabulary.base import Kind, find, words

WORDS = [(kind, name) for kind, names in foreign._WORDS.items() for name in names]
IMAGE = "f32[3, 8, 8]"
CALLS = [
    ("f32[4]", "Linear(4, 3)", "E205", "in_features"),
    (IMAGE, "Conv2d(3, 16, 3, 1, 1)", "E205", "in_channels"),
    (IMAGE, "BatchNorm2d(3)", "E205", "num_features"),
    ("f32[5, 4]", "LSTM(4, 8)", "E205", "input_size"),
    ("f32[5, 4]", "MultiheadAttention(4, 2)", "E205", "embed_dim"),
    (IMAGE, "PReLU(3)", "E205", "num_parameters"),
    ("f32[4]", "Linear(in_features=4, out_features=3)", "E201", "is known"),
    ("f32[5, 4]", "LSTM(8, batch_first=true)", "E201", "the batch is never written"),
    (IMAGE, "Conv2D(4, 3, data_format=channels_last)", "E201", "`layout channels_last`"),
    (IMAGE, "Conv2d(4, 3, padding_mode=reflect)", "E201", "`ReflectPad`"),
    (IMAGE, "UpSampling2D(size=2)", "E201", "`factor=2`"),
    ("f32[4]", "Dropout(0.5, seed=1)", "E201", "train block"),
    ("f32[4]", 'GELU(approximate="tanh")', "E203", "`approximate=true`"),
    ("f32[4]", "ReLU(max_value=6)", "E201", "`clip(0, 6)`"),
    ("f32[4]", 'Activation("relu")', "E101", "`-> relu`"),
    ("f32[5, 4]", "Bidirectional(LSTM(3))", "E101", "`LSTM(64, bidirectional=true)`"),
]
SETTINGS = [
    ('loss = mse(p, y, reduction="sum_over_batch_size") optimizer = sgd(1)', "`reduction=mean`"),
    ("loss = mse(p, y) optimizer = Adam(betas=[0.9, 0.99])", "`beta1=0.9, beta2=0.999`"),
    ("loss = mse(p, y) optimizer = Adam(clipnorm=1)", "`clip = global_norm(1.0)`"),
    ("loss = mse(p, y) optimizer = AMSGrad(0.1)", "`adam(amsgrad=true)`"),
    ("loss = mse(p, y) optimizer = sgd(1) schedule = warmup(5)", "`constant(warmup_steps=100)`"),
    ("loss = mse(p, y) optimizer = sgd(1) metrics = [CategoricalAccuracy(p, y)]", "`accuracy`"),
    ("loss = CategoricalHinge(p, y) optimizer = sgd(1)", "`multiclass_hinge`"),
]


def errors(text: str) -> list[Diagnostic]:
    """What is wrong with a spec."""
    return [d for d in nnc.compile_text(text)[1] if d.severity == "error"]


@pytest.mark.parametrize(("type_", "call", "code", "cure"), CALLS)
def test_a_call_of_another_framework_is_told_once_with_its_cure(
    type_: str, call: str, code: str, cure: str
) -> None:
    (found,) = errors(f"model M {{ input x: {type_} output y = x -> {call} }}")
    assert found.code == code
    assert found.help is not None
    assert cure in found.help


@pytest.mark.parametrize(("settings", "cure"), SETTINGS)
def test_a_setting_of_another_framework_is_told_once(settings: str, cure: str) -> None:
    model = "model M { input x: f32[4] output p = x -> Dense(3) }"
    (found,) = errors(f"{model} train {{ target y: f32[3] {settings} }}")
    assert found.help is not None
    assert cure in found.help


@pytest.mark.parametrize(("kind", "name"), WORDS)
def test_what_is_foreign_is_no_word_here(kind: Kind, name: str) -> None:
    assert find(kind, name) is None


def test_foreign_arguments_belong_to_no_word_that_has_them_as_its_own() -> None:
    own = {
        (cls.word, name) for cls in words() for name in (*cls.model_fields, *cls.argument_aliases)
    }
    assert not own & foreign._OWN_ARGUMENTS.keys()
    assert {word for word, _ in foreign._OWN_ARGUMENTS} <= {cls.word for cls in words()}


TYPES = ("f32[6]", "f32[4, 6]", "f32[4, 8, 8]")
"""Every value of a formula has one of these types."""
SHOWN = {name: re.findall(r"`([^`]+)`", cure)[:1] for name, cure in foreign._LAYERS.items()}
NO_STAGES = ("block", "input", "augment", "x = columns", "Slice(axis")
STAGES = [
    (name, code)
    for name, shown in SHOWN.items()
    for code in shown
    if not code.startswith(NO_STAGES)
]


@pytest.mark.parametrize(("name", "code"), STAGES)
def test_what_is_to_be_written_compiles(name: str, code: str) -> None:
    formula = code.removeprefix("y = ")
    chains = (formula, f"x {formula}", f"x -> {formula}")
    specs = [model(chain, type_) for chain in chains for type_ in TYPES]
    assert any(nnc.compile_text(text)[0] for text in specs), name


def model(chain: str, type_: str) -> str:
    """A spec in which a chain may use some values of a type, and a number."""
    names = ("x", "a", "b", "query", "key", "value")
    inputs = "".join(f"input {name}: {type_} " for name in names)
    return f"model M {{ {inputs} input n: i64 output y = {chain} }}"
