"""Penalties on weights and on what layers give."""

import torch
from torch import Tensor


def sum_of_squares(*weights: Tensor) -> Tensor:
    """The sum of all squared elements."""
    return torch.stack([weight.square().sum() for weight in weights]).sum()


def sum_of_magnitudes(*weights: Tensor) -> Tensor:
    """The sum of the absolute values of all elements."""
    return torch.stack([weight.abs().sum() for weight in weights]).sum()
