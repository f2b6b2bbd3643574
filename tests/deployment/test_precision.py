"""Less than float32: what stays exact, what is measured, what is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest

import nnc
from nnc.backends.base import Arrays
from nnc.backends.onnx.emit import drawn
from nnc.backends.onnx.graph import written
from nnc.backends.onnx.half import halve
from nnc.compiler.diagnostics import Diagnostic, Failed
from nnc.compiler.explain import explanation
from nnc.compiler.ir import Program
from nnc.deployment.export import Exported, Options
from nnc.deployment.gate import Judged, Score, examples
from nnc.deployment.precision import Measured, reduced, table
from nnc.training.data import Dataset
from nnc.training.data.dataset import Kept
from nnc.verify import sample
from tests.matrix.examples import cases, random_weights

PLAIN = """\
model Plain {
  input  x: f32[2, 9, 9]
  output y = x
    -> Conv2D(4, 3) as conv -> BatchNorm as norm -> relu -> Flatten
    -> Dense(6) as hidden -> LayerNorm -> Dense(3) as last -> softmax
}
"""
TRAINED = (
    PLAIN
    + """
train {
  target label: i64
  loss = cross_entropy(y, label)
  optimizer = sgd(lr=0.1)
  metrics = [confusion_matrix(y, label), accuracy(y, label)]
}
"""
)


def compiled(text: str) -> Program:
    program, found = nnc.compile_text(text)
    assert program is not None, found
    return program


def data_of(program: Program, weights: Arrays, count: int = 96) -> Dataset:
    """Random examples with the labels that the network itself gives."""
    rng = np.random.default_rng(5)
    arrays = sample.inputs(program.graph, count, rng)
    if program.training:
        plain = written(drawn(program, weights, opset=20), "0").whole
        arrays["label"] = Judged(plain).outputs(arrays)["y"].argmax(axis=1)
    rows = np.arange(count)
    return Dataset({"train": rows[::2], "test": rows[1::2]}, Kept(arrays), {}, "")


def made(text: str, allowed: float = 1.0, **options: Any) -> tuple[Exported, list[Measured]]:
    program = compiled(text)
    weights = sample.weights(program.graph, 3)
    data = data_of(program, weights)
    return reduced(program, weights, "net.onnx", Options(**options), data, allowed)


def model_of(exported: Exported) -> onnx.ModelProto:
    model = onnx.load_model_from_string(b"".join(exported.files["net.onnx"]))
    onnx.checker.check_model(model, full_check=True)
    return model


def refusal(text: str, allowed: float, **options: Any) -> Diagnostic:
    with pytest.raises(Failed) as failed:
        made(text, allowed, **options)
    (diagnostic,) = failed.value.diagnostics
    assert explanation(diagnostic.code)
    return diagnostic


def test_norms_and_softmax_compute_in_float32_and_the_rest_in_float16() -> None:
    exported, (full, half) = made(PLAIN, precision="fp16")
    model = model_of(exported)
    halves = {t.name for t in model.graph.initializer if t.data_type == 10}
    assert halves == {
        *("conv.weight", "conv.bias", "hidden.weight", "hidden.bias", "last.weight", "last.bias")
    }
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    types = {v.name: v.type.tensor_type.elem_type for v in inferred.graph.value_info}
    types |= {t.name: t.data_type for t in model.graph.initializer}
    for node in model.graph.node:
        wanted = (
            {1} if node.op_type in ("BatchNormalization", "LayerNormalization", "Softmax") else {10}
        )
        if node.op_type != "Cast":
            assert {types[name] for name in node.input if types.get(name) in (1, 10)} == wanted
    assert {e.type.tensor_type.elem_type for e in (*model.graph.input, *model.graph.output)} == {1}
    assert half.size < 0.7 * full.size
    assert half.score.value > 0.995


def test_every_word_computes_in_float16_as_well() -> None:
    for case in {type(case.op): case for case in cases()}.values():
        rng = np.random.default_rng(2)
        taken = {
            name: array.astype(np.float32) if array.dtype == float else array
            for name, array in case.inputs(case.sizes()[-1], rng).items()
        }
        weights = random_weights(case.graph, rng)
        plain, half = (drawn(case.program, weights, opset=20) for _ in range(2))
        halve(half)
        expected = Judged(written(plain, "0").whole).run(taken)
        found = Judged(written(half, "0").whole).run(taken)
        for name, exact in expected.items():
            assert found[name].dtype == exact.dtype, case.name
            if exact.dtype == np.float32:
                size = max(1.0, float(np.abs(exact[np.isfinite(exact)]).max(initial=1.0)))
                np.testing.assert_allclose(found[name], exact, atol=0.02 * size, err_msg=case.name)


def test_int8_holds_weights_in_a_byte_and_says_what_it_costs() -> None:
    exported, rows = made(TRAINED, 0.2, precision="int8")
    model = model_of(exported)
    stored = {t.name: t.data_type for t in model.graph.initializer if t.name.endswith("quantized")}
    assert {name for name, kind in stored.items() if kind == 3} >= {
        "conv.weight_quantized",
        "hidden.weight_quantized",
    }
    assert "BatchNormalization" not in {node.op_type for node in model.graph.node}
    properties = {entry.key: entry.value for entry in model.metadata_props}
    assert properties["nnc.precision"] == "int8"
    assert rows[0].score == Score("accuracy", 1.0)
    assert "accuracy on 48 test examples: 1.0000 in float32" in exported.judged
    assert table(rows).count("\n") == 2


def test_the_same_gives_the_same_bytes() -> None:
    for precision in ("fp16", "int8"):
        first, second = (made(PLAIN, precision=precision)[0] for _ in range(2))
        assert first.sha256 == second.sha256


def test_what_loses_too_much_is_refused_with_the_layers_that_lose_it() -> None:
    diagnostic = refusal(PLAIN, 0.0, precision="int8")
    assert diagnostic.code == "E707"
    assert "agreement with float32 goes from 1.0000" in diagnostic.message
    assert diagnostic.labels
    assert "adds an error of" in diagnostic.labels[0].text
    assert "--keep" in (diagnostic.help or "")


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_layers_that_are_kept_lose_nothing(precision: Any) -> None:
    keep = frozenset({"conv", "hidden", "last", "norm"})
    _, rows = made(PLAIN, precision=precision, keep=keep)
    _, all_of_it = made(PLAIN, precision=precision)
    assert rows[1].score.value > all_of_it[1].score.value


def test_a_layer_to_keep_must_be_there() -> None:
    diagnostic = refusal(PLAIN, 1.0, precision="fp16", keep=frozenset({"hiden"}))
    assert (diagnostic.code, diagnostic.help) == ("E709", "did you mean `hidden`?")


def test_a_weight_beyond_float16_is_refused() -> None:
    program = compiled(PLAIN)
    weights = sample.weights(program.graph, 3)
    weights["last.bias"][0] = 1e6
    data = data_of(program, weights)
    with pytest.raises(Failed) as failed:
        reduced(program, weights, "net.onnx", Options(precision="fp16"), data, 1.0)
    (diagnostic,) = failed.value.diagnostics
    assert diagnostic.code == "E717"
    assert "`last.bias` holds 1e+06" in diagnostic.message


def test_who_calibrates_does_not_judge() -> None:
    program = compiled(TRAINED)
    data = data_of(program, sample.weights(program.graph, 3))
    for splits in (
        data.splits,
        {"train": np.arange(96)},
        {**data.splits, "validation": data.splits["test"]},
    ):
        found = examples(replace(data, splits=splits))
        first = {row.tobytes() for row in found.calibration["x"]}
        assert not first & {row.tobytes() for row in found.held_out["x"]}


def test_errors_and_shares_drop_in_their_own_ways() -> None:
    assert Score("accuracy", 0.9).drop(Score("accuracy", 0.95)) == pytest.approx(0.05)
    assert Score("rmse", 2.2, larger=False).drop(Score("rmse", 2.0, larger=False)) == pytest.approx(
        0.1
    )
