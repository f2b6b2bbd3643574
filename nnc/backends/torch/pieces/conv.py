"""Convolutions that PyTorch has no layer for."""

import torch.nn.functional as F
from torch import Tensor, nn


class TrueConv1d(nn.Conv1d):
    """A true convolution: the kernel is turned round."""

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.weight.flip(2)
        return F.conv1d(
            x, kernel, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class TrueConv2d(nn.Conv2d):
    """A true convolution: the kernel is turned by 180 degrees."""

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.weight.flip(2, 3)
        return F.conv2d(
            x, kernel, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class TrueConv3d(nn.Conv3d):
    """A true convolution: the kernel is turned round along every spatial axis."""

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.weight.flip(2, 3, 4)
        return F.conv3d(
            x, kernel, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class SeparableConv(nn.Module):
    """A convolution of every channel by itself, and one that mixes the channels."""

    def __init__(self, depthwise: nn.Module, pointwise: nn.Module) -> None:
        super().__init__()
        self.depthwise = depthwise
        self.pointwise = pointwise

    def forward(self, x: Tensor) -> Tensor:
        return self.pointwise(self.depthwise(x))
