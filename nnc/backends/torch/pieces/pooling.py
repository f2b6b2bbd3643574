"""Pooling that PyTorch can't express with its own layers."""

import torch
import torch.nn.functional as F
from torch import Tensor


def average_pool(
    x: Tensor,
    kernel_size: int | tuple[int, ...],
    stride: int | tuple[int, ...],
    padding: tuple[int, ...],
) -> Tensor:
    """The mean of each window over [N, C, …]; what `padding` adds does not count."""
    pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[x.dim() - 3]
    total = pool(F.pad(x, padding), kernel_size, stride)
    present = F.pad(torch.ones_like(x[:1, :1]), padding)
    return total / pool(present, kernel_size, stride)
