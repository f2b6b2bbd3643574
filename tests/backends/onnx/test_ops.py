"""Every example of every op as an ONNX model: valid, quiet, and equal to PyTorch's functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from nnc.backends.base import Arrays
from nnc.backends.onnx.emit import emit
from nnc.backends.onnx.model import IR_VERSIONS
from nnc.backends.onnx.run import OnnxRunner, read_weights
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary.ops.attention import MultiHeadAttention
from nnc.compiler.vocabulary.ops.base import example, parse_type
from nnc.compiler.vocabulary.ops.embedding import Embedding
from nnc.compiler.vocabulary.ops.normalization import GroupNorm
from nnc.compiler.vocabulary.ops.pooling import AvgPool2D
from tests.backends.reference.torch_ops import TORCH
from tests.matrix.examples import Case, by_name, cases, random_weights

OPSETS = (18, 20, 23, 26)
"""The oldest; the default; the first with Attention; the newest."""

MORE = [
    Case(
        "MultiHeadAttention-causal-and-masked",
        example(MultiHeadAttention(heads=2, causal=True), *["f32[T, 4]"] * 3, "bool[T, T]"),
    ),
    Case(
        "MultiHeadAttention-causal-and-keys-masked",
        example(
            MultiHeadAttention(heads=2, causal=True), "f32[5, 4]", *["f32[T, 4]"] * 2, "bool[T]"
        ),
    ),
    Case(
        "AvgPool2D-overhang-on-one-axis",
        example(AvgPool2D(kernel=(2, 3), stride=2, padding=1, ceil_mode=True), "f32[2, 4, 6]"),
    ),
    Case(
        "AvgPool2D-overhang-without-padding",
        example(AvgPool2D(kernel=3, stride=2, ceil_mode=True), "f32[2, 6, 8]"),
    ),
]


def in_torch(case: Case, weights: Arrays, inputs: Arrays, dtype: torch.dtype) -> dict[str, Any]:
    """The outputs by PyTorch's own functions in a precision."""
    layer = f"{case.op.word.lower()}."
    given = {n.removeprefix(layer): torch.from_numpy(a).to(dtype) for n, a in weights.items()}
    tensors = [torch.from_numpy(np.asarray(a)) for a in inputs.values()]
    floats = [t.to(dtype) if t.is_floating_point() else t for t in tensors]
    default = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        made = TORCH[type(case.op)](case.op, given, *floats)
    finally:
        torch.set_default_dtype(default)
    results = made if isinstance(made, tuple | list) else (made,)
    whole = [r.double() if r.is_floating_point() else r for r in results]
    return {f"y{i}": result.numpy() for i, result in enumerate(whole)}


def assert_close(found: NDArray[Any], expected: NDArray[Any], single: NDArray[Any]) -> None:
    """Not worse than a few times what PyTorch's own float32 makes of it."""
    assert found.shape == expected.shape
    assert found.dtype == (expected.dtype if expected.dtype.kind in "ib" else np.float32)
    found, expected, single = (a.astype(np.float64) for a in (found, expected, single))
    floor = float(np.abs(single - expected).max(initial=0))
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    assert float(np.abs(found - expected).max(initial=0)) <= 4 * floor + 1e-6 * scale


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("case", [*cases(), *MORE], ids=by_name)
def test_models_are_valid_quiet_and_right(
    case: Case, opset: int, capfd: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(0)
    weights = random_weights(case.graph, rng)
    artifact = emit(case.program, weights, opset=opset)
    model = onnx.load_model_from_string(b"".join(artifact.chunks))
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(
        model, check_type=True, strict_mode=True, data_prop=True
    )
    assert inferred.graph.output == model.graph.output
    runner = OnnxRunner(case.program, weights, opset=opset)
    for size in case.sizes():
        inputs = case.inputs(size, rng)
        for batch in (1, 3):
            part = {name: array[:batch] for name, array in inputs.items()}
            expected = in_torch(case, weights, part, torch.float64)
            single = in_torch(case, weights, part, torch.float32)
            for name, found in runner.outputs(part).items():
                assert_close(found, expected[name], single[name])
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("opset", IR_VERSIONS)
def test_every_opset_loads_in_the_runtime(opset: int) -> None:
    program = Program(single(MultiHeadAttention(heads=2), (parse_type("f32[T, 4]"),)))
    weights = random_weights(program.graph, np.random.default_rng(0))
    x = np.ones((2, 3, 4), np.float32)
    default = OnnxRunner(program, weights).outputs({"x0": x})["y0"]
    found = OnnxRunner(program, weights, opset=opset).outputs({"x0": x})["y0"]
    np.testing.assert_allclose(found, default, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("opset", [20, 23])
@pytest.mark.parametrize("mask", ["bool[5]", "bool[3, 5]"])
def test_a_position_that_may_see_nothing_gets_the_bias_alone(opset: int, mask: str) -> None:
    types = ("f32[3, 4]", "f32[5, 4]", "f32[5, 4]", mask)
    program = Program(single(MultiHeadAttention(heads=2), tuple(map(parse_type, types))))
    rng = np.random.default_rng(0)
    weights = random_weights(program.graph, rng)
    inputs: Arrays = {
        "x0": rng.normal(size=(2, 3, 4)),
        "x1": rng.normal(size=(2, 5, 4)),
        "x2": rng.normal(size=(2, 5, 4)),
        "x3": np.zeros((2, *parse_type(mask).shape), bool),  # type: ignore[arg-type]
    }
    found = OnnxRunner(program, weights, opset=opset).outputs(inputs)["y0"]
    bias = weights["multiheadattention.out_proj.bias"]
    np.testing.assert_allclose(found, np.broadcast_to(bias, found.shape), atol=1e-6)


@pytest.mark.parametrize("case", cases(), ids=by_name)
def test_weights_come_back_bit_for_bit(case: Case) -> None:
    drawn = random_weights(case.graph, np.random.default_rng(0))
    weights = {name: array.astype(np.float32) for name, array in drawn.items()}
    for opset in (20, 23):
        data = b"".join(emit(case.program, weights, opset=opset).chunks)
        found = read_weights(data, case.graph)
        assert list(found) == list(case.graph.weights)
        assert all(found[name].tobytes() == array.tobytes() for name, array in weights.items())


@pytest.mark.parametrize("case", cases(), ids=by_name)
def test_float64_is_float64_throughout(case: Case) -> None:
    rng = np.random.default_rng(0)
    weights = random_weights(case.graph, rng)
    runner = OnnxRunner(case.program, weights, "float64")
    inputs = case.inputs(case.sizes()[0], rng)
    expected = in_torch(case, weights, inputs, torch.float64)
    for name, found in runner.outputs(inputs).items():
        assert found.dtype == expected[name].dtype
        scale = max(1.0, np.abs(expected[name]).max())
        np.testing.assert_allclose(found, expected[name], rtol=0, atol=1e-13 * scale)


def test_embedding_takes_bytes() -> None:
    program = Program(single(Embedding(vocabulary=7, units=3), (parse_type("u8[5]"),)))
    weights = random_weights(program.graph, np.random.default_rng(0))
    numbers = np.array([[0, 6, 3, 1, 1]], np.uint8)
    found = OnnxRunner(program, weights).outputs({"x0": numbers})["y0"]
    np.testing.assert_allclose(found, weights["embedding.weight"][numbers], rtol=1e-6)


def test_groups_of_two_values_near_each_other_keep_their_digits() -> None:
    program = Program(single(GroupNorm(groups=2, affine=False), (parse_type("f32[4]"),)))
    x = np.random.default_rng(8).normal(1.0, 1e-2, (64, 4)).astype(np.float32)
    expected = torch.nn.functional.group_norm(torch.tensor(x, dtype=torch.float64), 2)
    found = OnnxRunner(program, {}).outputs({"x0": x})["y0"]
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-6)
