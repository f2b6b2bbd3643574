"""ResNets against networks that nnc did not write: plain PyTorch, and Keras Applications."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.specs.zoo import CLASSES, by_hand, images, lively, program_of, runner

if TYPE_CHECKING:
    from torch import Tensor, nn


def torch_resnet(deep: bool) -> nn.Module:
    """A ResNet as torchvision names it: 50 layers when `deep`, else 18."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self, inputs: int, width: int, stride: int) -> None:
            super().__init__()
            outputs = 4 * width if deep else width
            self.conv1 = (
                nn.Conv2d(inputs, width, 1, bias=False)
                if deep
                else nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
            )
            self.bn1 = nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, width, 3, stride if deep else 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(width)
            if deep:
                self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
                self.bn3 = nn.BatchNorm2d(outputs)
            if stride > 1 or inputs != outputs:
                self.downsample = nn.Sequential(
                    nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
                )

        def forward(self, x: Tensor) -> Tensor:
            y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
            if deep:
                y = self.bn3(self.conv3(torch.relu(y)))
            return torch.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))

    class ResNet(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(64)
            channels = 64
            counts = (3, 4, 6, 3) if deep else (2, 2, 2, 2)
            for stage, count in enumerate(counts, 1):
                width = 32 * 2**stage
                blocks = []
                for i in range(count):
                    blocks.append(Block(channels, width, 2 if stage > 1 and i == 0 else 1))
                    channels = 4 * width if deep else width
                self.add_module(f"layer{stage}", nn.Sequential(*blocks))
            self.fc = nn.Linear(channels, CLASSES)

        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.bn1(self.conv1(x)))
            x = torch.nn.functional.max_pool2d(x, 3, 2, 1)
            for stage in range(1, 5):
                x = getattr(self, f"layer{stage}")(x)
            scores: Tensor = self.fc(x.mean((2, 3)))
            return scores

    return ResNet()


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
@pytest.mark.parametrize(("name", "deep"), [("resnet18", False), ("resnet50", True)])
def test_equals_a_network_written_by_hand(name: str, deep: bool, backend: str) -> None:
    program = program_of(name)
    arrays = lively(program)
    x = images((2, 3, 64, 64))
    expected = by_hand(torch_resnet(deep), arrays, x)
    ours = runner(backend, program, arrays).outputs({"image": x})["logits"]
    assert np.abs(ours - expected).max() < 1e-5 * np.abs(expected).max()


def keras_name(name: str) -> tuple[str, str]:
    """Our weight's name -> the layer and the variable of Keras Applications."""
    layer, weight = name.rsplit(".", 1)
    kinds = {"weight": "gamma", "bias": "beta"} if "bn" in layer else {"weight": "kernel"}
    kinds |= {"running_mean": "moving_mean", "running_var": "moving_variance"}
    parts = layer.split(".")
    if len(parts) == 3:
        stage, block, inner = parts
        kind, number = inner.rstrip("0123"), inner[-1]
        layer = f"{stage}_block{block}_{number}_{kind}"
    elif layer in ("conv1", "bn1"):
        layer = f"conv1_{layer.rstrip('1')}"
    return layer, kinds.get(weight, weight)


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
def test_equals_keras_applications(backend: str) -> None:
    import keras

    program = program_of("resnet50_v1")
    arrays = lively(program)
    theirs = keras.applications.ResNet50(weights=None, input_shape=(64, 64, 3), classes=CLASSES)
    for name, array in arrays.items():
        layer, variable = keras_name(name)
        axes = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}[array.ndim]
        getattr(theirs.get_layer(layer), variable).assign(array.transpose(axes))
    assert len(arrays) == len(theirs.weights)
    x = images((2, 64, 64, 3))
    expected = np.asarray(theirs(x, training=False))
    ours = runner(backend, program, arrays).outputs({"image": x})["p"]
    assert np.abs(ours - expected).max() < 1e-5 * np.abs(expected).max()
