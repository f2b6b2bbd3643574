"""GoogLeNet against a network that nnc did not write, with torchvision's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.specs.zoo import CLASSES, by_hand, images, lively, program_of, runner

if TYPE_CHECKING:
    from torch import nn

WIDTHS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


def torch_googlenet() -> nn.Module:
    """The table of Szegedy et al. 2014, as torchvision names its layers."""
    import torch
    from torch import nn

    class Conv(nn.Module):
        def __init__(self, inputs: int, width: int, kernel: int, **options: int) -> None:
            super().__init__()
            self.conv = nn.Conv2d(inputs, width, kernel, bias=False, **options)
            self.bn = nn.BatchNorm2d(width, eps=0.001)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.bn(self.conv(x)))

    class Inception(nn.Module):
        def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
            super().__init__()
            one, narrow3, three, narrow5, five, pooled = widths
            self.branch1 = Conv(inputs, one, 1)
            self.branch2 = nn.Sequential(
                Conv(inputs, narrow3, 1), Conv(narrow3, three, 3, padding=1)
            )
            self.branch3 = nn.Sequential(
                Conv(inputs, narrow5, 1), Conv(narrow5, five, 3, padding=1)
            )
            self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), Conv(inputs, pooled, 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.cat([branch(x) for branch in self.children()], 1)

    def pool(kernel: int) -> nn.Module:
        return nn.MaxPool2d(kernel, 2, ceil_mode=True)

    def inceptions(inputs: int, stage: str) -> dict[str, nn.Module]:
        made: dict[str, nn.Module] = {}
        for name, widths in WIDTHS.items():
            if name.startswith(stage):
                made[f"inception{name}"] = Inception(inputs, widths)
                inputs = widths[0] + widths[2] + widths[4] + widths[5]
        return made

    layers: dict[str, nn.Module] = {"conv1": Conv(3, 64, 7, stride=2, padding=3), "pool1": pool(3)}
    layers |= {"conv2": Conv(64, 64, 1), "conv3": Conv(64, 192, 3, padding=1), "pool2": pool(3)}
    layers |= {**inceptions(192, "3"), "pool3": pool(3), **inceptions(480, "4"), "pool4": pool(2)}
    layers |= {**inceptions(832, "5"), "mean": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten()}
    network = nn.Sequential()
    for name, layer in {**layers, "fc": nn.Linear(1024, CLASSES)}.items():
        network.add_module(name, layer)
    return network


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["torch", "keras", "onnx"])
def test_equals_a_network_written_by_hand(backend: str) -> None:
    program = program_of("googlenet")
    arrays = lively(program)
    x = images((2, 3, 64, 64))
    expected = by_hand(torch_googlenet(), arrays, x)
    ours = runner(backend, program, arrays).outputs({"image": x})["logits"]
    assert np.abs(ours - expected).max() < 1e-5 * np.abs(expected).max()
