"""ResNet-50 as an ONNX model beside the network that a person wrote in PyTorch."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import nnc
from bench.resnet50_torch import ResNet50
from nnc.backends import initial
from nnc.backends.onnx.emit import emit
from nnc.backends.onnx.run import OnnxRunner, read_weights
from nnc.deployment.export import Options, exported


@pytest.mark.slow
def test_resnet50_is_the_network_that_everybody_means(root: Path) -> None:
    program, _ = nnc.compile_file(root / "specs" / "zoo" / "resnet50.nn")
    assert program is not None
    weights = initial.weights(program.graph, program.seed)
    network = ResNet50().eval()
    state = {name: torch.from_numpy(array) for name, array in weights.items()}
    network.load_state_dict(state)
    x = np.random.default_rng(0).normal(size=(2, 3, 224, 224)).astype(np.float32)
    with torch.no_grad():
        expected = network(torch.from_numpy(x)).numpy()
    (found,) = OnnxRunner(program, dict(weights)).outputs({"image": x}).values()
    np.testing.assert_allclose(found, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.slow
def test_resnet50_has_no_node_too_many_and_keeps_every_bit(root: Path) -> None:
    program, _ = nnc.compile_file(root / "specs" / "zoo" / "resnet50.nn")
    assert program is not None
    weights = initial.weights(program.graph, program.seed)
    data = b"".join(emit(program, dict(weights)).chunks)
    model = onnx.load_model_from_string(data)
    onnx.checker.check_model(model, full_check=True)
    assert Counter(node.op_type for node in model.graph.node) == {
        "Conv": 53,
        "BatchNormalization": 53,
        "Relu": 49,
        "Add": 16,
        "MaxPool": 1,
        "GlobalAveragePool": 1,
        "Flatten": 1,
        "Gemm": 1,
    }
    found = read_weights(data, program.graph)
    assert all(found[name].tobytes() == array.tobytes() for name, array in weights.items())


@pytest.mark.slow
def test_resnet50_has_half_the_nodes_where_activations_are_fused(root: Path) -> None:
    program, _ = nnc.compile_file(root / "specs" / "zoo" / "resnet50.nn")
    assert program is not None
    weights = initial.weights(program.graph, program.seed)
    x = np.random.default_rng(0).normal(size=(2, 3, 224, 224)).astype(np.float32)
    found, counts = {}, {}
    for level in ("safe", "deploy", "fused"):
        model = exported(program, weights, "m.onnx", Options(optimize=level))
        counts[level] = len(model.graph.nodes)
        session = onnxruntime.InferenceSession(b"".join(model.files["m.onnx"]))
        (found[level],) = session.run(None, {"image": x})
    assert counts == {"safe": 175, "deploy": 121, "fused": 56}
    for level in ("deploy", "fused"):
        size = np.abs(found["safe"]).max()
        np.testing.assert_allclose(found[level], found["safe"], atol=2e-5 * size)
