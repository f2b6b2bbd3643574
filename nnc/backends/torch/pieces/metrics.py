"""Metrics: what of them is known from a batch, and what follows from all batches."""

import math

import torch
from torch import Tensor


def right_classes(scores: Tensor, target: Tensor) -> Tensor:
    """How many answers (the first largest score) are right, and of how many."""
    return tally(scores.argmax(-1) == target)


def right_answers(scores: Tensor, target: Tensor, threshold: float = 0.5) -> Tensor:
    """How many elements agree on yes (above the threshold) or no, and of how many."""
    return tally((scores > threshold) == (target > 0.5))


def right_among(scores: Tensor, target: Tensor, k: int) -> Tensor:
    """How many true classes have fewer than k scores above theirs, and of how many."""
    own = scores.gather(-1, target[..., None])
    return tally((scores > own).sum(-1) < k)


def tally(found: Tensor) -> Tensor:
    """How many are true, and of how many."""
    return torch.tensor([found.sum(), found.numel()], dtype=torch.float64)


def confused_classes(scores: Tensor, target: Tensor) -> Tensor:
    """How often each class (row) is taken for each (column); no other is counted."""
    count = scores.shape[-1]
    known = (target >= 0) & (target < count)
    return confused(target[known], scores.argmax(-1)[known], count)


def confused_answers(scores: Tensor, target: Tensor, threshold: float = 0.5) -> Tensor:
    """How often no and yes (rows) are taken for no and yes (columns)."""
    return confused((target > 0.5).long(), (scores > threshold).long(), 2)


def confused(truths: Tensor, answers: Tensor, count: int) -> Tensor:
    """How often each truth (row) got each answer (column)."""
    pairs = (truths * count + answers).flatten()
    return torch.bincount(pairs, minlength=count * count).view(count, count)


def absolute_errors(prediction: Tensor, target: Tensor) -> Tensor:
    """The sum of the distances, and of how many elements."""
    total = (prediction - target).abs().double().sum()
    return torch.tensor([total, target.numel()], dtype=torch.float64)


def squared_errors(prediction: Tensor, target: Tensor) -> Tensor:
    """The sum of the squared errors, and of how many elements."""
    total = (prediction - target).double().square().sum()
    return torch.tensor([total, target.numel()], dtype=torch.float64)


def ratio(parts: list[Tensor]) -> float:
    """The sum over the count."""
    amount, number = torch.stack(parts).sum(0)
    return float(amount / number)


def confusion_matrix(parts: list[Tensor]) -> list[list[int]]:
    """The counts of all batches."""
    counts: list[list[int]] = torch.stack(parts).sum(0).tolist()
    return counts


def root_ratio(parts: list[Tensor]) -> float:
    """The root of the sum over the count."""
    return math.sqrt(ratio(parts))


def spreads(prediction: Tensor, target: Tensor) -> Tensor:
    """For each place of the last axis: the count, the mean of the targets, their
    squared distances from it, and the squared errors."""
    places = target.shape[-1] if target.dim() > 1 else 1
    errors = (prediction - target).double().reshape(-1, places).square().sum(0)
    target = target.double().reshape(-1, places)
    mean = target.mean(0)
    within = (target - mean).square().sum(0)
    return torch.stack([torch.full_like(mean, len(target)), mean, within, errors])


def r_squared(parts: list[Tensor]) -> float:
    """The share of the targets' variance that is explained: a mean over places."""
    counts, means, within, errors = torch.stack(parts, 1)
    mean = (counts * means).sum(0) / counts.sum(0)
    spread = (within + counts * (means - mean).square()).sum(0)
    left = errors.sum(0)
    found = torch.where(spread > 0, 1 - left / spread, (left == 0).double())
    return float(found.mean())


def judged_classes(scores: Tensor, target: Tensor) -> Tensor:
    """For each class: how often it is rightly answered, answered, and true."""
    classes = torch.arange(scores.shape[-1], device=scores.device)
    return judged(scores.argmax(-1)[..., None] == classes, target[..., None] == classes)


def judged_answers(scores: Tensor, target: Tensor, threshold: float = 0.5) -> Tensor:
    """How often yes (above the threshold) is rightly answered, answered, and true."""
    return judged((scores > threshold)[..., None], (target > 0.5)[..., None])


def judged(answers: Tensor, truths: Tensor) -> Tensor:
    """How often both hold, the first, and the second, along the last axis."""
    found = torch.stack([answers & truths, answers, truths])
    return found.flatten(1, -2).double().sum(1)


def precision(parts: list[Tensor]) -> float:
    """The share of answers that are right, the mean over the classes; 0/0 is 0."""
    right, answered, _ = torch.stack(parts).sum(0)
    return float((right / answered.clamp(min=1)).mean())


def recall(parts: list[Tensor]) -> float:
    """The share of what is true that is answered, the mean over the classes; 0/0 is
    0."""
    right, _, true = torch.stack(parts).sum(0)
    return float((right / true.clamp(min=1)).mean())


def f1(parts: list[Tensor]) -> float:
    """The harmonic mean of precision and recall: a mean over classes; 0/0 is 0."""
    right, answered, true = torch.stack(parts).sum(0)
    return float((2 * right / (answered + true).clamp(min=1)).mean())


def scored(scores: Tensor, target: Tensor) -> Tensor:
    """Each score, and whether it belongs to a yes."""
    return torch.stack([scores.double().flatten(), (target > 0.5).double().flatten()])


def area_under_curve(parts: list[Tensor]) -> float:
    """The chance that a yes has a higher score than a no; a tie counts one half."""
    scores, target = torch.cat(parts, 1)
    yes, no = scores[target > 0], scores[target == 0].sort().values
    below = torch.searchsorted(no, yes).double()
    not_above = torch.searchsorted(no, yes, right=True).double()
    return float((below + not_above).mean() / (2 * len(no)))
