"""Normalisation against PyTorch's modules, with their state dicts, and against itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nnc.backends.base import Arrays
from nnc.backends.reference.run import ReferenceRunner
from nnc.compiler.ir import Program, single
from nnc.compiler.vocabulary.ops.base import Op, parse_type
from nnc.compiler.vocabulary.ops.normalization import (
    BatchNorm,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    RMSNorm,
)

X = np.random.default_rng(3).normal(2.0, 3.0, (5, 6, 4, 7))
MODULES: list[tuple[Op, nn.Module]] = [
    (BatchNorm(momentum=0.3), nn.BatchNorm2d(6, momentum=0.3)),
    (BatchNorm(affine=False), nn.BatchNorm2d(6, affine=False)),
    (LayerNorm(axes=2), nn.LayerNorm((4, 7))),
    (LayerNorm(bias=False), nn.LayerNorm(7, bias=False)),
    (LayerNorm(epsilon=0.1, affine=False), nn.LayerNorm(7, eps=0.1, elementwise_affine=False)),
    (RMSNorm(axes=2), nn.RMSNorm((4, 7), eps=1e-6)),
    (RMSNorm(affine=False), nn.RMSNorm(7, eps=1e-6, elementwise_affine=False)),
    (GroupNorm(groups=3), nn.GroupNorm(3, 6)),
    (GroupNorm(groups=2, affine=False), nn.GroupNorm(2, 6, affine=False)),
    (InstanceNorm(), nn.InstanceNorm2d(6, affine=True)),
    (InstanceNorm(affine=False, epsilon=0.1), nn.InstanceNorm2d(6, eps=0.1)),
]


def outputs(op: Op, weights: Arrays, *, training: bool = False) -> tuple[np.ndarray, Arrays]:
    program = Program(single(op, (parse_type("f32[6, 4, 7]"),)))
    name = program.graph.nodes[0].name
    runner = ReferenceRunner(program, {f"{name}.{n}": w for n, w in weights.items()})
    y = runner.outputs({"x0": X}, training=training)["y0"]
    return y, {n.removeprefix(f"{name}."): w for n, w in runner.weights().items()}


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize(("op", "module"), MODULES, ids=lambda value: type(value).__name__)
def test_state_dicts_of_pytorch_fit(op: Op, module: nn.Module, training: bool) -> None:
    module = module.double().train(training)
    rng = np.random.default_rng(1)
    state = {n: w for n, w in module.state_dict().items() if n != "num_batches_tracked"}
    weights = {n: np.exp(0.3 * rng.normal(size=w.shape)) for n, w in state.items()}
    module.load_state_dict({n: torch.tensor(w) for n, w in weights.items()}, strict=False)
    y, after = outputs(op, weights, training=training)
    np.testing.assert_allclose(y, module(torch.tensor(X)).detach(), rtol=1e-11, atol=1e-12)
    assert set(after) == set(state)
    for name, array in after.items():
        np.testing.assert_allclose(array, module.state_dict()[name], rtol=1e-12)


def test_what_is_the_same_under_two_names() -> None:
    """An InstanceNorm has a group for each channel; a LayerNorm over everything has one group."""
    by_groups, _ = outputs(GroupNorm(groups=6, affine=False), {})
    by_channels, _ = outputs(InstanceNorm(affine=False), {})
    np.testing.assert_allclose(by_groups, by_channels, rtol=1e-13)
    in_one, _ = outputs(GroupNorm(groups=1, affine=False), {})
    over_all, _ = outputs(LayerNorm(axes=3, affine=False), {})
    np.testing.assert_allclose(in_one, over_all, rtol=1e-13)


def test_the_root_mean_square_by_hand() -> None:
    program = Program(single(RMSNorm(epsilon=1e-12), (parse_type("f32[2]"),)))
    runner = ReferenceRunner(program, {"rmsnorm.weight": np.array([1.0, 10.0])})
    y = runner.outputs({"x0": np.array([[3.0, 4.0]])})["y0"]
    np.testing.assert_allclose(y, [[3 / 12.5**0.5, 40 / 12.5**0.5]], rtol=1e-12)
