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


class LearnedPositionalEncoding(nn.Module):
    """Adds a trained row for each place to [N, T, units]."""

    def __init__(self, length: int, units: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(length, units))

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1] > len(self.weight):
            raise ValueError(
                f"{x.shape[1]} positions, but the weight has {len(self.weight)}"
            )
        return x + self.weight[: x.shape[1]]


class RotaryEncoding(nn.Module):
    """Turns pairs of units by p / base^(2i / units) at place p of [..., T, units].

    Pairs are i and i + units / 2, or 2i and 2i + 1 when they are interleaved. The
    tables are constants in float64, rounded once to the type of what they turn.
    """

    def __init__(
        self,
        length: int,
        units: int,
        base: float = 10000.0,
        interleaved: bool = False,
    ) -> None:
        super().__init__()
        self.interleaved = interleaved
        pair = torch.arange(0, units, 2, dtype=torch.float64)
        angle = torch.arange(length, dtype=torch.float64)[:, None] / base ** (
            pair / units
        )
        self.cos, self.sin = angle.cos(), angle.sin()

    def forward(self, x: Tensor) -> Tensor:
        length = x.shape[-2]
        if length > len(self.cos):
            raise ValueError(f"{length} positions, but the table has {len(self.cos)}")
        cos, sin = self.cos[:length].to(x), self.sin[:length].to(x)
        if self.interleaved:
            a, b = x[..., 0::2], x[..., 1::2]
            turned = torch.stack((a * cos - b * sin, b * cos + a * sin), dim=-1)
            return turned.flatten(-2)
        a, b = x.chunk(2, dim=-1)
        return torch.cat((a * cos - b * sin, b * cos + a * sin), dim=-1)
