"""Noise in training."""

import torch
from torch import Tensor, nn


class GaussianDropout(nn.Module):
    """In training multiplies by normal numbers of mean 1 and variance rate / (1 -
    rate)."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.std = (rate / (1 - rate)) ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        return x * (1 + self.std * torch.randn_like(x)) if self.training else x


class GaussianNoise(nn.Module):
    """In training adds normal numbers of mean 0."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        return x + self.std * torch.randn_like(x) if self.training else x
