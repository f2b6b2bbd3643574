"""Metrics: sums and counts of a batch."""

from torch import Tensor


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
