"""Recurrent layers."""

import torch
from torch import Tensor, nn


class LSTM(nn.LSTM):
    """An LSTM over [N, T, features] with one bias for each gate.

    PyTorch has two, of which the second, `bias_hh`, stays 0 here. Gives the outputs of
    all steps, the last hidden and the last cell state, both directions side by side.
    """

    def __init__(
        self,
        features: int,
        units: int,
        bidirectional: bool = False,
        reverse: bool = False,
    ) -> None:
        super().__init__(features, units, batch_first=True, bidirectional=bidirectional)
        self.reverse = reverse
        for name, weight in self.named_parameters():
            if name.startswith("bias_hh"):
                nn.init.zeros_(weight).requires_grad_(False)

    def forward(
        self, x: Tensor, hidden: Tensor | None = None, cell: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        state = None
        if hidden is not None and cell is not None:
            state = (self.split(hidden), self.split(cell))
        if self.reverse:
            x = x.flip(1)
        y, (hidden, cell) = super().forward(x, state)
        if self.reverse:
            y = y.flip(1)
        return y, self.join(hidden), self.join(cell)

    def split(self, state: Tensor) -> Tensor:
        """[N, directions * units] -> [directions, N, units]"""
        return torch.stack(state.split(self.hidden_size, dim=1))

    def join(self, state: Tensor) -> Tensor:
        """[directions, N, units] -> [N, directions * units]"""
        return state.transpose(0, 1).flatten(1)
