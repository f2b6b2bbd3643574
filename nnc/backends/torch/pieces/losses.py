"""Losses, metrics and penalties that PyTorch lacks or means in another way."""

import torch
from torch import Tensor


def binary_cross_entropy(p: Tensor, target: Tensor) -> Tensor:
    """The mean of -t ln p - (1 - t) ln(1 - p), p clipped to [2^-23, 1 - 2^-23]."""
    p = p.clamp(2**-23, 1 - 2**-23)
    return -(target * p.log() + (1 - target) * torch.log1p(-p)).mean()


def cross_entropy(p: Tensor, target: Tensor) -> Tensor:
    """The mean of -ln p of the true class, p clipped to [2^-23, 1].

    `target` has class numbers, or distributions of the same shape as p.
    """
    logs = p.clamp(2**-23, 1).log()
    if target.is_floating_point():
        return -(target * logs).sum(-1).mean()
    return -logs.gather(-1, target[..., None]).mean()


def sum_of_squares(*weights: Tensor) -> Tensor:
    """The sum of all squared elements."""
    return torch.stack([weight.square().sum() for weight in weights]).sum()


def sum_of_magnitudes(*weights: Tensor) -> Tensor:
    """The sum of the absolute values of all elements."""
    return torch.stack([weight.abs().sum() for weight in weights]).sum()


def right_classes(scores: Tensor, target: Tensor) -> tuple[float, int]:
    """How many answers (the first largest score) are right, and of how many."""
    right = scores.argmax(-1) == target
    return float(right.sum()), right.numel()


def right_answers(
    scores: Tensor, target: Tensor, threshold: float = 0.5
) -> tuple[float, int]:
    """How many elements agree on yes (above the threshold) or no, and of how many."""
    right = (scores > threshold) == (target > 0.5)
    return float(right.sum()), right.numel()


def absolute_errors(prediction: Tensor, target: Tensor) -> tuple[float, int]:
    """The sum of the distances, and of how many elements."""
    return float((prediction - target).abs().double().sum()), target.numel()
