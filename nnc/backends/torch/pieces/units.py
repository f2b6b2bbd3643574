"""Units that PyTorch has no layers for."""

import torch
from torch import Tensor, nn


class RBF(nn.Module):
    """exp(-beta * |x - weight|^2) for each centre of `weight`, over the last axis."""

    def __init__(self, inputs: int, units: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(units, inputs))
        self.beta = nn.Parameter(torch.ones(units))

    def forward(self, x: Tensor) -> Tensor:
        distance = (x.unsqueeze(-2) - self.weight).square().sum(-1)
        return torch.exp(-self.beta * distance)
