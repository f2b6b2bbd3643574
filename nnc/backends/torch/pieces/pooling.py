"""Pooling that PyTorch can't express with its own layers."""

import torch
import torch.nn.functional as F
from torch import Tensor


def average_pool2d(
    x: Tensor,
    kernel_size: int | tuple[int, int],
    stride: int | tuple[int, int],
    padding: tuple[int, int, int, int],
) -> Tensor:
    """The mean of each window over [N, C, H, W]; what `padding` adds does not count."""
    total = F.avg_pool2d(F.pad(x, padding), kernel_size, stride)
    present = F.pad(torch.ones_like(x[:1, :1]), padding)
    return total / F.avg_pool2d(present, kernel_size, stride)
