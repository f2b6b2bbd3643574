"""Losses that PyTorch lacks or means in another way."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def root_mean_squared_error(prediction: Tensor, target: Tensor) -> Tensor:
    """The root of the mean squared error, with a gradient where there is no error."""
    return ((prediction - target).square().mean() + 1e-12).sqrt()


def log_cosh(prediction: Tensor, target: Tensor) -> Tensor:
    """ln cosh of each error, without overflow."""
    distances = (prediction - target).abs()
    return distances + F.softplus(-2 * distances) - math.log(2)


def pinball(prediction: Tensor, target: Tensor, quantile: float) -> Tensor:
    """The distance of each prediction from the target: errors below count by the
    quantile, errors above by what is left of 1."""
    errors = target - prediction
    return torch.maximum(quantile * errors, (quantile - 1) * errors)


def gaussian_nll(mean: Tensor, variance: Tensor, target: Tensor) -> Tensor:
    """-ln of the normal density of each target, without its constant.

    Unlike PyTorch's, a variance below 1e-6 gets no gradient.
    """
    variance = variance.clamp(min=1e-6)
    return 0.5 * (variance.log() + (mean - target).square() / variance)


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """The divergence of each normal distribution from the standard one."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(-1)


def binary_cross_entropy(
    p: Tensor, target: Tensor, pos_weight: Tensor | float = 1.0
) -> Tensor:
    """-t ln p - (1 - t) ln(1 - p) of each element, p clipped to [2^-23, 1 - 2^-23]."""
    p = p.clamp(2**-23, 1 - 2**-23)
    return -(pos_weight * target * p.log() + (1 - target) * torch.log1p(-p))


def cross_entropy(
    logs: Tensor,
    target: Tensor,
    label_smoothing: float = 0.0,
    weights: Tensor | None = None,
    ignore: int | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The cross-entropy from logarithms of probabilities, classes on the last axis.

    `target` has class numbers, or distributions of the same shape as `logs`. The mean
    of class numbers divides by the sum of their weights; nothing left gives 0.
    """
    spread = label_smoothing / logs.shape[-1]
    weighted = logs if weights is None else logs * weights
    if target.is_floating_point():
        losses = -(((1 - label_smoothing) * target + spread) * weighted).sum(-1)
        return losses.sum() if reduction == "sum" else losses.mean()
    kept = torch.ones_like(target, dtype=torch.bool)
    if ignore is not None:
        kept = target != ignore
    target = target.where(kept, 0)
    of_class = kept.to(logs.dtype)
    if weights is not None:
        of_class = of_class * weights[target]
    chosen = weighted.gather(-1, target[..., None]).squeeze(-1)
    losses = -(1 - label_smoothing) * chosen - spread * weighted.sum(-1)
    total = (losses * kept).sum()
    count = of_class.sum()
    return total if reduction == "sum" else total / count.where(count > 0, 1)


def focal(losses: Tensor, target: Tensor, alpha: float, gamma: float) -> Tensor:
    """Binary cross-entropies, what is nearly right counting less."""
    balance = alpha * target + (1 - alpha) * (1 - target)
    return balance * (-torch.expm1(-losses)) ** gamma * losses


def categorical_focal(logs: Tensor, target: Tensor, gamma: float) -> Tensor:
    """-ln p of the true classes, what is nearly right counting less.

    `target` has class numbers, or distributions of the same shape as `logs`.
    """
    losses = -((-torch.expm1(logs)) ** gamma) * logs
    if target.is_floating_point():
        return (target * losses).sum(-1)
    return losses.gather(-1, target[..., None]).squeeze(-1)


def multiclass_hinge(scores: Tensor, target: Tensor) -> Tensor:
    """How much the true class's score lacks to be 1 above the greatest other one."""
    places = target[..., None]
    others = scores.scatter(-1, places, -math.inf).amax(-1)
    return F.relu(1 + others - scores.gather(-1, places).squeeze(-1))


def cosine_distance(prediction: Tensor, target: Tensor) -> Tensor:
    """1 - the cosine of the angle of vectors on the last axis; 1 for the vector 0."""
    lengths = [(x.square().sum(-1) + 1e-12).sqrt() for x in (prediction, target)]
    return 1 - (prediction * target).sum(-1) / (lengths[0] * lengths[1])


def ctc(scores: Tensor, target: Tensor, blank: int) -> Tensor:
    """-ln of the chance that the labels before the first blank are read off the steps;
    0 when they do not fit."""
    labels = (target != blank).cumprod(1).sum(1)
    steps = torch.full_like(labels, scores.shape[1])
    logs = scores.log_softmax(-1).transpose(0, 1)
    return F.ctc_loss(logs, target, steps, labels, blank, "none", zero_infinity=True)
