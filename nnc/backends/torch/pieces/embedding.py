"""Positions in a sequence."""

import torch
from torch import Tensor, nn


class PositionalEncoding(nn.Module):
    """Adds sin (even places) and cos (odd places) of p / 10000^(2i / units) to [N, T,
    units].

    The table is a constant in float64, rounded once to the type of what it is added to.
    """

    def __init__(self, length: int, units: int) -> None:
        super().__init__()
        place = torch.arange(units, dtype=torch.float64)
        position = torch.arange(length, dtype=torch.float64)[:, None]
        angle = position / 10000.0 ** (2 * (place // 2) / units)
        self.table = torch.where(place % 2 == 0, angle.sin(), angle.cos())

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] > len(self.table):
            raise ValueError(
                f"{x.shape[1]} positions, but the table has {len(self.table)}"
            )
        return x + self.table[: x.shape[1]].to(x)
